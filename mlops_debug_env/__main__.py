"""``python -m mlops_debug_env``: the client's commands."""

from __future__ import annotations

from mlops_debug_env.cli import cli

cli()
