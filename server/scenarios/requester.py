"""The client for which a task queues work, and whether it is still connected; a context variable of the serving task."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from enum import IntEnum
from typing import AsyncIterator, Iterator, NamedTuple

from starlette.types import Message, Receive


class Priority(IntEnum):
    """The lowest number goes first."""

    RANKED = 0
    PLAY = 1
    BACKGROUND = 2


class Requester(NamedTuple):
    """A client as the limits identify it, and the priority of its work."""

    client: str = ""
    priority: Priority = Priority.BACKGROUND
    disconnected: asyncio.Future[None] | None = None
    """Done when the client has disconnected; None: not monitored."""


REQUESTER: ContextVar[Requester] = ContextVar("requester", default=Requester())  # noqa: B039 - never changed in place


class ClientDisconnectedError(Exception):
    """The client closed its connection while its work was waiting."""


@contextmanager
def as_requester(priority: Priority) -> Iterator[None]:
    """Within the context, work is queued with this priority."""
    token = REQUESTER.set(REQUESTER.get()._replace(priority=priority))
    try:
        yield
    finally:
        REQUESTER.reset(token)


class MessageBuffer:
    """Receives the messages of one connection. While it is monitored, one is received ahead, which may be the disconnect."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._ahead: asyncio.Task[Message] | None = None

    async def receive(self) -> Message:
        if self._ahead is None:
            return await self._receive()
        message = await self._ahead
        self._ahead = None
        return message

    @asynccontextmanager
    async def monitored(self) -> AsyncIterator[None]:
        """Within the context, a disconnect is noticed, and the client's queued work is dropped."""
        disconnected = asyncio.get_running_loop().create_future()
        if self._ahead is None:
            self._ahead = asyncio.create_task(_receive(self._receive))

        def check(ahead: asyncio.Task[Message]) -> None:
            is_over = (
                ahead.cancelled() or ahead.exception() is not None or ahead.result()["type"].endswith("disconnect")
            )
            if is_over and not disconnected.done():
                disconnected.set_result(None)

        self._ahead.add_done_callback(check)
        token = REQUESTER.set(REQUESTER.get()._replace(disconnected=disconnected))
        try:
            yield
        finally:
            REQUESTER.reset(token)
            if self._ahead is not None:
                self._ahead.remove_done_callback(check)

    async def close(self) -> None:
        """Stop receiving."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await ahead


@asynccontextmanager
async def while_connected(receive: Receive) -> AsyncIterator[None]:
    """Within the context, queued work of a client that disconnects is dropped. Enter it after the request body was read."""
    buffer = MessageBuffer(receive)
    try:
        async with buffer.monitored():
            yield
    finally:
        await buffer.close()


async def _receive(receive: Receive) -> Message:
    return await receive()
