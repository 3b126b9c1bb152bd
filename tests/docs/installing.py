"""Checks the ``pip install`` of a page's blocks against the project's extras, without installing."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def check(arguments: list[str]) -> str | None:
    """What is wrong with the command; null: nothing."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    if not arguments or arguments[0] != "install":
        return f"pip {' '.join(arguments)} is not an installation"
    for each in arguments[1:]:
        extras = re.fullmatch(r"\.(?:\[([\w,]+)\])?", each)
        if extras is None and each not in ("--require-hashes", "--no-deps", "-r", "-e", "constraints.txt"):
            return f"{each} is not of this project"
        unknown = set((extras[1] or "").split(",") if extras else ()) - {"", *project["optional-dependencies"]}
        if unknown:
            return f"there is no extra {unknown}"
    return None


if __name__ == "__main__":
    sys.exit(check(sys.argv[1:]))
