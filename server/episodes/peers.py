"""Publishes and receives session takeovers between servers on one database, with PostgreSQL LISTEN and NOTIFY.

All servers receive all messages in one order, their own included: PostgreSQL delivers notifications in the order of their
commits. A message that is lost with a connection costs no event: which of two appends came first is decided by the log.
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
from server.storage.writers.remote import RemoteWriter
from server.supervision import Supervisor

logger = logging.getLogger(__name__)

CHANNEL = "mlops_debug_sessions"
LISTENER = "peer-listener"
"""Name of the background task."""
AGAIN_SECONDS = 1.0
"""Time after which a lost connection is opened again."""
START_SECONDS = 10.0
"""Max time that a start waits for the subscription. After that the server starts without it, and is not ready until it is there."""
DISCONNECTED_SECONDS = 5.0
"""A server without a subscription for this long is not ready."""


class PeerMessage(NamedTuple):
    """What happened on a session."""

    kind: Literal["seat", "episode"]
    """``seat``: a socket was added to the session; ``episode``: another episode became current."""
    session: str
    """Digest of its key."""
    token: str
    """Of the socket, or of the server, that published it."""


def decode_message(payload: str) -> PeerMessage:
    """The message of a notification; raises ``ValueError``: every client of the database can send one."""
    fields = json.loads(payload)
    if not (isinstance(fields, list) and len(fields) == 3 and all(isinstance(each, str) for each in fields)):
        raise ValueError("it is not a list of three strings")
    if fields[0] not in ("seat", "episode"):
        raise ValueError(f"it is of the unknown kind {fields[0]!r}")
    return PeerMessage(*fields)


class LocalPeerChannel:
    """The messages of the processes of one server on an SQLite file. The process that writes for all of them passes them on in
    one order."""

    is_disconnected = False
    """Never by itself: without that process no append is taken either, and readiness reports that."""

    def __init__(self, writer: RemoteWriter) -> None:
        self._writer = writer

    def publish(self, message: PeerMessage) -> None:
        self._writer.publish(json.dumps(message).encode())

    @asynccontextmanager
    async def subscribed(
        self, on_message: Callable[[PeerMessage], None], _supervisor: Supervisor
    ) -> AsyncIterator[None]:
        self._writer.on_message = lambda body: on_message(decode_message(body.decode()))
        yield


class PeerChannel:
    """The subscription to the messages of all servers. On SQLite there are no other servers, and none is needed."""

    def __init__(self, reader: AsyncEngine) -> None:
        self._reader = reader
        self._has_any = reader.dialect.name == "postgresql"
        self._publishing: set[asyncio.Task[None]] = set()
        self._in_order = asyncio.Lock()
        """Messages are sent in the order in which they were published: else an older socket could take a session over from a
        newer one."""
        self._disconnected_since: float | None = None
        """By the monotonic clock; None: it is subscribed."""

    @property
    def is_disconnected(self) -> bool:
        """Whether there has been no subscription for long."""
        return (
            self._disconnected_since is not None and time.monotonic() - self._disconnected_since >= DISCONNECTED_SECONDS
        )

    def publish(self, message: PeerMessage) -> None:
        """Send a message in the background: nothing that is recorded depends on it."""
        if self._has_any:
            task = asyncio.create_task(self._send(message))
            self._publishing.add(task)
            task.add_done_callback(self._publishing.discard)

    @asynccontextmanager
    async def subscribed(
        self, on_message: Callable[[PeerMessage], None], supervisor: Supervisor
    ) -> AsyncIterator[None]:
        """Inside, ``on_message`` is called with every message, from when the database answers."""
        if not self._has_any:
            yield
            return
        is_listening = asyncio.Event()
        self._disconnected_since = time.monotonic()
        task = asyncio.create_task(supervisor.run_restarting(LISTENER, lambda: self._listen(on_message, is_listening)))
        try:
            await self._wait_until(is_listening)
            yield
        finally:
            for each in (task, *self._publishing):
                each.cancel()
            await asyncio.gather(task, *self._publishing, return_exceptions=True)

    async def _wait_until(self, is_listening: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(START_SECONDS):
                await is_listening.wait()
        except TimeoutError:
            logger.error(
                "no subscription to the messages of the other servers within %.0f s; the server starts, and is not ready before",
                START_SECONDS,
            )

    async def _send(self, message: PeerMessage) -> None:
        try:
            with translate_database_errors():
                async with self._in_order, self._reader.connect() as connection:
                    values = {"channel": CHANNEL, "message": json.dumps(message)}
                    await connection.execute(text("SELECT pg_notify(:channel, :message)"), values)
        except StoreUnavailableError as error:
            logger.warning("a message about session %s was not sent to the other servers: %s", message.session, error)

    async def _listen(self, on_message: Callable[[PeerMessage], None], is_listening: asyncio.Event) -> None:
        while True:
            try:
                with translate_database_errors():
                    await self._listen_until_lost(on_message, is_listening)
            except StoreUnavailableError as error:
                logger.warning("messages of the other servers are not received: %s", error)
            self._disconnected_since = self._disconnected_since or time.monotonic()
            await asyncio.sleep(AGAIN_SECONDS)

    async def _listen_until_lost(self, on_message: Callable[[PeerMessage], None], is_listening: asyncio.Event) -> None:
        is_lost = asyncio.Event()

        def receive(_connection: Any, _pid: int, _channel: str, payload: str) -> None:
            try:
                on_message(decode_message(payload))
            except Exception as error:  # noqa: BLE001 - the notifications after it must still be received
                logger.warning("a notification on %s was not understood: %s", CHANNEL, error)

        async with self._reader.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            driver.add_termination_listener(lambda _: is_lost.set())
            await driver.add_listener(CHANNEL, receive)
            is_listening.set()
            self._disconnected_since = None
            try:
                await is_lost.wait()
            finally:
                # Not returned to the pool, where it would go on listening.
                await connection.invalidate()
