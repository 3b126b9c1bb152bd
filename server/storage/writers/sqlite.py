"""The writer of SQLite: one thread with the one write connection, one thread hop for each batch."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from typing import Any, Callable, NamedTuple, Sequence

from sqlalchemy import Connection, Engine

from server.storage.connections import accept
from server.storage.engines import shorten_lock_timeout
from server.storage.errors import StoreUnavailableError
from server.storage.writers.durability import check_durability
from server.storage.writers.protocol import (
    WRITER,
    Answers,
    Commit,
    ForeignWrites,
    Outcome,
    PendingCommit,
    WriteBatch,
    WriterEndedError,
    WriterEndedWhileWritingError,
    WriterStoppedError,
    answer_from_thread,
    resolve,
    take_batch,
    to_pending,
    write_or_fail,
)
from server.supervision import Supervisor

LATE_SECONDS = 0.1
"""From this time in the queue on, the lock timeout is shortened by it."""


class _Submitted(NamedTuple):
    """What the event loop submits at once."""

    commits: list[PendingCommit]
    asking: list[asyncio.Future[ForeignWrites]]

    def answers(self, outcome: Outcome) -> Answers:
        """One outcome for everything."""
        return [(each, outcome) for each in (*(one.answered for one in self.commits), *self.asking)]


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
        check: Callable[[], None] = accept,
    ) -> None:
        self._engine = engine
        self._write = write
        self._batch_limit = batch_limit
        self._accept_data_loss = accept_data_loss
        self._supervisor = supervisor or Supervisor()
        self._check = check
        """Raises ``StoreUnavailableError`` if the database must not be used any more."""
        self._queue: queue.SimpleQueue[_Submitted | None] = queue.SimpleQueue()
        self._submitted: list[PendingCommit] = []
        self._asking: list[asyncio.Future[ForeignWrites]] = []
        """Calls of `foreign_writes` in this iteration of the event loop."""
        self._deferred: list[PendingCommit] = []
        self._foreign_writes = 0
        """Written by the thread alone, as is `_data_version`."""
        self._data_version = -1
        self._writing: list[PendingCommit] = []
        self._ended: asyncio.Future[ForeignWrites] | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_down = False
        self._is_stopping = False
        self.durability_warning: str | None = None

    async def start(self) -> None:
        await self._start_thread()
        restarting = self._supervisor.run_restarting(
            WRITER, self._wait_for_end, on_end=self._fail_waiting, is_stopping=lambda: self._is_stopping
        )
        self._task = asyncio.create_task(restarting, name=WRITER)

    async def stop(self) -> None:
        self._is_stopping = True
        self._enqueue()
        self._queue.put(None)
        if self._task is None:
            return
        if self._is_down:
            self._task.cancel()  # nothing awaits it: its callers have got an error
        await asyncio.wait([self._task])

    async def submit(self, commit: Commit) -> ForeignWrites:
        if self._is_stopping:
            raise WriterStoppedError
        if self._is_down:
            raise WriterEndedError
        waiting = to_pending(commit)
        if not self._submitted and not self._asking:
            # All commits of one iteration of the event loop share a batch, and the thread is woken once for them.
            asyncio.get_running_loop().call_soon(self._enqueue)
        self._submitted.append(waiting)
        return await waiting.answered

    async def foreign_writes(self, names: Sequence[str] | None = None) -> ForeignWrites:
        if self._is_stopping or self._is_down:
            return None
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[ForeignWrites] = loop.create_future()
        if not self._submitted and not self._asking:
            loop.call_soon(self._enqueue)
        self._asking.append(answered)
        return await answered

    def _enqueue(self) -> None:
        if not self._submitted and not self._asking:
            return
        submitted = _Submitted(self._submitted, self._asking)
        self._submitted, self._asking = [], []
        if self._is_down:
            resolve(submitted.answers(WriterEndedError()))
        else:
            self._queue.put(submitted)

    async def _wait_for_end(self) -> None:
        """Wait until the thread ends. One that ended before is replaced, with a new connection."""
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
        started: asyncio.Future[ForeignWrites] = loop.create_future()
        ended: asyncio.Future[ForeignWrites] = loop.create_future()
        threading.Thread(target=self._run, args=(started, ended), name=WRITER, daemon=True).start()
        await started
        self._ended = ended

    def _fail_waiting(self, _: BaseException) -> None:
        """Fail all pending commits; further ones are refused until a new thread runs."""
        self._is_down = True
        waiting, self._deferred = _Submitted(self._deferred, []), []
        while True:
            try:
                submitted = self._queue.get_nowait()
            except queue.Empty:
                break
            if submitted is not None:
                waiting.commits.extend(submitted.commits)
                waiting.asking.extend(submitted.asking)
        answer_from_thread([(one.answered, WriterEndedWhileWritingError()) for one in self._writing])
        answer_from_thread(waiting.answers(WriterEndedError()))
        self._writing = []

    def _run(self, started: asyncio.Future[ForeignWrites], ended: asyncio.Future[ForeignWrites]) -> None:
        try:
            connection = self._engine.connect()
            self.durability_warning = check_durability(connection, accept=self._accept_data_loss)
        except Exception as error:  # noqa: BLE001 - raised by start()
            answer_from_thread([(started, error)])
            return
        answer_from_thread([(started, None)])
        try:
            with connection:
                self._data_version = -1  # what others wrote while there was no connection is not known
                self._serve(connection)
        except BaseException as error:  # noqa: BLE001 - passed to the supervisor
            answer_from_thread([(ended, _as_exception(error))])
        else:
            answer_from_thread([(ended, None)])

    def _serve(self, connection: Connection) -> None:
        is_open = True
        while is_open or self._deferred:
            is_open = self._take(connection, is_open)
            batch, deferred = take_batch(self._deferred[: self._batch_limit])
            self._writing, self._deferred = batch, deferred + self._deferred[self._batch_limit :]
            if batch:
                self._commit(connection, batch)

    def _find_foreign_writes(self, connection: Connection) -> Outcome:
        """Count one more if another connection has committed since the last look."""
        driver: Any = connection.connection.dbapi_connection
        try:
            self._check()
            (data_version,) = driver.execute("PRAGMA data_version").fetchone()
        except (StoreUnavailableError, sqlite3.Error) as error:
            return error if isinstance(error, StoreUnavailableError) else StoreUnavailableError(str(error))
        if data_version != self._data_version:
            self._data_version = data_version
            self._foreign_writes += 1
        return None

    def _take(self, connection: Connection, is_open: bool) -> bool:
        """Take queued commits; blocks only if none is deferred. Returns whether the queue is open."""
        try:
            while is_open and len(self._deferred) < self._batch_limit:
                submitted = self._queue.get() if not self._deferred else self._queue.get_nowait()
                if submitted is None:
                    is_open = False
                else:
                    self._deferred += submitted.commits
                    if submitted.asking:
                        outcome = self._find_foreign_writes(connection)
                        answer_from_thread([(one, outcome) for one in submitted.asking], self._foreign_writes)
        except queue.Empty:
            pass
        return is_open

    def _commit(self, connection: Connection, batch: list[PendingCommit]) -> None:
        outcomes = self._write_in_time(connection, batch)
        answers: Answers = [(one.answered, outcome) for one, outcome in zip(batch, outcomes, strict=True)]
        # As of the last look, which was before this commit: a later one finds what was written after it.
        answer_from_thread(answers, self._foreign_writes)
        self._writing = []

    def _write_in_time(self, connection: Connection, batch: list[PendingCommit]) -> Sequence[Outcome]:
        """Write; the time in the queue is subtracted from the lock timeout."""
        commits = [one.commit for one in batch]
        waited = time.monotonic() - min(one.since for one in batch)
        if waited < LATE_SECONDS:
            return write_or_fail(self._write, connection, commits)
        shorten_lock_timeout(connection, waited)
        try:
            return write_or_fail(self._write, connection, commits)
        finally:
            shorten_lock_timeout(connection, 0.0)


def _as_exception(error: BaseException) -> Exception:
    """Wrap exceptions that a future does not accept, such as ``SystemExit``."""
    if isinstance(error, Exception):
        return error
    wrapped = RuntimeError(f"{type(error).__name__}: {error}")
    wrapped.__cause__ = error
    return wrapped
