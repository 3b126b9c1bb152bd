"""The writer of PostgreSQL: one task with one connection at a time. Connections come and go; no append is lost by it."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Sequence

from sqlalchemy.ext.asyncio import AsyncEngine

from server.durability import accepted_weakness
from server.store import unavailable_if_silent, write_again
from server.store_errors import ConnectionLostError, StoreUnavailableError, UnansweredCommitError
from server.writer import Append, Outcome, Waiting, WriteBatch, WriterStoppedError, answer, split, write_or_fail


class TaskWriter:
    """A ``Writer`` on the event loop: the synchronous ``write`` runs under ``AsyncConnection.run_sync``."""

    def __init__(
        self, engine: AsyncEngine, write: WriteBatch, *, batch_limit: int, accept_weakness: bool = False
    ) -> None:
        self._engine = engine
        self._write = write
        self._batch_limit = batch_limit
        self._accept_weakness = accept_weakness
        self._queue: deque[Waiting] = deque()
        self._has_news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_stopping = False
        self.weakness: str | None = None

    async def start(self) -> None:
        with unavailable_if_silent():
            async with self._engine.connect() as connection:
                self.weakness = await connection.run_sync(accepted_weakness, accept=self._accept_weakness)
        self._task = asyncio.create_task(self._serve(), name="store-writer")

    async def stop(self) -> None:
        self._is_stopping = True
        self._has_news.set()
        if self._task is not None:
            await self._task

    async def submit(self, append: Append) -> None:
        if self._is_stopping:
            raise WriterStoppedError
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[None] = loop.create_future()
        self._queue.append(Waiting(append, answered))
        self._has_news.set()
        # Only this wait can be cancelled: the append is in the queue.
        await answered

    async def _serve(self) -> None:
        while self._queue or not self._is_stopping:
            if not self._queue:
                self._has_news.clear()
                await self._has_news.wait()
                continue
            taken = [self._queue.popleft() for _ in range(min(len(self._queue), self._batch_limit))]
            batch, held = split(taken)
            self._queue.extendleft(reversed(held))
            # In one order everywhere: two servers that wait for each other's streams would wait for ever.
            batch.sort(key=lambda one: one.append.stream_id)
            outcomes = await self._commit([one.append for one in batch])
            answer([(one.answered, outcome) for one, outcome in zip(batch, outcomes, strict=True)])

    async def _commit(self, batch: Sequence[Append]) -> Sequence[Outcome]:
        outcomes = await self._attempt(self._write, batch, StoreUnavailableError)
        if _any(ConnectionLostError, outcomes):
            # It broke while nobody looked, as after a restart of PostgreSQL; a new one is as good.
            outcomes = await self._attempt(self._write, batch, StoreUnavailableError)
        if _any(UnansweredCommitError, outcomes):
            outcomes = await self._attempt(write_again, batch, UnansweredCommitError)
        return outcomes

    async def _attempt(
        self, write: WriteBatch, batch: Sequence[Append], unreachable: type[StoreUnavailableError]
    ) -> Sequence[Outcome]:
        try:
            with unavailable_if_silent():
                async with self._engine.connect() as connection:
                    return await connection.run_sync(lambda opened: write_or_fail(write, opened, batch))
        except StoreUnavailableError as error:
            return [unreachable(str(error))] * len(batch)


def _any(kind: type[Exception], outcomes: Sequence[Outcome]) -> bool:
    return any(isinstance(outcome, kind) for outcome in outcomes)
