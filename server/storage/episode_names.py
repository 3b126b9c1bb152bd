"""Finds episodes by the name that their player gave: an episode of an API key is stored under that name after the key's prefix."""

from __future__ import annotations

from typing import Any, Sequence

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.ext.asyncio import AsyncEngine

from server.storage.connections import fetch_all
from server.storage.schema import episode_rows, keys, streams

MAX_FOUND = 20
"""Names that are found at most."""

# `IN` over the few keys, so that each name is looked up in the index of names.
_GIVEN_AS = (
    select(streams.c.stream_id, episode_rows.c.agent)
    .outerjoin_from(streams, episode_rows, episode_rows.c.stream == streams.c.stream)
    .where(streams.c.stream_id.in_(select(keys.c.prefix + ":" + bindparam("name"))))
    .order_by(streams.c.stream)
    .limit(MAX_FOUND)
)
_STORED_AS = select(streams.c.stream_id).where(streams.c.stream_id == bindparam("name"))


class AmbiguousNameError(Exception):
    """Players of several keys gave an episode this name."""

    def __init__(self, name: str, found: Sequence[Any]) -> None:
        shown = ", ".join(f"{row.stream_id} (agent {row.agent or '-'})" for row in found)
        super().__init__(f"several players have an episode {name}; name one of {shown}")
        self.name = name


def find_episode_name(connection: Connection, name: str) -> str:
    """The stored name of the episode that is stored under this name or else was given it; raises ``AmbiguousNameError``. A name
    that no episode has is returned as it is."""
    if connection.execute(_STORED_AS, {"name": name}).first() is not None:
        return name
    found = connection.execute(_GIVEN_AS, {"name": name}).all()
    if len(found) > 1:
        raise AmbiguousNameError(name, found)
    return found[0].stream_id if found else name


async def read_names_given(reader: AsyncEngine, name: str) -> list[str]:
    """The stored names of the episodes that players with keys gave this name."""
    return [row.stream_id for row in await fetch_all(reader, _GIVEN_AS, name=name)]
