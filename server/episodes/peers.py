"""Publishes and receives session takeovers between servers on one database, with PostgreSQL LISTEN and NOTIFY.

All servers hear all news in one order, their own among them: PostgreSQL delivers notifications in the order of their commits.
News that is lost with a connection costs no event: the log decides who was first, here as everywhere.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from contextlib import asynccontextmanager
from typing import Any, AsyncIterator, Callable, Literal, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from server.storage.errors import StoreUnavailableError, translate_database_errors
from server.supervision import Supervisor

logger = logging.getLogger(__name__)

CHANNEL = "mlops_debug_sessions"
LISTENER = "peer-listener"
"""Name of the background task."""
AGAIN_SECONDS = 1.0
"""Time after which a lost connection is looked for again."""
START_SECONDS = 10.0
"""How long a start waits until the others are heard. Then the server starts all the same, and is not ready before."""
UNHEARD_SECONDS = 5.0
"""A server that did not hear the others for this long is not ready."""


class PeerMessage(NamedTuple):
    """What happened on a session."""

    kind: Literal["seat", "episode"]
    """A socket sat down, or another episode became current."""
    session: str
    """Digest of its key."""
    token: str
    """Of the socket, or of the server, that it comes from."""


def read_news(payload: str) -> PeerMessage:
    """The payload of a notification; raises ``ValueError``: anybody with a connection to the database can send one."""
    said = json.loads(payload)
    if not (isinstance(said, list) and len(said) == 3 and all(isinstance(each, str) for each in said)):
        raise ValueError("it does not hold three texts")
    if said[0] not in ("seat", "episode"):
        raise ValueError(f"it is of the unknown kind {said[0]!r}")
    return PeerMessage(*said)


class PeerChannel:
    """The other servers. On SQLite there are none."""

    def __init__(self, reader: AsyncEngine) -> None:
        self._reader = reader
        self._has_any = reader.dialect.name == "postgresql"
        self._telling: set[asyncio.Task[None]] = set()
        self._in_order = asyncio.Lock()
        """An older socket's news that came after a newer one's would take the seat from the newer."""
        self._unheard_since: float | None = None
        """By the monotonic clock; None: the others are heard."""

    @property
    def is_unheard(self) -> bool:
        """Whether the other servers have not been heard for long."""
        return self._unheard_since is not None and time.monotonic() - self._unheard_since >= UNHEARD_SECONDS

    def publish(self, news: PeerMessage) -> None:
        """Tell them soon. Who tells does not wait: nothing that is recorded depends on it."""
        if self._has_any:
            task = asyncio.create_task(self._tell(news))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    @asynccontextmanager
    async def subscribed(
        self, on_message: Callable[[PeerMessage], None], supervisor: Supervisor
    ) -> AsyncIterator[None]:
        """Inside, every news is heard, from when the database answers."""
        if not self._has_any:
            yield
            return
        is_listening = asyncio.Event()
        self._unheard_since = time.monotonic()
        task = asyncio.create_task(supervisor.run_restarting(LISTENER, lambda: self._listen(on_message, is_listening)))
        try:
            await self._wait_until(is_listening)
            yield
        finally:
            for each in (task, *self._telling):
                each.cancel()
            await asyncio.gather(task, *self._telling, return_exceptions=True)

    async def _wait_until(self, is_listening: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(START_SECONDS):
                await is_listening.wait()
        except TimeoutError:
            logger.error(
                "the database did not let the server listen to the others within %.0f s; it starts, and is not ready before",
                START_SECONDS,
            )

    async def _tell(self, news: PeerMessage) -> None:
        try:
            with translate_database_errors():
                async with self._in_order, self._reader.connect() as connection:
                    said = {"channel": CHANNEL, "news": json.dumps(news)}
                    await connection.execute(text("SELECT pg_notify(:channel, :news)"), said)
        except StoreUnavailableError as error:
            logger.warning("the other servers were not told of session %s: %s", news.session, error)

    async def _listen(self, on_message: Callable[[PeerMessage], None], is_listening: asyncio.Event) -> None:
        while True:
            try:
                with translate_database_errors():
                    await self._listen_until_lost(on_message, is_listening)
            except StoreUnavailableError as error:
                logger.warning("the other servers are not heard: %s", error)
            self._unheard_since = self._unheard_since or time.monotonic()
            await asyncio.sleep(AGAIN_SECONDS)

    async def _listen_until_lost(self, on_message: Callable[[PeerMessage], None], is_listening: asyncio.Event) -> None:
        is_lost = asyncio.Event()

        def receive(_connection: Any, _pid: int, _channel: str, payload: str) -> None:
            try:
                on_message(read_news(payload))
            except Exception as error:  # noqa: BLE001 - one notification must not end the hearing of the others
                logger.warning("a notification on %s was not understood: %s", CHANNEL, error)

        async with self._reader.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            driver.add_termination_listener(lambda _: is_lost.set())
            await driver.add_listener(CHANNEL, receive)
            is_listening.set()
            self._unheard_since = None
            try:
                await is_lost.wait()
            finally:
                # Not back into the pool, where it would go on listening.
                await connection.invalidate()
