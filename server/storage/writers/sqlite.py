"""The writer of SQLite: one thread with the one write connection, one thread hop for each batch."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from typing import Sequence

from sqlalchemy import Connection, Engine

from server.storage.engines import limit_lock_wait
from server.storage.writers.durability import check_durability
from server.storage.writers.protocol import (
    WRITER,
    Commit,
    Outcome,
    PendingCommit,
    WriteBatch,
    WriterEndedError,
    WriterEndedWhileWritingError,
    WriterStoppedError,
    answer_from_thread,
    pend,
    resolve,
    take_batch,
    write_or_fail,
)
from server.supervision import Supervisor

LATE_SECONDS = 0.1
"""An append that was in the queue for so long waits less for the lock of another program."""


class SqliteWriter:
    """A ``Writer`` in a thread of its own: the event loop never waits for the disk."""

    def __init__(
        self,
        engine: Engine,
        write: WriteBatch,
        *,
        batch_limit: int,
        accept_data_loss: bool = False,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._engine = engine
        self._write = write
        self._batch_limit = batch_limit
        self._accept_weakness = accept_data_loss
        self._supervisor = supervisor or Supervisor()
        self._queue: queue.SimpleQueue[list[PendingCommit] | None] = queue.SimpleQueue()
        self._gathered: list[PendingCommit] = []
        self._held: list[PendingCommit] = []
        self._under_way: list[PendingCommit] = []
        self._ended: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_down = False
        self._is_stopping = False
        self.durability_warning: str | None = None

    async def start(self) -> None:
        await self._start_thread()
        kept = self._supervisor.keep(
            WRITER, self._live, on_end=self._fail_waiting, is_stopping=lambda: self._is_stopping
        )
        self._task = asyncio.create_task(kept, name=WRITER)

    async def stop(self) -> None:
        self._is_stopping = True
        self._hand_over()
        self._queue.put(None)
        if self._task is None:
            return
        if self._is_down:
            self._task.cancel()  # nothing waits for it: its callers were told
        await asyncio.wait([self._task])

    async def submit(self, commit: Commit) -> None:
        if self._is_stopping:
            raise WriterStoppedError
        if self._is_down:
            raise WriterEndedError
        waiting = pend(commit)
        if not self._gathered:
            # What else this turn of the loop brings shares the batch, and the thread is woken once for all of it.
            asyncio.get_running_loop().call_soon(self._hand_over)
        self._gathered.append(waiting)
        await waiting.answered

    def _hand_over(self) -> None:
        if not self._gathered:
            return
        gathered, self._gathered = self._gathered, []
        if self._is_down:
            resolve([(one.answered, WriterEndedError()) for one in gathered])
        else:
            self._queue.put(gathered)

    async def _live(self) -> None:
        """As long as the thread does. One that ended is replaced, over a new connection."""
        if self._ended is None:
            await self._start_thread()
        self._is_down = False
        try:
            if self._ended is not None:
                await self._ended
        finally:
            self._ended = None

    async def _start_thread(self) -> None:
        loop = asyncio.get_running_loop()
        started, ended = loop.create_future(), loop.create_future()
        threading.Thread(target=self._run, args=(started, ended), name=WRITER, daemon=True).start()
        await started
        self._ended = ended

    def _fail_waiting(self, _: BaseException) -> None:
        """No thread runs now, and what is submitted from now on is refused."""
        self._is_down = True
        waiting, self._held = self._held, []
        while True:
            try:
                waiting += self._queue.get_nowait() or ()
            except queue.Empty:
                break
        answer_from_thread([(one.answered, WriterEndedWhileWritingError()) for one in self._under_way])
        answer_from_thread([(one.answered, WriterEndedError()) for one in waiting])
        self._under_way = []

    def _run(self, started: asyncio.Future[None], ended: asyncio.Future[None]) -> None:
        try:
            connection = self._engine.connect()
            self.durability_warning = check_durability(connection, accept=self._accept_weakness)
        except Exception as error:  # noqa: BLE001 - whatever it is, the starter must hear of it
            answer_from_thread([(started, error)])
            return
        answer_from_thread([(started, None)])
        try:
            with connection:
                self._serve(connection)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the supervisor must hear of it
            answer_from_thread([(ended, _as_exception(error))])
        else:
            answer_from_thread([(ended, None)])

    def _serve(self, connection: Connection) -> None:
        is_open = True
        while is_open or self._held:
            is_open = self._take(is_open)
            batch, deferred = take_batch(self._held[: self._batch_limit])
            self._under_way, self._held = batch, deferred + self._held[self._batch_limit :]
            if batch:
                self._commit(connection, batch)

    def _take(self, is_open: bool) -> bool:
        """Take over what is waiting now; blocks only when nothing is held back. Whether more may come."""
        try:
            while is_open and len(self._held) < self._batch_limit:
                gathered = self._queue.get() if not self._held else self._queue.get_nowait()
                if gathered is None:
                    is_open = False
                else:
                    self._held += gathered
        except queue.Empty:
            pass
        return is_open

    def _commit(self, connection: Connection, batch: list[PendingCommit]) -> None:
        outcomes = self._write_in_time(connection, batch)
        answers: list[tuple[asyncio.Future[None], Outcome]] = [
            (one.answered, outcome) for one, outcome in zip(batch, outcomes, strict=True)
        ]
        answer_from_thread(answers)
        self._under_way = []

    def _write_in_time(self, connection: Connection, batch: list[PendingCommit]) -> Sequence[Outcome]:
        """Write; the time in the queue is taken off the wait for another program's lock."""
        commits = [one.commit for one in batch]
        waited = time.monotonic() - min(one.since for one in batch)
        if waited < LATE_SECONDS:
            return write_or_fail(self._write, connection, commits)
        limit_lock_wait(connection, waited)
        try:
            return write_or_fail(self._write, connection, commits)
        finally:
            limit_lock_wait(connection, 0.0)


def _as_exception(error: BaseException) -> Exception:
    """What a future can be given, also where a thread ended by ``SystemExit`` or the like."""
    if isinstance(error, Exception):
        return error
    wrapped = RuntimeError(f"{type(error).__name__}: {error}")
    wrapped.__cause__ = error
    return wrapped
