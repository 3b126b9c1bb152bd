"""Bundles: a round or a whole database in one signed file that can be verified without this server.

writer        export_bundle
statement     the signed statement of a bundle
reader        read_bundle: parses an untrusted file within limits
verifier      verify_bundle: rebuilds a database from a bundle and audits it
findings      signature, withheld payloads, receipts, boards, and evidence from outside
checkpoints   checkpoints in the bundle and from outside
"""
