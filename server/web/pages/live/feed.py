"""Broadcasts new events to the live page, in the order of the log.

Rule 1: a subscriber names the position it has and gets every event after it, from memory or from the log; a dropped
connection or a restarted server loses nothing. Rule 2: an event of a running episode carries the number of the episode and
what was done, never the id, what the agent wrote or what it was shown. Rule 3: one query serves all subscribers; without
subscribers no query runs.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any, AsyncGenerator, Coroutine, NamedTuple, Sequence, TypeVar

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.events import ENDING_KINDS
from domain.json import encode_json
from domain.ranking.statistics import PASS_SCORE
from server.storage.errors import StoreError
from server.storage.positions import read_safe_position
from server.web.pages.episode.timeline import max_steps_of, stored_event_title
from server.web.pages.episode_names import page_path, public_name
from server.web.pages.queries import read_feed_events

logger = logging.getLogger(__name__)

POLL_INTERVAL_SECONDS = 0.25
KEEPALIVE_SECONDS = 15.0
"""Interval of keep-alive comments: proxies close idle connections."""
_MAX_BUFFERED = 2000
_Result = TypeVar("_Result")


class FeedEntry(NamedTuple):
    """One event, encoded for subscribers."""

    position: int
    number: int
    """Number of the episode: the position of its reset."""
    frame: bytes
    """The server-sent event."""


class Feed:
    """Serves the newest events from memory and older ones from the log."""

    def __init__(self, reader: AsyncEngine) -> None:
        self._reader = reader
        self._buffer: deque[FeedEntry] = deque()
        self._floor = self._head = 0
        """The buffer holds all events after the floor, up to the head."""
        self._watchers = 0
        self._is_watched = asyncio.Event()
        self._advanced = asyncio.Condition()

    async def run(self) -> None:
        """Poll the log while there are subscribers; never returns."""
        while True:
            if not self._is_watched.is_set():
                await self._is_watched.wait()
                await self._skip_to_the_head()
            try:
                await self._follow_once()
            except StoreError as error:
                logger.warning("the live feed waits for the database: %s", error)
            except Exception:  # any error: later events must still be sent
                logger.exception("the live feed could not go on; it tries again")
            await asyncio.sleep(POLL_INTERVAL_SECONDS)

    async def follow(self, after: int | None) -> AsyncGenerator[list[FeedEntry], None]:
        """Batches of all events after a position; an empty batch when it is time for a keep-alive. None: only new events."""
        self._watchers += 1
        self._is_watched.set()
        try:
            at = after if after is not None else await _finish_query(read_safe_position(self._reader))
            while True:
                entries = await self._next(at)
                yield entries
                at = entries[-1].position if entries else at
        finally:
            self._watchers -= 1
            if not self._watchers:
                self._is_watched.clear()

    async def _next(self, at: int) -> list[FeedEntry]:
        if at < self._floor or self._head == 0:
            older = await self._read(at)
            if older:
                return older
        async with self._advanced:
            try:
                async with asyncio.timeout(KEEPALIVE_SECONDS):
                    await self._advanced.wait_for(lambda: self._head > at)
            except TimeoutError:
                return []
        # Events that left the buffer while waiting are read from the log.
        return [each for each in self._buffer if each.position > at] if at >= self._floor else await self._read(at)

    async def _skip_to_the_head(self) -> None:
        """Start at the newest event: older ones are read from the log on request."""
        try:
            self._floor = self._head = await _finish_query(read_safe_position(self._reader))
        except StoreError as error:
            logger.warning("the live feed begins late: %s", error)
        self._buffer.clear()

    async def _follow_once(self) -> None:
        entries = await self._read(self._head)
        if not entries:
            return
        async with self._advanced:
            self._buffer.extend(entries)
            self._head = entries[-1].position
            while len(self._buffer) > _MAX_BUFFERED:
                self._floor = self._buffer.popleft().position
            self._advanced.notify_all()

    async def _read(self, after: int) -> list[FeedEntry]:
        return [to_entry(row) for row in await _finish_query(self._read_rows(after))]

    async def _read_rows(self, after: int) -> list[Row[Any]]:
        until = await read_safe_position(self._reader)
        return await read_feed_events(self._reader, after=after, until=until)


async def _finish_query(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Finish a query before its subscriber is cancelled: otherwise the pool would lose the connection."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def to_entry(row: Any) -> FeedEntry:
    """The public entry of a recorded event."""
    is_end = row.kind in ENDING_KINDS
    data = {
        "number": public_name(row.number),
        "step": row.version - 1,
        "kind": row.kind,
        "title": stored_event_title(row.kind, row.schema_version, row.payload),
        "task": row.task_id,
        "agent": row.agent,
        "max_steps": max_steps_of(row.task_id, row.reset_payload),
        "at": row.recorded_at,
        "ended": is_end,
        "score": row.score if is_end else None,
        "passed": row.score >= PASS_SCORE if is_end and row.score is not None else None,
        "path": page_path(episode_id=row.stream_id, number=row.number, is_running=not is_end),
    }
    # "told" is part of the stream: pages that are open in browsers listen for this name.
    frame = b"id: %d\nevent: told\ndata: %s\n\n" % (row.position, encode_json(data))
    return FeedEntry(row.position, row.number, frame)


def join_frames(entries: Sequence[FeedEntry], number: int | None) -> bytes:
    """The frames for a subscriber to all episodes (``number`` is None) or to one; a keep-alive comment if there are none."""
    kept = [each.frame for each in entries if number is None or each.number == number]
    return b"".join(kept) or b": nothing new\n\n"
