"""What writes appends: all that wait in one transaction, answered after the commit. How, depends on the database."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import Callable, NamedTuple, Protocol, Sequence

from sqlalchemy import Connection

from domain.chain import Link
from server.storage.errors import StoreUnavailableError, UnansweredCommitError
from server.storage.sql import StatementRow

logger = logging.getLogger(__name__)

Outcome = Exception | None
"""Null: written."""


class Append(NamedTuple):
    """One append, as the writer sees it."""

    stream_id: str
    expected_version: int
    linked: tuple[Link, ...]
    rows: tuple[StatementRow, ...]
    beside: Append | None = None
    """An append to another stream, which is written with this one, or neither is."""

    def parts(self) -> tuple[Append, ...]:
        """Itself, and what is written with it."""
        return (self,) if self.beside is None else (self, *self.beside.parts())


WriteBatch = Callable[[Connection, Sequence[Append]], list[Outcome]]
"""Turns a batch of appends of different streams into an outcome each. One synchronous function for every database."""


WRITER = "store-writer"
"""Name of the writer's background task."""


class WriterStoppedError(Exception):
    """The writer takes no more appends."""


class WriterEndedError(StoreUnavailableError):
    """The writer ended in a way that nobody expected, and is being started again; nothing was written."""

    def __init__(self) -> None:
        super().__init__("the writer ended and is being started again")


class WriterEndedWhileWritingError(UnansweredCommitError):
    """The same while it wrote the append; whether it was written, only the log can tell."""

    def __init__(self) -> None:
        super().__init__("the writer ended while it wrote")


class Writer(Protocol):
    """Owns the write connection."""

    @property
    def durability_warning(self) -> str | None:
        """Why the database might lose what it acknowledged, where that was accepted; null: it will not."""

    async def start(self) -> None:
        """Open the connection and refuse a database that is not durable."""

    async def stop(self) -> None:
        """Write what is waiting, then end."""

    async def submit(self, append: Append) -> None:
        """Returns once the append is durable. A caller that is cancelled does not take its append back."""


class PendingAppend(NamedTuple):
    """An append that waits for its answer."""

    append: Append
    answered: asyncio.Future[None]
    since: float
    """When it began to wait, by the monotonic clock."""


def wait_for(append: Append) -> PendingAppend:
    """The append, and the future of its answer on the running loop."""
    return PendingAppend(append, asyncio.get_running_loop().create_future(), time.monotonic())


def take_batch(pending: Sequence[PendingAppend]) -> tuple[list[PendingAppend], list[PendingAppend]]:
    """At most one append of a stream in a batch; the others keep their order for the next."""
    batch: list[PendingAppend] = []
    held_back: list[PendingAppend] = []
    taken: set[str] = set()
    for one in pending:
        streams = [part.stream_id for part in one.append.parts()]
        (batch if taken.isdisjoint(streams) else held_back).append(one)
        taken.update(streams)  # of a held one, too: it goes before whatever comes later for its streams
    return batch, held_back


def resolve(answers: Sequence[tuple[asyncio.Future[None], Outcome]]) -> None:
    """Tell those who still listen."""
    for answered, outcome in answers:
        if answered.done():
            continue
        if outcome is None:
            answered.set_result(None)
        else:
            answered.set_exception(outcome)


def answer_from_thread(answers: Sequence[tuple[asyncio.Future[None], Outcome]]) -> None:
    """The same, from another thread than the loops'."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[None], Outcome]]] = {}
    for each in answers:
        by_loop.setdefault(each[0].get_loop(), []).append(each)
    for loop, of_loop in by_loop.items():
        with suppress(RuntimeError):  # the loop is closed: no caller on it waits any more
            loop.call_soon_threadsafe(resolve, of_loop)


def write_or_fail(write: WriteBatch, connection: Connection, batch: Sequence[Append]) -> Sequence[Outcome]:
    """The outcomes of a batch; one that fails in a way nobody expected must not end the writer."""
    try:
        return write(connection, batch)
    except Exception as error:  # told to everybody whose append it was
        logger.exception("a batch of %d appends failed", len(batch))
        return [error] * len(batch)
