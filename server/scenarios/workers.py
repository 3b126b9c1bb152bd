"""Processes that compute for the server, each one call at a time. One that dies or takes too long is replaced by itself."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import threading
import traceback
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, Callable, TypeVar

from server.scenarios.worker_process import begin_worker

logger = logging.getLogger(__name__)

_Result = TypeVar("_Result")


class WorkerLostError(Exception):
    """A worker died, or was killed because it took too long, before it had answered."""


class WorkerHungError(WorkerLostError):
    """The worker took too long. The same call is not tried again: it may well take as long again."""


class Worker:
    """One process. A call is made by one thread at a time; ``stop`` may come from another."""

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout = timeout_seconds
        self._changing = threading.RLock()
        """Held while the process is started or stopped."""
        self._process: multiprocessing.process.BaseProcess | None = None
        self._connection: Connection | None = None
        self._is_stopped = False

    @property
    def pid(self) -> int | None:
        process = self._process
        return None if process is None else process.pid

    def call(self, call: Callable[..., _Result], *arguments: Any) -> _Result:
        """What the call gives in the process. A process that dies is replaced, and asked once more."""
        try:
            return self._ask(call, arguments)
        except WorkerLostError as error:
            if isinstance(error, WorkerHungError) or self._is_stopped:
                raise
            logger.warning("%s; another one is asked", error)
            return self._ask(call, arguments)

    def stop(self) -> None:
        """End the process, also in the middle of a call."""
        self._is_stopped = True
        self._end()

    def _ask(self, call: Callable[..., _Result], arguments: tuple[Any, ...]) -> _Result:
        connection = self._started()
        try:
            connection.send((call, arguments))
            has_answer = connection.poll(self._timeout)
            answered: Any = connection.recv() if has_answer else None
        except (EOFError, OSError) as error:
            raise WorkerLostError(f"worker {self._end()} died") from error
        if not has_answer:
            pid = self._end()
            logger.error("worker %s was ended: it had not answered for %g seconds", pid, self._timeout)
            raise WorkerHungError(f"worker {pid} took longer than {self._timeout:g} seconds")
        result, failure = answered
        if failure is not None:
            raise failure
        return result  # type: ignore[no-any-return]

    def _started(self) -> Connection:
        """The connection to a process that lives."""
        with self._changing:
            if self._is_stopped:
                raise WorkerLostError("the workers are stopped")
            if self._process is not None and not self._process.is_alive():
                self._end()  # died while it had nothing to do: nothing is lost with it
            if self._connection is None:
                self._start()
            if self._connection is None:
                raise WorkerLostError("a worker could not be started")
            return self._connection

    def _start(self) -> None:
        # Spawned, because a fork copies the locks of the threads of this process.
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs,), daemon=True, name="mlops-debug-worker")
        try:
            process.start()
        except OSError as error:
            ours.close()
            raise WorkerLostError(f"a worker could not be started: {error}") from error
        finally:
            theirs.close()  # the process has its own copy: when it ends, reading ours ends too
        self._process, self._connection = process, ours

    def _end(self) -> int | None:
        """End the process; its id. The connection is not closed here, because another thread may read it: it ends there."""
        with self._changing:
            process, self._process, self._connection = self._process, None, None
            if process is None:
                return None
            process.kill()
            process.join()
            pid = process.pid
            process.close()
            return pid


class Workers:
    """Hands calls to whichever worker is idle; who waits first is served first."""

    def __init__(self, count: int, *, timeout_seconds: float) -> None:
        self._all = tuple(Worker(timeout_seconds) for _ in range(count))
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="worker")
        self._idle: asyncio.Queue[Worker] = asyncio.Queue()
        self._ready = asyncio.Event()

    def start(self, warm: Callable[[], object] = os.getpid) -> None:
        """Begin to start the processes, which takes longer than a call: not while an agent waits.

        Args:
            warm: called first in each process, so that what it imports is there.
        """
        loop = asyncio.get_running_loop()
        for worker in self._all:
            started = self._threads.submit(worker.call, warm)
            started.add_done_callback(partial(self._joined, loop, worker))

    async def ready(self) -> None:
        """Wait for the first worker, whether it could be started or not."""
        await self._ready.wait()

    async def run(self, call: Callable[..., _Result], *arguments: Any) -> _Result:
        """What the call gives in a worker; raises ``WorkerLostError``. A caller that goes away leaves its worker busy until
        the call is done."""
        worker = await self._idle.get()
        running = asyncio.get_running_loop().run_in_executor(self._threads, worker.call, call, *arguments)
        running.add_done_callback(lambda _: self._idle.put_nowait(worker))
        return await asyncio.shield(running)

    async def stop(self) -> None:
        """End all processes. Calls that are under way raise ``WorkerLostError``."""
        for worker in self._all:
            await asyncio.to_thread(worker.stop)
        await asyncio.to_thread(self._threads.shutdown)

    def pids(self) -> list[int]:
        """The ids of the processes that were started."""
        return [pid for worker in self._all if (pid := worker.pid) is not None]

    def _joined(self, loop: asyncio.AbstractEventLoop, worker: Worker, started: Future[object]) -> None:
        if started.exception() is not None:
            logger.error("a worker could not be started; the next call tries again", exc_info=started.exception())
        with suppress(RuntimeError):  # the server stopped meanwhile, and its loop is closed
            loop.call_soon_threadsafe(self._join, worker)

    def _join(self, worker: Worker) -> None:
        self._idle.put_nowait(worker)
        self._ready.set()


def _serve(connection: Connection) -> None:
    """What a worker does: answer calls until the server closes its end."""
    begin_worker()  # before the first call imports a numeric library
    while True:
        try:
            call, arguments = connection.recv()
        except EOFError:
            return
        answered: tuple[Any, Exception | None]
        try:
            answered = call(*arguments), None
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller is told
            error.add_note(f"In a worker:\n{traceback.format_exc()}")
            answered = None, error
        connection.send(answered)
