"""Limits the size of the write-ahead log (``-wal``) of an SQLite database, as far as its readers allow.

SQLite checkpoints the log by itself, but restarts it only when no reader uses it, and never truncates it. While a reader
keeps a transaction open, the log grows with every commit: all that can be done is to log a warning and to retry.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from typing import Any, Callable, Sequence

from sqlalchemy import Connection

from server.storage import engines as database
from server.storage.sqlite_files import DatabaseFiles
from server.storage.writers.protocol import Commit, Outcome, WriteBatch

logger = logging.getLogger(__name__)

RETRY_SECONDS = 10.0
"""Time between two attempts to truncate a log that is too long."""
CHECKPOINT_TIMEOUT_MS = 100
"""How long one attempt waits for readers; appends wait as well."""


def with_wal_limit(
    write: WriteBatch, files: DatabaseFiles, *, clock: Callable[[], float] = time.monotonic
) -> WriteBatch:
    """Wrap ``write`` so that the size of the log is checked after each batch."""
    tried = -RETRY_SECONDS

    def write_and_check(connection: Connection, batch: Sequence[Commit]) -> list[Outcome]:
        nonlocal tried
        outcomes = write(connection, batch)
        length = files.wal_bytes()
        if length > database.WAL_LIMIT_BYTES and clock() - tried >= RETRY_SECONDS:
            tried = clock()
            _truncate(connection, length)
        return outcomes

    return write_and_check


def _truncate(connection: Connection, length: int) -> None:
    driver: Any = connection.connection.dbapi_connection
    try:
        driver.execute(f"PRAGMA busy_timeout={CHECKPOINT_TIMEOUT_MS}")
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
