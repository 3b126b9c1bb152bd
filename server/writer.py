"""The one writer thread: all waiting appends in one transaction and one thread hop, answered after the commit."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from dataclasses import dataclass
from typing import Callable, Sequence

from sqlalchemy import Connection, Engine

from domain.chain import Link
from server.database import assert_durable
from server.statements import StatementRow

logger = logging.getLogger(__name__)

Outcome = Exception | None
"""Null: written."""


@dataclass(frozen=True, slots=True)
class Append:
    """One append, as the writer sees it."""

    stream_id: str
    expected_version: int
    linked: tuple[Link, ...]
    rows: tuple[StatementRow, ...]


@dataclass(frozen=True, slots=True)
class _Waiting:
    append: Append
    answered: asyncio.Future[None]
    loop: asyncio.AbstractEventLoop


class WriterStoppedError(Exception):
    """The writer takes no more appends."""


class Writer:
    """Owns the write connection. ``write`` turns a batch of appends of different streams into an outcome each."""

    def __init__(
        self, engine: Engine, write: Callable[[Connection, Sequence[Append]], list[Outcome]], *, batch_limit: int
    ) -> None:
        self._engine = engine
        self._write = write
        self._batch_limit = batch_limit
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_stopping = False

    async def start(self) -> None:
        """Open the connection and refuse a database that is not durable."""
        loop = asyncio.get_running_loop()
        started: asyncio.Future[None] = loop.create_future()
        self._thread = threading.Thread(target=self._run, args=(loop, started), name="store-writer", daemon=True)
        self._thread.start()
        await started

    async def stop(self) -> None:
        """Write what is waiting, then end the thread."""
        self._is_stopping = True
        self._queue.put(None)
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    async def submit(self, append: Append) -> None:
        """Returns once the append is durable. A caller that is cancelled does not take its append back."""
        if self._is_stopping:
            raise WriterStoppedError
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[None] = loop.create_future()
        self._queue.put(_Waiting(append, answered, loop))
        await answered

    def _run(self, loop: asyncio.AbstractEventLoop, started: asyncio.Future[None]) -> None:
        try:
            connection = self._engine.connect()
            assert_durable(connection)
        except Exception as error:  # noqa: BLE001 - whatever it is, the starter must hear of it
            loop.call_soon_threadsafe(_answer, [(started, error)])
            return
        loop.call_soon_threadsafe(_answer, [(started, None)])
        with connection:
            self._serve(connection)

    def _serve(self, connection: Connection) -> None:
        held: list[_Waiting] = []
        is_open = True
        while is_open or held:
            waiting, is_open = self._take(held, is_open)
            batch, held = _split(waiting)
            if batch:
                self._commit(connection, batch)

    def _take(self, held: list[_Waiting], is_open: bool) -> tuple[list[_Waiting], bool]:
        """What is waiting now; blocks only when nothing is held back."""
        taken = list(held)
        try:
            while is_open and len(taken) < self._batch_limit:
                one = self._queue.get() if not taken else self._queue.get_nowait()
                if one is None:
                    is_open = False
                else:
                    taken.append(one)
        except queue.Empty:
            pass
        return taken, is_open

    def _commit(self, connection: Connection, batch: list[_Waiting]) -> None:
        outcomes: Sequence[Outcome]
        try:
            outcomes = self._write(connection, [one.append for one in batch])
        except Exception as error:  # a batch that fails must not end the writer
            logger.exception("a batch of %d appends failed", len(batch))
            outcomes = [error] * len(batch)
        for loop in {one.loop for one in batch}:
            answers = [
                (one.answered, outcome) for one, outcome in zip(batch, outcomes, strict=True) if one.loop is loop
            ]
            loop.call_soon_threadsafe(_answer, answers)


def _split(waiting: list[_Waiting]) -> tuple[list[_Waiting], list[_Waiting]]:
    """At most one append of a stream in a batch; the others keep their order for the next."""
    batch: dict[str, _Waiting] = {}
    held: list[_Waiting] = []
    for one in waiting:
        if one.append.stream_id in batch:
            held.append(one)
        else:
            batch[one.append.stream_id] = one
    return list(batch.values()), held


def _answer(answers: Sequence[tuple[asyncio.Future[None], Outcome]]) -> None:
    for answered, outcome in answers:
        if answered.done():
            continue
        if outcome is None:
            answered.set_result(None)
        else:
            answered.set_exception(outcome)
