"""Short-lived read and write connections, for commands and background tasks.

Events are only appended by the store; the writes here are to the operator's own tables and to rebuilt read models.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import Any, AsyncIterator, Callable, TypeVar

from sqlalchemy import Connection, Executable, Row, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from server.storage.engines import (
    create_postgres_write_engine,
    create_read_engine,
    create_upgrade_engine,
    create_write_engine,
    is_sqlite,
    parse_url,
    shown_url,
)
from server.storage.errors import translate_database_errors
from server.storage.migrations import upgrade_database

_Result = TypeVar("_Result")


def accept() -> None:
    """The check that accepts any database."""


async def fetch_all(reader: AsyncEngine, query: Executable, **values: Any) -> list[Row[Any]]:
    """All rows of one query over a server's reading engine; raises ``StoreUnavailableError``."""
    with translate_database_errors():
        async with reader.connect() as connection:
            return list(await connection.execute(query, values))


async def run_read(database_url: str, query: Callable[[Connection], _Result]) -> _Result:
    """Run a query over a connection that cannot write; raises ``NotOurDatabaseError``."""
    async with open_read_connection(database_url) as connection:
        return await connection.run_sync(query)


async def run_read_snapshot(database_url: str, query: Callable[[Connection], _Result]) -> _Result:
    """The same, with all statements of ``query`` in one snapshot."""
    async with open_read_connection(database_url) as connection:
        if is_sqlite(parse_url(database_url)):
            await connection.exec_driver_sql("BEGIN")
        else:
            connection = await connection.execution_options(isolation_level="REPEATABLE READ")
        return await connection.run_sync(query)


async def run_write(
    database_url: str, statements: Callable[[Connection], _Result], *, may_take_long: bool = False
) -> _Result:
    """Run ``statements`` in one transaction. A server may run at the same time. ``may_take_long``: on PostgreSQL, without
    timeouts."""
    url = parse_url(database_url)
    if is_sqlite(url):
        return await asyncio.to_thread(run_write_sqlite, url, statements)
    engine = create_upgrade_engine(url) if may_take_long else create_postgres_write_engine(url)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(statements)
    finally:
        await engine.dispose()


async def migrate_and_run(
    database_url: str, statements: Callable[[Connection], _Result], *, may_take_long: bool = False
) -> _Result:
    """The same on a database that is created or upgraded first."""
    await upgrade_database(parse_url(database_url))
    return await run_write(database_url, statements, may_take_long=may_take_long)


def run_write_sqlite(url: URL, statements: Callable[[Connection], _Result]) -> _Result:
    """The same on an SQLite file, in this thread."""
    engine = create_write_engine(url)
    try:
        with engine.begin() as connection:
            return statements(connection)
    finally:
        engine.dispose()


class NotOurDatabaseError(Exception):
    """It is no database, cannot be reached, or has other tables."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} is no database of episodes: {reason}")
        self.name = name


@asynccontextmanager
async def open_read_connection(database_url: str) -> AsyncIterator[AsyncConnection]:
    """A connection that cannot write; the database need not be served at the moment."""
    url = parse_url(database_url)
    engine = create_read_engine(url)
    if is_sqlite(url):
        event.listen(engine.sync_engine, "connect", _read_any_text)
    try:
        async with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        raise NotOurDatabaseError(shown_url(url), str(error.orig)) from error
    except OSError as error:
        raise NotOurDatabaseError(shown_url(url), str(error)) from error
    finally:
        await engine.dispose()


def _read_any_text(connection: Any, _record: object) -> None:
    # A text that is no UTF-8 must reach the audit as a finding, not stop it.
    connection.driver_connection.text_factory = lambda stored: stored.decode("utf-8", "replace")
