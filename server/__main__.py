"""The program ``mlops-debug``, which ``python -m server`` is, too."""

from __future__ import annotations

import os

from mlops_debug_env.commands.interrupts import ending_by_ctrl_c


def main() -> None:
    """Run it. Child interpreters do not import from the working directory."""
    os.environ["PYTHONSAFEPATH"] = "1"
    with ending_by_ctrl_c():
        from server.cli import cli

        cli()


if __name__ == "__main__":
    main()
