"""The operator's commands, a noun a file; `server/cli.py` mounts them."""
