"""Checks that the packages of the extra ``bench`` are installed."""

from __future__ import annotations

import sys
from importlib.util import find_spec

PACKAGES = ("openenv", "psutil", "matplotlib")
"""What ``python -m bench`` needs."""
EXIT_USAGE = 2


def require_extra(program: str, *packages: str) -> None:
    """Exit with 2 and a one-line error where ``packages`` (those of ``python -m bench`` by default) are not installed."""
    missing = [name for name in packages or PACKAGES if find_spec(name) is None]
    if missing:
        print(f"{program} needs {', '.join(missing)}: run pip install -e '.[bench]' in the checkout", file=sys.stderr)
        raise SystemExit(EXIT_USAGE)
