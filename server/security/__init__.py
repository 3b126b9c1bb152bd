"""API keys, names and secrets: who sends a request, and what must not leak.

``api_keys``: ``Keys``. ``identity``: the client and the names that its key scopes. ``session_names``: digests of session
keys. ``secret_files``: files of secrets. ``signing``: Ed25519 signatures. ``log_redaction``: removes secrets from log lines.
"""
