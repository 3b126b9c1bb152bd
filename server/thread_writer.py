"""The writer of SQLite: one thread with the one write connection, one thread hop for each batch."""

from __future__ import annotations

import asyncio
import queue
import threading

from sqlalchemy import Connection, Engine

from server.durability import accepted_weakness
from server.writer import Append, Outcome, Waiting, WriteBatch, WriterStoppedError, answer, split, write_or_fail


class ThreadWriter:
    """A ``Writer`` in a thread of its own: the event loop never waits for the disk."""

    def __init__(self, engine: Engine, write: WriteBatch, *, batch_limit: int, accept_weakness: bool = False) -> None:
        self._engine = engine
        self._write = write
        self._batch_limit = batch_limit
        self._accept_weakness = accept_weakness
        self._queue: queue.SimpleQueue[list[Waiting] | None] = queue.SimpleQueue()
        self._gathered: list[Waiting] = []
        self._thread: threading.Thread | None = None
        self._is_stopping = False
        self.weakness: str | None = None

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        started: asyncio.Future[None] = loop.create_future()
        self._thread = threading.Thread(target=self._run, args=(loop, started), name="store-writer", daemon=True)
        self._thread.start()
        await started

    async def stop(self) -> None:
        self._is_stopping = True
        self._hand_over()
        self._queue.put(None)
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    async def submit(self, append: Append) -> None:
        if self._is_stopping:
            raise WriterStoppedError
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[None] = loop.create_future()
        if not self._gathered:
            # What else this turn of the loop brings shares the batch, and the thread is woken once for all of it.
            loop.call_soon(self._hand_over)
        self._gathered.append(Waiting(append, answered))
        await answered

    def _hand_over(self) -> None:
        if self._gathered:
            gathered, self._gathered = self._gathered, []
            self._queue.put(gathered)

    def _run(self, loop: asyncio.AbstractEventLoop, started: asyncio.Future[None]) -> None:
        try:
            connection = self._engine.connect()
            self.weakness = accepted_weakness(connection, accept=self._accept_weakness)
        except Exception as error:  # noqa: BLE001 - whatever it is, the starter must hear of it
            loop.call_soon_threadsafe(answer, [(started, error)])
            return
        loop.call_soon_threadsafe(answer, [(started, None)])
        with connection:
            self._serve(connection)

    def _serve(self, connection: Connection) -> None:
        held: list[Waiting] = []
        is_open = True
        while is_open or held:
            waiting, is_open = self._take(held, is_open)
            batch, held = split(waiting[: self._batch_limit])
            held += waiting[self._batch_limit :]
            if batch:
                self._commit(connection, batch)

    def _take(self, held: list[Waiting], is_open: bool) -> tuple[list[Waiting], bool]:
        """What is waiting now; blocks only when nothing is held back."""
        taken = list(held)
        try:
            while is_open and len(taken) < self._batch_limit:
                gathered = self._queue.get() if not taken else self._queue.get_nowait()
                if gathered is None:
                    is_open = False
                else:
                    taken += gathered
        except queue.Empty:
            pass
        return taken, is_open

    def _commit(self, connection: Connection, batch: list[Waiting]) -> None:
        outcomes = write_or_fail(self._write, connection, [one.append for one in batch])
        answers: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[None], Outcome]]] = {}
        for one, outcome in zip(batch, outcomes, strict=True):
            answers.setdefault(one.answered.get_loop(), []).append((one.answered, outcome))
        for loop, of_loop in answers.items():
            loop.call_soon_threadsafe(answer, of_loop)
