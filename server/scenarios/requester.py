"""Who waits for work that takes a process, and whether they still wait. Kept in the context of the task that serves them."""

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
    """The client as limits know it, and how urgent its work is."""

    client: str = ""
    priority: Priority = Priority.BACKGROUND
    left: asyncio.Future[None] | None = None
    """Done when the client has closed its connection; None: that is not watched."""


REQUESTER: ContextVar[Requester] = ContextVar("asker", default=Requester())  # noqa: B039 - never changed in place


class ClientLeftError(Exception):
    """The client closed its connection while its work was waiting."""


@contextmanager
def as_requester(priority: Priority) -> Iterator[None]:
    """Inside, work is asked for with this priority."""
    token = REQUESTER.set(REQUESTER.get()._replace(priority=priority))
    try:
        yield
    finally:
        REQUESTER.reset(token)


class Inbox:
    """Receives the messages of one connection. While it is watched, one is received ahead: it may be the last."""

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
    async def watched(self) -> AsyncIterator[None]:
        """Inside, the departure of the client is noticed, and work of its that waits is dropped."""
        left = asyncio.get_running_loop().create_future()
        if self._ahead is None:
            self._ahead = asyncio.create_task(_receive(self._receive))

        def look(ahead: asyncio.Task[Message]) -> None:
            is_over = (
                ahead.cancelled() or ahead.exception() is not None or ahead.result()["type"].endswith("disconnect")
            )
            if is_over and not left.done():
                left.set_result(None)

        self._ahead.add_done_callback(look)
        token = REQUESTER.set(REQUESTER.get()._replace(left=left))
        try:
            yield
        finally:
            REQUESTER.reset(token)
            if self._ahead is not None:
                self._ahead.remove_done_callback(look)

    async def close(self) -> None:
        """Receive nothing any more."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await ahead


@asynccontextmanager
async def while_connected(receive: Receive) -> AsyncIterator[None]:
    """Inside, which is after the body of a request was read, work that waits for a client that left is dropped."""
    inbox = Inbox(receive)
    try:
        async with inbox.watched():
            yield
    finally:
        await inbox.close()


async def _receive(receive: Receive) -> Message:
    return await receive()
