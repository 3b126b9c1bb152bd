"""One write transaction, in which statements are run with plain tuples, as cheaply as the database allows."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from functools import partial
from typing import Any, Callable, Iterator, Sequence

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError

from server.statements import Statement, arranged, run_rows

RunRows = Callable[[Statement, Sequence[tuple[Any, ...]]], None]
"""Runs a statement once for each row."""


@contextmanager
def transaction(connection: Connection) -> Iterator[RunRows]:
    """Commits at the end, rolls back on an error, and raises SQLAlchemy's errors whatever the driver is."""
    if connection.dialect.name != "sqlite":
        with connection.begin():
            yield partial(run_rows, connection)
        return
    # A commit of SQLite costs so little that SQLAlchemy's own work around it would be a third of the whole.
    driver: Any = connection.connection.dbapi_connection
    try:
        driver.execute("BEGIN IMMEDIATE")
        try:
            yield lambda statement, rows: driver.executemany(*arranged(statement, rows, connection.dialect))
            driver.execute("COMMIT")
        finally:
            if driver.in_transaction:
                driver.execute("ROLLBACK")
    except sqlite3.IntegrityError as error:
        raise IntegrityError(None, None, error) from error
    except sqlite3.Error as error:
        raise DBAPIError(None, None, error) from error
