"""The files of an SQLite database while a server has it open: noticed when they are deleted, moved or replaced.

SQLite goes on writing to a file that has lost its name, so that what is acknowledged is lost with the file; and a new
connection would apply the old log (``-wal``) to whatever database now has the name. Rule 1: after a change nothing is read,
written or acknowledged until a restart. Rule 2: the old log is moved out of the way of the new file, and kept.
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

_BESIDE = ("-wal", "-shm")
_Identity = tuple[int, int]


class DatabaseMovedError(StoreUnavailableError, OSError):
    """The file of the database was deleted, moved or replaced while it was open; only a restart helps."""

    def __init__(self) -> None:
        super().__init__("the file of the database was deleted, moved or replaced while it was open")


class OpenFiles:
    """The file and its log, by device and inode, as they were when they were opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._beside = [Path(f"{path.resolve()}{ending}") for ending in _BESIDE]
        self._known: dict[Path, _Identity] = {}
        self._lock = threading.Lock()
        self._is_moved = False

    def remember(self) -> None:
        """From now on the files must stay the ones they are. Called when the first connection has them open."""
        found = {path: _identity(path) for path in (self._path, *self._beside)}
        self._known = {path: identity for path, identity in found.items() if identity is not None}

    def check(self) -> None:
        """Raises ``DatabaseMovedError``, from the first change on for ever."""
        if not self._is_moved and all(_identity(path) == known for path, known in self._known.items()):
            return
        with self._lock:
            if not self._is_moved:
                self._is_moved = True
                self._report()
        raise DatabaseMovedError

    def guard(self, engine: Engine) -> None:
        """Let the engine open and lend no connection after a change."""
        event.listen(engine, "do_connect", lambda *_: self.check())
        event.listen(engine, "checkout", lambda *_: self.check())

    def checked(self, write: WriteBatch) -> WriteBatch:
        """The same, acknowledging nothing after a change."""

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

    def log_bytes(self) -> int:
        """How long the log is; 0: there is none."""
        return log_bytes(self._path)

    def _report(self) -> None:
        logger.critical(
            "the database %s, or its log, was deleted, moved or replaced under the server: requests are answered with 503 "
            "until the server is started again%s",
            self._path,
            "" if _identity(self._path) == self._known[self._path] else self._set_aside(),
        )

    def _set_aside(self) -> str:
        """Move the log of the old file away from the new one, which it does not belong to."""
        kept = []
        for path in self._beside:
            if _identity(path) == self._known.get(path, ()):
                aside = path.with_name(f"{path.name}.of-inode-{self._known[self._path][1]}")
                with suppress(FileNotFoundError):  # another server on the file was faster
                    path.rename(aside)
                    kept.append(aside.name)
        return f"; the log of the old file was kept as {' and '.join(kept)}" if kept else ""


def log_bytes(path: Path) -> int:
    """How long the log of an SQLite file is; 0: there is none."""
    try:
        return Path(f"{path.resolve()}-wal").stat().st_size
    except FileNotFoundError:
        return 0


def _identity(path: Path) -> _Identity | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
