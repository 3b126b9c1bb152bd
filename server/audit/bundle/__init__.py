"""Bundles: a round or a whole database in one signed file that can be verified without this server.

writer          export_bundle
statement       the signed statement of a bundle
reader          open_bundle: opens an untrusted file within limits
episodes        the episodes of a bundle as its lines, in batches; format 2
format_1        the same of bundles of format 1
verifier        verify_bundle: derives a bundle again in worker processes
episode_checks  checks each episode by itself; runs in the workers
facts           heads and attempts of all episodes, in a temporary file
findings        signature, boards, and evidence from outside
checkpoints     checkpoints in the bundle and from outside
"""
