"""``python -m mlops_debug_env``: the client's commands."""

from __future__ import annotations

from mlops_debug_env.commands.interrupts import ending_by_ctrl_c

if __name__ == "__main__":
    with ending_by_ctrl_c():
        from mlops_debug_env.cli import cli

        cli()
