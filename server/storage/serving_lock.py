"""File lock that shows whether another server has the same SQLite file open. That works, but they wait for each other's lock."""

from __future__ import annotations

import importlib
import logging
import os
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator

try:
    _fcntl: Any = importlib.import_module("fcntl")
except ImportError:  # Windows
    _fcntl = None

logger = logging.getLogger(__name__)


@contextmanager
def hold_serving_lock(database: Path) -> Iterator[None]:
    """Hold a shared lock that shows that this server serves the file. Logs a warning if another one does."""
    descriptor = _open(database, os.O_RDWR | os.O_CREAT)
    try:
        if descriptor is not None:
            if not _is_exclusive(descriptor):
                logger.warning(
                    "another server serves %s: both work, but write in turns and count limits each for itself; stop one, or use "
                    "PostgreSQL (docs/how-to/postgres.md)",
                    database,
                )
            _lock(descriptor, shared=True)
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def is_served(database: Path) -> bool:
    """Whether a server has hold_serving_lock that it serves the file."""
    descriptor = _open(database, os.O_RDWR)
    if descriptor is None:
        return False
    try:
        return not _is_exclusive(descriptor)
    finally:
        os.close(descriptor)


def _open(database: Path, flags: int) -> int | None:
    """Open a separate lock file, because closing a descriptor of the database releases the locks that SQLite has on it."""
    if _fcntl is None:
        return None
    try:
        return os.open(f"{database.resolve()}-servers", flags | os.O_CLOEXEC, 0o644)
    except OSError:
        return None


def _is_exclusive(descriptor: int) -> bool:
    return _lock(descriptor, shared=False)


def _lock(descriptor: int, *, shared: bool) -> bool:
    """Whether the lock was acquired; True on a file system without locks."""
    kind = _fcntl.LOCK_SH if shared else _fcntl.LOCK_EX
    try:
        _fcntl.flock(descriptor, kind | _fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
