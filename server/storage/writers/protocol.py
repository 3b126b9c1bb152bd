"""Group commit: the ``Writer`` protocol, and the batching that the SQLite and PostgreSQL writers share."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import Callable, NamedTuple, Protocol, Sequence, TypeVar

from sqlalchemy import Connection

from domain.chain import Link
from server.storage.errors import StoreUnavailableError, UnansweredCommitError
from server.storage.sql import StatementRow

logger = logging.getLogger(__name__)

Outcome = Exception | None
"""None if committed, else the error."""

ForeignWrites = int | None
"""See `Writer.foreign_writes`."""


def is_current(kept: ForeignWrites, found: ForeignWrites) -> bool:
    """Whether what was kept with one number is still what the database has, now that another was found."""
    return kept is not None and found is not None and found <= kept


class Append(NamedTuple):
    """Events to add to one stream at an expected version, with the rows that belong to them."""

    stream_id: str
    expected_version: int
    linked: tuple[Link, ...]
    rows: tuple[StatementRow, ...] = ()


class Commit(NamedTuple):
    """Appends to different streams that are written together or not at all; at least one."""

    appends: tuple[Append, ...]


WriteBatch = Callable[[Connection, Sequence[Commit]], list[Outcome]]
"""Writes a batch of commits to different streams; returns an outcome for each. Synchronous, the same for every database."""


WRITER = "store-writer"
"""Name of the writer's background task."""


class WriterStoppedError(Exception):
    """The server stops: the writer accepts no more commits."""


class WriterEndedError(StoreUnavailableError):
    """The writer failed unexpectedly and is being restarted; nothing was written."""

    def __init__(self) -> None:
        super().__init__("the writer ended and is being started again")


class WriterEndedWhileWritingError(UnansweredCommitError):
    """The writer failed while it wrote the commit; whether it was written is unknown."""

    def __init__(self) -> None:
        super().__init__("the writer ended while it wrote")


class Writer(Protocol):
    """Owns the write connection."""

    @property
    def durability_warning(self) -> str | None:
        """Why the database might lose what it acknowledged, where that was accepted; None: it will not."""

    async def start(self) -> None:
        """Open the connection and refuse a database that is not durable."""

    async def stop(self) -> None:
        """Write the pending commits, then end."""

    async def submit(self, commit: Commit) -> ForeignWrites:
        """Return once the commit is durable. Cancelling the caller does not withdraw the commit.

        The result is a `foreign_writes` from before the commit: as long as no higher one is found, no other connection has
        written since the commit.
        """

    async def foreign_writes(self, names: Sequence[str] | None = None) -> ForeignWrites:
        """The number of the last write of another connection to the database that may concern one of these streams and sessions,
        all that were committed before this call among them. Numbers rise.

        Args:
            names: ids of streams and recorded names of sessions; None: whatever is stored.

        Returns:
            None: not known, because other servers are to be expected that do not tell what they write.
        """


class PendingCommit(NamedTuple):
    """A commit in the queue of a writer, whose caller awaits the outcome."""

    commit: Commit
    answered: asyncio.Future[ForeignWrites]
    since: float
    """When it was queued, by the monotonic clock."""


def to_pending(commit: Commit) -> PendingCommit:
    """The commit with a future for its outcome on the running loop."""
    return PendingCommit(commit, asyncio.get_running_loop().create_future(), time.monotonic())


class HasCommit(Protocol):
    """A commit that waits to be written."""

    @property
    def commit(self) -> Commit: ...


_Waiting = TypeVar("_Waiting", bound=HasCommit)


def take_batch(pending: Sequence[_Waiting]) -> tuple[list[_Waiting], list[_Waiting]]:
    """Split into a batch with at most one append to each stream, and the rest in its order, for the next batch."""
    batch: list[_Waiting] = []
    deferred: list[_Waiting] = []
    taken: set[str] = set()
    for each in pending:
        streams = [append.stream_id for append in each.commit.appends]
        (batch if taken.isdisjoint(streams) else deferred).append(each)
        taken.update(streams)  # of a deferred one, too: it goes before later commits to its streams
    return batch, deferred


Answers = Sequence[tuple[asyncio.Future[ForeignWrites], Outcome]]


def resolve(answers: Answers, foreign_writes: ForeignWrites = None) -> None:
    """Set the outcome of each future that is still awaited."""
    for answered, outcome in answers:
        if answered.done():
            continue
        if outcome is None:
            answered.set_result(foreign_writes)
        else:
            answered.set_exception(outcome)


def answer_from_thread(answers: Answers, foreign_writes: ForeignWrites = None) -> None:
    """Call ``resolve`` on the loop of each future, from another thread."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[ForeignWrites], Outcome]]] = {}
    for each in answers:
        by_loop.setdefault(each[0].get_loop(), []).append(each)
    for loop, of_loop in by_loop.items():
        with suppress(RuntimeError):  # the loop is closed: no caller awaits it any more
            loop.call_soon_threadsafe(resolve, of_loop, foreign_writes)


def write_or_fail(write: WriteBatch, connection: Connection, batch: Sequence[Commit]) -> Sequence[Outcome]:
    """Write a batch; an unexpected error becomes the outcome of every commit, so that it does not end the writer."""
    try:
        return write(connection, batch)
    except Exception as error:  # every caller gets it
        logger.exception("a batch of %d appends failed", len(batch))
        return [error] * len(batch)
