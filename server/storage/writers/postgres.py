"""The writer of PostgreSQL: one task with one connection at a time. Reconnects without losing an append."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Sequence

from sqlalchemy.ext.asyncio import AsyncEngine

from server.storage.errors import (
    ConnectionLostError,
    StoreUnavailableError,
    UnansweredCommitError,
    translate_database_errors,
)
from server.storage.writers.batch import write_again
from server.storage.writers.durability import check_durability
from server.storage.writers.protocol import (
    WRITER,
    Commit,
    ForeignWrites,
    Outcome,
    PendingCommit,
    WriteBatch,
    WriterEndedError,
    WriterEndedWhileWritingError,
    WriterStoppedError,
    resolve,
    take_batch,
    to_pending,
    write_or_fail,
)
from server.supervision import Supervisor


class PostgresWriter:
    """A ``Writer`` on the event loop: the synchronous ``write`` runs under ``AsyncConnection.run_sync``."""

    def __init__(
        self,
        engine: AsyncEngine,
        write: WriteBatch,
        *,
        batch_limit: int,
        accept_data_loss: bool = False,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._engine = engine
        self._write = write
        self._supervisor = supervisor or Supervisor()
        self._batch_limit = batch_limit
        self._accept_data_loss = accept_data_loss
        self._queue: deque[PendingCommit] = deque()
        self._writing: list[PendingCommit] = []
        self._has_work = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_stopping = False
        self.durability_warning: str | None = None

    async def start(self) -> None:
        with translate_database_errors():
            async with self._engine.connect() as connection:
                self.durability_warning = await connection.run_sync(check_durability, accept=self._accept_data_loss)
        restarting = self._supervisor.run_restarting(
            WRITER, self._serve, on_end=self._fail_waiting, is_stopping=lambda: self._is_stopping
        )
        self._task = asyncio.create_task(restarting, name=WRITER)

    async def stop(self) -> None:
        self._is_stopping = True
        self._has_work.set()
        if self._task is None:
            return
        if self._supervisor.is_down(WRITER):
            self._task.cancel()  # nothing awaits it: its callers have got an error
        await asyncio.wait([self._task])

    async def submit(self, commit: Commit) -> ForeignWrites:
        if self._is_stopping:
            raise WriterStoppedError
        if self._supervisor.is_down(WRITER):
            raise WriterEndedError
        waiting = to_pending(commit)
        self._queue.append(waiting)
        self._has_work.set()
        # Only this wait can be cancelled: the append is in the queue.
        return await waiting.answered

    async def foreign_writes(self, names: Sequence[str] | None = None) -> ForeignWrites:
        return None

    def _fail_waiting(self, _: BaseException) -> None:
        resolve([(one.answered, WriterEndedWhileWritingError()) for one in self._writing])
        resolve([(one.answered, WriterEndedError()) for one in self._queue])
        self._writing = []
        self._queue.clear()

    async def _serve(self) -> None:
        while self._queue or not self._is_stopping:
            if not self._queue:
                self._has_work.clear()
                await self._has_work.wait()
                continue
            taken = self._writing = [self._queue.popleft() for _ in range(min(len(self._queue), self._batch_limit))]
            batch, deferred = take_batch(taken)
            self._queue.extendleft(reversed(deferred))
            # In one order everywhere: two servers that wait for each other's streams would wait for ever.
            batch.sort(key=lambda one: one.commit.appends[0].stream_id)
            self._writing = batch
            outcomes = await self._commit([one.commit for one in batch])
            resolve([(one.answered, outcome) for one, outcome in zip(batch, outcomes, strict=True)])
            self._writing = []

    async def _commit(self, batch: Sequence[Commit]) -> Sequence[Outcome]:
        outcomes = await self._attempt(self._write, batch, StoreUnavailableError)
        if _any(ConnectionLostError, outcomes):
            # It broke while it was idle, as after a restart of PostgreSQL: a new connection is tried once.
            outcomes = await self._attempt(self._write, batch, StoreUnavailableError)
        if _any(UnansweredCommitError, outcomes):
            outcomes = await self._attempt(write_again, batch, UnansweredCommitError)
        return outcomes

    async def _attempt(
        self, write: WriteBatch, batch: Sequence[Commit], unreachable: type[StoreUnavailableError]
    ) -> Sequence[Outcome]:
        try:
            with translate_database_errors():
                async with self._engine.connect() as connection:
                    return await connection.run_sync(lambda opened: write_or_fail(write, opened, batch))
        except StoreUnavailableError as error:
            return [unreachable(str(error))] * len(batch)


def _any(kind: type[Exception], outcomes: Sequence[Outcome]) -> bool:
    return any(isinstance(outcome, kind) for outcome in outcomes)
