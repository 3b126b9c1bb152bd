"""Detects that the files of an open SQLite database were deleted, moved or replaced.

SQLite goes on writing to an unlinked file, so that acknowledged commits are lost with it; and a new connection would apply
the old write-ahead log (``-wal``) to the database that now has the name. Rule 1: after a change nothing is read,
written or acknowledged until a restart. Rule 2: the old log is renamed, so that the new file does not get it.
"""

from __future__ import annotations

import logging
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Sequence

from sqlalchemy import Connection, Engine, event

from server.storage.errors import StoreUnavailableError, UnansweredCommitError
from server.storage.writers.protocol import Commit, Outcome, WriteBatch

logger = logging.getLogger(__name__)

_SUFFIXES = ("-wal", "-shm")
_Identity = tuple[int, int]


class DatabaseMovedError(StoreUnavailableError, OSError):
    """The file of the database was deleted, moved or replaced while it was open; only a restart helps."""

    def __init__(self) -> None:
        super().__init__("the file of the database was deleted, moved or replaced while it was open")


class DatabaseFiles:
    """Device and inode of the database file, its log and its shared memory, as of opening."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._wal_files = [Path(f"{path.resolve()}{ending}") for ending in _SUFFIXES]
        self._identities: dict[Path, _Identity] = {}
        self._lock = threading.Lock()
        self._is_moved = False

    def record_identities(self) -> None:
        """Record the present files. Called when the first connection has opened them."""
        found = {path: _identity(path) for path in (self._path, *self._wal_files)}
        self._identities = {path: identity for path, identity in found.items() if identity is not None}

    def check(self) -> None:
        """Raise ``DatabaseMovedError`` if a file has changed, and from then on always."""
        if not self._is_moved and all(_identity(path) == recorded for path, recorded in self._identities.items()):
            return
        with self._lock:
            if not self._is_moved:
                self._is_moved = True
                self._report()
        raise DatabaseMovedError

    def check_connections(self, engine: Engine) -> None:
        """Make the engine check the files before it opens or hands out a connection."""
        event.listen(engine, "do_connect", lambda *_: self.check())
        event.listen(engine, "checkout", lambda *_: self.check())

    def with_file_checks(self, write: WriteBatch) -> WriteBatch:
        """Wrap ``write`` so that it acknowledges nothing after a change of the files."""

        def write_checked(connection: Connection, batch: Sequence[Commit]) -> list[Outcome]:
            try:
                self.check()
            except DatabaseMovedError as error:
                return [error] * len(batch)
            outcomes = write(connection, batch)
            try:
                self.check()
            except DatabaseMovedError as error:
                return [UnansweredCommitError(str(error)) if each is None else each for each in outcomes]
            return outcomes

        return write_checked

    def wal_bytes(self) -> int:
        """Size of the write-ahead log; 0: there is none."""
        return _size(self._wal_files[0])

    def _report(self) -> None:
        logger.critical(
            "the database %s, or its log, was deleted, moved or replaced under the server: requests are answered with 503 "
            "until the server is started again%s",
            self._path,
            "" if _identity(self._path) == self._identities[self._path] else self._move_old_wal(),
        )

    def _move_old_wal(self) -> str:
        """Rename the log of the old file, so that it is not applied to the new one; returns a text for the log message."""
        renamed = []
        for path in self._wal_files:
            if _identity(path) == self._identities.get(path, ()):
                aside = path.with_name(f"{path.name}.of-inode-{self._identities[self._path][1]}")
                with suppress(FileNotFoundError):  # another server on the file was faster
                    path.rename(aside)
                    renamed.append(aside.name)
        return f"; the log of the old file was kept as {' and '.join(renamed)}" if renamed else ""


def wal_bytes(path: Path) -> int:
    """Size of the write-ahead log of an SQLite file; 0: there is none."""
    return _size(Path(f"{path.resolve()}-wal"))


def _size(path: Path) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def _identity(path: Path) -> _Identity | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
