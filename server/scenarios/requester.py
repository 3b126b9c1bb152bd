"""The requester of work that takes a worker process, and whether it is still connected; kept in the context of its task."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from enum import IntEnum
from typing import AsyncIterator, Callable, Iterator, NamedTuple

from starlette.types import Message, Receive


class Priority(IntEnum):
    """The lowest number goes first."""

    RANKED = 0
    PLAY = 1
    BACKGROUND = 2


class MessageBuffer:
    """The messages of one connection. While work waits for a turn, one message is received ahead: it may be the last."""

    __slots__ = ("_receive", "ahead")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.ahead: asyncio.Task[Message] | None = None
        """Receives the next message; None: none is received ahead."""

    @contextmanager
    def monitored(self, on_leave: Callable[[], None]) -> Iterator[None]:
        """Inside, ``on_leave`` is called when the client closes the connection."""

        def look(ahead: asyncio.Task[Message]) -> None:
            if ahead.cancelled() or ahead.exception() is not None or ahead.result()["type"].endswith("disconnect"):
                on_leave()

        ahead = self.ahead = self.ahead or asyncio.create_task(_receive(self._receive))
        ahead.add_done_callback(look)
        try:
            yield
        finally:
            ahead.remove_done_callback(look)

    async def close(self) -> None:
        """Receive nothing more."""
        ahead, self.ahead = self.ahead, None
        if ahead is not None:
            ahead.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await ahead


class Requester(NamedTuple):
    """A client as the limits identify it, and the priority of its work."""

    client: str = ""
    priority: Priority = Priority.BACKGROUND
    inbox: MessageBuffer | None = None
    """Watched while its work waits for a turn; None: the work is done whether or not the client stays."""


REQUESTER: ContextVar[Requester] = ContextVar("requester", default=Requester())  # noqa: B039 - never changed in place


class ClientDisconnectedError(Exception):
    """The client closed its connection while its work was waiting."""


@contextmanager
def as_requester(priority: Priority) -> Iterator[None]:
    """Inside, work is requested with this priority."""
    token = REQUESTER.set(REQUESTER.get()._replace(priority=priority))
    try:
        yield
    finally:
        REQUESTER.reset(token)


@asynccontextmanager
async def while_connected(receive: Receive) -> AsyncIterator[None]:
    """Inside, which is after the body of a request was read, work that waits is dropped when the client leaves."""
    inbox = MessageBuffer(receive)
    token = REQUESTER.set(REQUESTER.get()._replace(inbox=inbox))
    try:
        yield
    finally:
        REQUESTER.reset(token)
        await inbox.close()


async def _receive(receive: Receive) -> Message:
    return await receive()
