"""The event store: streams, versions, bytes, hashes. It does not know what an event means.

Rule 1: an append is acknowledged only after its transaction is durable. Rule 2: an append whose expected version is not
current fails alone, also in a transaction with others. Rule 3: rows given with an append are written with it or not
at all; their contents are not inspected. Rule 4: nothing here changes or removes an event.
"""

from __future__ import annotations

import time
from typing import Sequence

from sqlalchemy.ext.asyncio import AsyncEngine

from domain.chain import Link
from server.storage.errors import StoreUnavailableError, translate_database_errors
from server.storage.stream_codec import STREAM_QUERY, to_link
from server.storage.writers.protocol import Commit, ForeignWrites, Writer


class EventStore:
    """Appends go through the single writer; reads use their own connections."""

    def __init__(self, writer: Writer, reader: AsyncEngine) -> None:
        self._writer = writer
        self._reader = reader
        self._waiting = 0
        self._last_refusal: float | None = None

    @property
    def queue_depth(self) -> int:
        """Number of pending commits."""
        return self._waiting

    def refused_within(self, seconds: float) -> bool:
        """Whether the latest append was refused within the last ``seconds``."""
        return self._last_refusal is not None and time.monotonic() - self._last_refusal <= seconds

    async def foreign_writes(self, names: Sequence[str] | None = None) -> ForeignWrites:
        """See `Writer.foreign_writes`."""
        return await self._writer.foreign_writes(names)

    async def append(self, commit: Commit) -> ForeignWrites:
        """Write the appends of a commit together or not at all; return once they are durable, with what `Writer.submit` gives.

        An error names the stream of the append that failed.
        """
        for each in commit.appends:
            for version, link in enumerate(each.linked, start=each.expected_version + 1):
                if link.version != version:
                    raise ValueError(f"{each.stream_id}: events must be linked after version {each.expected_version}")
        self._waiting += 1
        try:
            foreign_writes = await self._writer.submit(commit)
            self._last_refusal = None
            return foreign_writes
        except StoreUnavailableError:
            self._last_refusal = time.monotonic()
            raise
        finally:
            self._waiting -= 1

    async def read(self, stream_id: str) -> tuple[Link, ...]:
        """The whole stream in order; empty: there is none."""
        with translate_database_errors():
            async with self._reader.connect() as connection:
                found = await connection.execute(STREAM_QUERY, {"stream": stream_id})
                return tuple(to_link(row) for row in found)
