"""Keeps the log (``-wal``) of an SQLite database short, as far as its readers allow.

SQLite copies the log into the file by itself, but begins it anew only when no reader is in it, and never shortens it. Beside a
reader that stays, the log grows with every commit: nothing can be done but to say so and to try again.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from typing import Any, Callable, Sequence

from sqlalchemy import Connection

from server.storage import engines as database
from server.storage.sqlite_files import OpenFiles
from server.storage.writers.protocol import Commit, Outcome, WriteBatch

logger = logging.getLogger(__name__)

AGAIN_SECONDS = 10.0
"""Time between two tries to shorten a log that is too long."""
TRY_MS = 100
"""How long one try waits for readers; appends wait with it."""


def limited(write: WriteBatch, files: OpenFiles, *, clock: Callable[[], float] = time.monotonic) -> WriteBatch:
    """The same, looking at the length of the log after each batch."""
    tried = -AGAIN_SECONDS

    def write_and_look(connection: Connection, batch: Sequence[Commit]) -> list[Outcome]:
        nonlocal tried
        outcomes = write(connection, batch)
        length = files.log_bytes()
        if length > database.LOG_LIMIT_BYTES and clock() - tried >= AGAIN_SECONDS:
            tried = clock()
            _shorten(connection, length)
        return outcomes

    return write_and_look


def _shorten(connection: Connection, length: int) -> None:
    driver: Any = connection.connection.dbapi_connection
    try:
        driver.execute(f"PRAGMA busy_timeout={TRY_MS}")
        is_kept, _, _ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as error:
        logger.warning("the database's log of %.0f MB could not be shortened: %s", length / 1e6, error)
        return
    finally:
        driver.execute(f"PRAGMA busy_timeout={database.BUSY_TIMEOUT_MS}")
    if is_kept:
        logger.warning(
            "the database's log has grown to %.0f MB and cannot be shortened, because a reader holds it: end a backup, an audit "
            "or another program that has the database open for long",
            length / 1e6,
        )
