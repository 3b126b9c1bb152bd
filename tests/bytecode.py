"""Bytecode of every process that a test run starts is cached, also where ``PYTHONDONTWRITEBYTECODE`` is set.

A server compiles two seconds of its start-up otherwise, and the tests start hundreds of processes.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def cache_bytecode(folder: Path) -> None:
    """Keep bytecode in this folder, for this process and its children; nothing is written beside the sources."""
    if not sys.dont_write_bytecode:
        return
    sys.dont_write_bytecode = False
    sys.pycache_prefix = str(folder)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder)
