"""What happens in episodes, in the order of the log, for whoever watches.

Rule 1: a watcher names the position it has and gets everything after it, from memory or from the log; a dropped
connection or a restarted server loses nothing. Rule 2: what is told of an episode that runs names it by its number and
says what was done, never what was written or shown. Rule 3: one query serves all watchers; none runs where none watch.
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
from server.storage.errors import StoreError
from server.storage.positions import read_safe_position
from server.web.pages.episode.timeline import steps_allowed, title_of_stored
from server.web.pages.episode_names import number_name, page_path
from server.web.pages.queries import read_told

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 0.25
QUIET_SECONDS = 15.0
"""How long a watcher hears nothing before it is told that nothing happened: proxies close silent connections."""
_KEPT = 2000
_Result = TypeVar("_Result")


class FeedEntry(NamedTuple):
    """One event, as it is told."""

    position: int
    number: int
    """Position of the episode's reset."""
    frame: bytes
    """The server-sent event."""


class Feed:
    """The newest events in memory, the older ones from the log."""

    def __init__(self, reader: AsyncEngine) -> None:
        self._reader = reader
        self._recent: deque[FeedEntry] = deque()
        self._floor = self._head = 0
        """All events after the floor, up to the head, are in memory."""
        self._watchers = 0
        self._is_watched = asyncio.Event()
        self._news = asyncio.Condition()

    async def run(self) -> None:
        """Follow the log for ever, as long as somebody watches."""
        while True:
            if not self._is_watched.is_set():
                await self._is_watched.wait()
                await self._skip_to_the_head()
            try:
                await self._follow_once()
            except StoreError as error:
                logger.warning("the live feed waits for the database: %s", error)
            except Exception:  # whatever it is, later events must not be lost with it
                logger.exception("the live feed could not go on; it tries again")
            await asyncio.sleep(PAUSE_SECONDS)

    async def follow(self, after: int | None) -> AsyncGenerator[list[FeedEntry], None]:
        """Everything after a position, in pieces; an empty piece where nothing happened for long. Null: from now on."""
        self._watchers += 1
        self._is_watched.set()
        try:
            at = after if after is not None else await _whole(read_safe_position(self._reader))
            while True:
                told = await self._next(at)
                yield told
                at = told[-1].position if told else at
        finally:
            self._watchers -= 1
            if not self._watchers:
                self._is_watched.clear()

    async def _next(self, at: int) -> list[FeedEntry]:
        if at < self._floor or self._head == 0:
            older = await self._read(at)
            if older:
                return older
        async with self._news:
            try:
                async with asyncio.timeout(QUIET_SECONDS):
                    await self._news.wait_for(lambda: self._head > at)
            except TimeoutError:
                return []
        # What fell out of memory while waiting is read from the log.
        return [each for each in self._recent if each.position > at] if at >= self._floor else await self._read(at)

    async def _skip_to_the_head(self) -> None:
        """Begin at the present: what happened while nobody watched is in the log for those who ask for it."""
        try:
            self._floor = self._head = await _whole(read_safe_position(self._reader))
        except StoreError as error:
            logger.warning("the live feed begins late: %s", error)
        self._recent.clear()

    async def _follow_once(self) -> None:
        told = await self._read(self._head)
        if not told:
            return
        async with self._news:
            self._recent.extend(told)
            self._head = told[-1].position
            while len(self._recent) > _KEPT:
                self._floor = self._recent.popleft().position
            self._news.notify_all()

    async def _read(self, after: int) -> list[FeedEntry]:
        return [to_entry(row) for row in await _whole(self._read_rows(after))]

    async def _read_rows(self, after: int) -> list[Row[Any]]:
        until = await read_safe_position(self._reader)
        return await read_told(self._reader, after=after, until=until)


async def _whole(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Watchers go away at any moment: a query is finished first, or its connection would be lost to the pool."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def to_entry(row: Any) -> FeedEntry:
    """One recorded event as everybody may know it at once."""
    is_end = row.kind in ENDING_KINDS
    said = {
        "number": number_name(row.number),
        "step": row.version - 1,
        "kind": row.kind,
        "title": title_of_stored(row.kind, row.schema_version, row.payload),
        "task": row.task_id,
        "agent": row.agent,
        "max_steps": steps_allowed(row.task_id, row.beginning),
        "at": row.recorded_at,
        "ended": is_end,
        "score": row.score if is_end else None,
        "path": page_path(episode_id=row.stream_id, number=row.number, is_running=not is_end),
    }
    frame = b"id: %d\nevent: told\ndata: %s\n\n" % (row.position, encode_json(said))
    return FeedEntry(row.position, row.number, frame)


def frames(told: Sequence[FeedEntry], number: int | None) -> bytes:
    """The pieces of a stream for a watcher of all episodes or of one; a comment where there is nothing to tell."""
    kept = [each.frame for each in told if number is None or each.number == number]
    return b"".join(kept) or b": nothing new\n\n"
