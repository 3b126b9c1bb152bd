"""Plain SQL on the database of a test, as another program would send it."""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg

LostError = (sqlite3.Error, asyncpg.PostgresError)
"""What a refused statement raises."""


def execute(database_url: str, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements in one transaction on a connection of their own; the rows of the last."""
    if not database_url.startswith("sqlite"):
        # In a thread of its own, because a test may have a loop that runs already.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, _execute(database_url, statements)).result()
    connection = sqlite3.connect(database_url.removeprefix("sqlite:///"))
    try:
        with connection:
            return [connection.execute(each).fetchall() for each in statements][-1]
    finally:
        connection.close()


async def _execute(database_url: str, statements: tuple[str, ...]) -> list[tuple[Any, ...]]:
    connection = await connect(database_url)
    try:
        async with connection.transaction():
            return [[tuple(row) for row in await connection.fetch(each)] for each in statements][-1]
    finally:
        await connection.close()


async def connect(database_url: str) -> asyncpg.Connection:
    """A plain connection to PostgreSQL."""
    return await asyncpg.connect(database_url.replace("+asyncpg", ""))


def of_stream(name: str) -> str:
    """The condition on rows of ``events`` or ``episodes`` that they are of a stream."""
    return f"stream = (SELECT stream FROM streams WHERE stream_id = '{name}')"
