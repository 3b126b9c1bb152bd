"""Calls that end a worker process. Imports next to nothing, because each new worker imports it."""

from __future__ import annotations

import os
from pathlib import Path


def die_until(flag: str, times: int) -> int:
    """End the process that runs this, so many times; then answer with its id. ``flag`` is the file that counts."""
    path = Path(flag)
    if (path.stat().st_size if path.exists() else 0) < times:
        with path.open("ab") as file:
            file.write(b"x")
        os._exit(1)
    return os.getpid()
