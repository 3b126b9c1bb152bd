"""Reads events in store-wide order. A reader that continues from its last position never misses one that was committed late.

On PostgreSQL a transaction takes its positions before it commits, so a later position may be seen earlier. Every insert
first announces, by a lock that ends with its transaction, the last position given out before it began; all it inserts lies
above that. What lies at or below the lowest announcement is decided. On SQLite one transaction writes at a time.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.chain import Link
from server.storage.errors import translate_database_errors
from server.storage.schema import ANNOUNCEMENT, event_rows, events
from server.storage.stream_codec import to_link

_AFTER: Select[Any] = (
    select(events)
    .where(events.c.position > bindparam("after"), events.c.position <= bindparam("until"))
    .order_by(events.c.position)
    .limit(bindparam("at_most"))
)
_LAST_GIVEN = text("SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM events_position_seq")
_LOWEST_ANNOUNCED = text(
    "SELECT min(((classid::bigint & 65535) << 32) | objid::bigint) FROM pg_locks WHERE locktype = 'advisory' "
    "AND objsubid = 1 AND classid::bigint >> 16 = :mark "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def safe_position(connection: Connection) -> int:
    """No event will ever appear at or below this position that cannot be read now. Needs a connection that commits
    each statement by itself, of the primary server: a standby does not see the locks."""
    if connection.dialect.name == "sqlite":
        return int(connection.execute(select(func.coalesce(func.max(event_rows.c.position), 0))).scalar_one())
    # In this order: an insert that announces itself after the second look takes its positions above the first.
    given: int = connection.execute(_LAST_GIVEN).scalar_one()
    announced: int | None = connection.execute(_LOWEST_ANNOUNCED, {"mark": ANNOUNCEMENT}).scalar_one()
    return given if announced is None else min(given, announced)


def links_after(connection: Connection, *, after: int, limit: int) -> tuple[Link, ...]:
    """The next events after a position, at most ``limit``, none of which a late one can still come before."""
    until = safe_position(connection)
    found = connection.execute(_AFTER, {"after": after, "until": until, "at_most": limit})
    return tuple(to_link(row) for row in found)


async def read_safe_position(reader: AsyncEngine) -> int:
    """``safe_position`` over a reading connection."""
    with translate_database_errors():
        async with reader.connect() as connection:
            return await connection.run_sync(safe_position)


async def read_positions(reader: AsyncEngine, *, after: int, limit: int) -> tuple[Link, ...]:
    """``links_after`` over a reading connection. Go on from the position of the last event that was given."""
    with translate_database_errors():
        async with reader.connect() as connection:
            return await connection.run_sync(lambda opened: links_after(opened, after=after, limit=limit))
