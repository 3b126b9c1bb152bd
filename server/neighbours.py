"""Tells the other servers on the same database what their open sockets must know at once, and hears what they tell.

All servers hear all news in one order, their own among them: PostgreSQL delivers notifications in the order of their commits.
News that is lost with a connection costs no event: the log decides who was first, here as everywhere.
"""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import asynccontextmanager
from typing import Any, AsyncIterator, Callable, Literal, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from server.store import unavailable_if_silent
from server.store_errors import StoreUnavailableError

logger = logging.getLogger(__name__)

CHANNEL = "mlops_debug_sessions"
AGAIN_SECONDS = 1.0
"""Time after which a lost connection is looked for again."""


class News(NamedTuple):
    """What happened on a session."""

    kind: Literal["seat", "episode"]
    """A socket sat down, or another episode became current."""
    session: str
    """Digest of its key."""
    token: str
    """Of the socket, or of the server, that it comes from."""


class Neighbours:
    """The other servers. On SQLite there are none."""

    def __init__(self, reader: AsyncEngine) -> None:
        self._reader = reader
        self._has_any = reader.dialect.name == "postgresql"
        self._telling: set[asyncio.Task[None]] = set()
        self._in_order = asyncio.Lock()
        """An older socket's news that came after a newer one's would take the seat from the newer."""

    def tell(self, news: News) -> None:
        """Tell them soon. Who tells does not wait: nothing that is recorded depends on it."""
        if self._has_any:
            task = asyncio.create_task(self._tell(news))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    @asynccontextmanager
    async def listening(self, hear: Callable[[News], None]) -> AsyncIterator[None]:
        """Inside, every news is heard."""
        if not self._has_any:
            yield
            return
        is_listening = asyncio.Event()
        task = asyncio.create_task(self._listen(hear, is_listening))
        await is_listening.wait()
        try:
            yield
        finally:
            for each in (task, *self._telling):
                each.cancel()
            await asyncio.gather(task, *self._telling, return_exceptions=True)

    async def _tell(self, news: News) -> None:
        try:
            with unavailable_if_silent():
                async with self._in_order, self._reader.connect() as connection:
                    said = {"channel": CHANNEL, "news": json.dumps(news)}
                    await connection.execute(text("SELECT pg_notify(:channel, :news)"), said)
        except StoreUnavailableError as error:
            logger.warning("the other servers were not told of session %s: %s", news.session, error)

    async def _listen(self, hear: Callable[[News], None], is_listening: asyncio.Event) -> None:
        while True:
            try:
                with unavailable_if_silent():
                    await self._listen_until_lost(hear, is_listening)
            except StoreUnavailableError as error:
                logger.warning("the other servers are not heard: %s", error)
            await asyncio.sleep(AGAIN_SECONDS)

    async def _listen_until_lost(self, hear: Callable[[News], None], is_listening: asyncio.Event) -> None:
        is_lost = asyncio.Event()

        def receive(_connection: Any, _pid: int, _channel: str, payload: str) -> None:
            hear(News(*json.loads(payload)))

        async with self._reader.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            driver.add_termination_listener(lambda _: is_lost.set())
            await driver.add_listener(CHANNEL, receive)
            is_listening.set()
            try:
                await is_lost.wait()
            finally:
                # Not back into the pool, where it would go on listening.
                await connection.invalidate()
