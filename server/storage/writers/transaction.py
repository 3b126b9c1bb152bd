"""One write transaction with little overhead: statements run with plain tuples on the driver's connection."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from functools import lru_cache, partial
from itertools import chain
from typing import Any, Callable, Iterator, Sequence

from sqlalchemy import Connection, Dialect
from sqlalchemy.exc import DBAPIError, IntegrityError

from server.storage.engines import CACHED_STATEMENTS, MAX_ROWS
from server.storage.sql import Statement, arrange_rows, run_rows

RunRows = Callable[[Statement, Sequence[tuple[Any, ...]]], None]
"""Runs a statement once for each row."""


@contextmanager
def transaction(connection: Connection) -> Iterator[RunRows]:
    """Commits at the end, rolls back on an error, and raises SQLAlchemy's errors for every driver."""
    if connection.dialect.name != "sqlite":
        with connection.begin():
            yield partial(run_rows, connection)
        return
    # A commit of SQLite costs so little that SQLAlchemy's own work around it would be a third of the whole.
    driver: Any = connection.connection.dbapi_connection
    try:
        driver.execute("BEGIN IMMEDIATE")
        try:
            yield partial(_run_on_sqlite, driver, connection.dialect)
            driver.execute("COMMIT")
        finally:
            if driver.in_transaction:
                driver.execute("ROLLBACK")
    except sqlite3.IntegrityError as error:
        raise IntegrityError(None, None, error) from error
    except sqlite3.Error as error:
        raise DBAPIError(None, None, error) from error


def _run_on_sqlite(driver: Any, dialect: Dialect, statement: Statement, rows: Sequence[tuple[Any, ...]]) -> None:
    if statement.multi_row_text is None or len(rows) == 1:
        driver.executemany(*arrange_rows(statement, rows, dialect))
        return
    # The driver releases and re-acquires the GIL for each statement, which is slow beside a busy event loop: so one
    # statement for as many rows as there are. The driver caches the compiled ones of all sizes.
    for done in range(0, len(rows), MAX_ROWS):
        some = rows[done : done + MAX_ROWS]
        driver.execute(_multi_row_text(statement, len(some)), tuple(chain.from_iterable(some)))


@lru_cache(maxsize=CACHED_STATEMENTS)
def _multi_row_text(statement: Statement, count: int) -> str:
    if statement.multi_row_text is None:
        raise ValueError("the statement takes one row at a time")
    return statement.multi_row_text(count)
