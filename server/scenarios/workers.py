"""Worker processes, each with one call at a time. One that dies or times out is replaced."""

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

from server.scenarios.worker_process import SPAWNED, configure_worker

logger = logging.getLogger(__name__)

_Result = TypeVar("_Result")


class WorkerLostError(Exception):
    """A worker died, or was killed because it took too long, before it had answered."""


class WorkerTimeoutError(WorkerLostError):
    """The worker timed out. The call is not retried, because it would probably time out again."""


class Worker:
    """One process. A call is made by one thread at a time; ``stop`` may come from another."""

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout = timeout_seconds
        self._lifecycle_lock = threading.RLock()
        """Locked while the process is started or stopped."""
        self._process: multiprocessing.process.BaseProcess | None = None
        self._connection: Connection | None = None
        self._is_stopped = False

    @property
    def is_stopped(self) -> bool:
        return self._is_stopped

    @property
    def pid(self) -> int | None:
        process = self._process
        return None if process is None else process.pid

    def call(self, call: Callable[..., _Result], *arguments: Any) -> _Result:
        """Run the call in the process. A process that dies is replaced, and the call retried once."""
        try:
            return self._send(call, arguments)
        except WorkerLostError as error:
            if isinstance(error, WorkerTimeoutError) or self._is_stopped:
                raise
            logger.warning("%s; the call is retried in another one", error)
            return self._send(call, arguments)

    def stop(self) -> None:
        """End the process, also in the middle of a call."""
        self._is_stopped = True
        self._end()

    def _send(self, call: Callable[..., _Result], arguments: tuple[Any, ...]) -> _Result:
        connection = self._running_connection()
        try:
            connection.send((call, arguments))
            has_answer = connection.poll(self._timeout)
            answered: Any = connection.recv() if has_answer else None
        except (EOFError, OSError) as error:
            raise WorkerLostError(f"worker {self._end()} died") from error
        if not has_answer:
            pid = self._end()
            logger.error("worker %s was ended: it had not answered for %g seconds", pid, self._timeout)
            raise WorkerTimeoutError(f"worker {pid} took longer than {self._timeout:g} seconds")
        result, failure = answered
        if failure is not None:
            raise failure
        return result  # type: ignore[no-any-return]

    def _running_connection(self) -> Connection:
        """The connection to a running process, started if necessary."""
        with self._lifecycle_lock:
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
        ours, theirs = SPAWNED.Pipe()
        process = SPAWNED.Process(target=_serve, args=(theirs,), daemon=True, name="mlops-debug-worker")
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
        with self._lifecycle_lock:
            process, self._process, self._connection = self._process, None, None
            if process is None:
                return None
            process.kill()
            process.join()
            pid = process.pid
            process.close()
            return pid


class Workers:
    """A pool that gives each call to an idle worker, first come, first served."""

    def __init__(self, count: int, *, timeout_seconds: float) -> None:
        self._all = tuple(Worker(timeout_seconds) for _ in range(count))
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="worker")
        self._idle: asyncio.Queue[Worker] = asyncio.Queue()
        self._ready = asyncio.Event()

    def start(self, warm: Callable[[], object] = os.getpid) -> None:
        """Start the processes in the background, so that no agent waits for it.

        Args:
            warm: called first in each process, so that what it imports is there.
        """
        loop = asyncio.get_running_loop()
        for worker in self._all:
            started = self._threads.submit(worker.call, warm)
            started.add_done_callback(partial(self._on_started, loop, worker))

    async def ready(self) -> None:
        """Wait for the first worker, whether it could be started or not."""
        await self._ready.wait()

    async def run(self, call: Callable[..., _Result], *arguments: Any) -> _Result:
        """Run the call in a worker; raises ``WorkerLostError``. A cancelled caller leaves its worker busy until the call
        is done."""
        worker = await self._idle.get()
        running = asyncio.get_running_loop().run_in_executor(self._threads, worker.call, call, *arguments)
        running.add_done_callback(partial(self._on_done, worker))
        return await asyncio.shield(running)

    async def stop(self) -> None:
        """End all processes. Calls that are under way raise ``WorkerLostError``."""
        for worker in self._all:
            await asyncio.to_thread(worker.stop)
        await asyncio.to_thread(self._threads.shutdown)

    def pids(self) -> list[int]:
        """The ids of the processes that were started."""
        return [pid for worker in self._all if (pid := worker.pid) is not None]

    def _on_started(self, loop: asyncio.AbstractEventLoop, worker: Worker, started: Future[object]) -> None:
        if started.exception() is not None and not worker.is_stopped:
            logger.error("a worker could not be started; the next call tries again", exc_info=started.exception())
        with suppress(RuntimeError):  # the server stopped meanwhile, and its loop is closed
            loop.call_soon_threadsafe(self._add_idle, worker)

    def _on_done(self, worker: Worker, running: asyncio.Future[Any]) -> None:
        if not running.cancelled():
            running.exception()  # looked at, because the caller may be cancelled
        self._idle.put_nowait(worker)

    def _add_idle(self, worker: Worker) -> None:
        self._idle.put_nowait(worker)
        self._ready.set()


def _serve(connection: Connection) -> None:
    """Loop of a worker process: answer calls until the server closes its end of the pipe."""
    configure_worker()  # before the first call imports a numeric library
    while True:
        try:
            call, arguments = connection.recv()
        except EOFError:
            return
        answered: tuple[Any, Exception | None]
        try:
            answered = call(*arguments), None
        except Exception as error:  # noqa: BLE001 - sent to the caller
            error.add_note(f"In a worker:\n{traceback.format_exc()}")
            answered = None, error
        connection.send(answered)
