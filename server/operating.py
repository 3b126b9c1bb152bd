"""One look at the database, or one change of it, apart from a running server: what commands and checkpoints need.

Events are only ever appended by the store; what is changed here are the operator's own tables and rebuilt read models.
"""

from __future__ import annotations

import asyncio
from typing import Callable, TypeVar

from sqlalchemy import Connection
from sqlalchemy.engine import URL

from server.database import (
    create_postgres_write_engine,
    create_upgrade_engine,
    create_write_engine,
    is_sqlite,
    parse_url,
)
from server.replay import reading
from server.schema_versions import upgrade_database
from server.settings import Settings

_Result = TypeVar("_Result")


def accept() -> None:
    """Any database will do."""


async def look(settings: Settings, query: Callable[[Connection], _Result]) -> _Result:
    """What ``query`` finds over a connection that cannot write; raises ``NotOurDatabaseError``."""
    async with reading(settings) as connection:
        return await connection.run_sync(query)


async def look_at_once(settings: Settings, query: Callable[[Connection], _Result]) -> _Result:
    """The same, with all statements of ``query`` about one moment."""
    async with reading(settings) as connection:
        if is_sqlite(parse_url(settings.database_url)):
            await connection.exec_driver_sql("BEGIN")
        else:
            connection = await connection.execution_options(isolation_level="REPEATABLE READ")
        return await connection.run_sync(query)


async def change(
    settings: Settings, statements: Callable[[Connection], _Result], *, may_take_long: bool = False
) -> _Result:
    """Run ``statements`` in one transaction. A server may run beside it. ``may_take_long``: on PostgreSQL, without a limit of
    time for a lock, a statement or the whole."""
    url = parse_url(settings.database_url)
    if is_sqlite(url):
        return await asyncio.to_thread(_change_sqlite, url, statements)
    engine = create_upgrade_engine(url) if may_take_long else create_postgres_write_engine(url)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(statements)
    finally:
        await engine.dispose()


async def upgrade_and_change(
    settings: Settings, statements: Callable[[Connection], _Result], *, may_take_long: bool = False
) -> _Result:
    """The same on a database that is made or brought up to date first."""
    await upgrade_database(parse_url(settings.database_url))
    return await change(settings, statements, may_take_long=may_take_long)


def _change_sqlite(url: URL, statements: Callable[[Connection], _Result]) -> _Result:
    engine = create_write_engine(url)
    try:
        with engine.begin() as connection:
            return statements(connection)
    finally:
        engine.dispose()
