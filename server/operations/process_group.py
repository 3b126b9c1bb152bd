"""``mlops-debug serve --workers N``: starts the processes of a server, replaces those that die, and ends them in order.

Rule 1: the process that supervises serves nothing and opens no database. Rule 2: a process that dies is replaced, after a pause that grows
if it does so again; until all have served once, it ends the start instead. Rule 3: the servers end first, then the writer that they
write through. Rule 4: each process notices the end of this one by its pipe, and ends.
"""

from __future__ import annotations

import logging
import logging.config
import multiprocessing
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from pathlib import Path
from types import FrameType
from typing import Any, Callable, Iterator, Sequence

from server.logs import log_config
from server.operations.commands.setup import fail
from server.operations.listen_address import close
from server.operations.worker_process import START_FAILED, serve_in_slot, write_for_servers
from server.scenarios.worker_process import SPAWNED
from server.settings import Settings
from server.storage.engines import database_path, is_sqlite, parse_url
from server.storage.serving_lock import hold_serving_lock
from server.worker_slot import WorkerSlot, writer_address

logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.5
MAX_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0
"""A process that ran for this long before it died is replaced at once."""
WRITER_STOP_SECONDS = 10.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def serve_in_processes(settings: Settings, sockets: Sequence[Sequence[socket.socket]], *, stop_seconds: float) -> None:
    """Serve with one process for each list of sockets until SIGINT or SIGTERM; ends as a single server does.

    Args:
        stop_seconds: how long the processes may take to end in order.
    """
    logging.config.dictConfig(log_config(settings))
    url = parse_url(settings.database_url)
    with ExitStack() as opened:
        signals = opened.enter_context(_stop_signals())
        folder = Path(opened.enter_context(_private_folder()))
        children = []
        if is_sqlite(url):
            opened.enter_context(hold_serving_lock(database_path(url)))
            listener = opened.enter_context(_listen_locally(writer_address(folder)))
            children.append(Child("writer", write_for_servers, (settings, listener)))
        for number, shared in enumerate(sockets):
            slot = WorkerSlot(number, len(sockets), folder)
            children.append(Child(f"worker {number}", serve_in_slot, (settings, slot, tuple(shared))))
        group = ProcessGroup(children, signals)
        try:
            has_started = group.run()
        finally:
            for each in sockets:
                close(list(each))  # else the kernel would go on to accept connections for processes that end
            group.stop(stop_seconds)
    if not has_started:
        sys.exit(START_FAILED)
    if signals.received == signal.SIGTERM:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTERM)  # as uvicorn does, so that the exit code shows it


class StopSignals:
    """The first signal to stop, and a pipe that becomes readable with any signal."""

    def __init__(self, readable: socket.socket) -> None:
        self.readable = readable
        self.received: int | None = None
        self.is_urgent = False
        """Whether a second Ctrl-C came."""

    def note(self, number: int, _: FrameType | None) -> None:
        self.is_urgent = self.received is not None and number == signal.SIGINT
        if self.received is None:
            self.received = number


class Child:
    """One process of the group, which is started again under the same name."""

    def __init__(self, name: str, target: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        self.name = name
        self._target = target
        self._arguments = arguments
        self._pause = 0.0
        self._started_at = 0.0
        self.process: multiprocessing.process.BaseProcess | None = None
        self.control: Pipe | None = None
        self.is_ready = False
        """Whether it has ever served."""
        self.due_at: float | None = None
        """When it is started again, by the monotonic clock; None: it runs."""

    def start(self) -> None:
        ours, theirs = SPAWNED.Pipe()
        self.process = SPAWNED.Process(target=self._target, args=(*self._arguments, theirs), name=self.name)
        try:
            self.process.start()
        finally:
            theirs.close()  # the process has its own copy: each end notices the other's end
        self.control, self.due_at, self._started_at = ours, None, time.monotonic()
        logger.info("%s is process %s", self.name, self.process.pid)

    def note_end(self) -> None:
        """Log that the process ended, and decide when it is started again."""
        if self.process is None:
            return
        self.process.join()
        if time.monotonic() - self._started_at >= STEADY_SECONDS:
            self._pause = 0.0
        self.due_at = time.monotonic() + self._pause
        logger.error(
            "%s (process %s) ended with code %s; it is started again in %.1f s",
            self.name,
            self.process.pid,
            self.process.exitcode,
            self._pause,
        )
        self._pause = min(max(FIRST_PAUSE_SECONDS, 2 * self._pause), MAX_PAUSE_SECONDS)
        self._forget()

    def terminate(self) -> None:
        if self.process is not None:
            self.process.terminate()

    def release(self) -> None:
        """Close the pipe, which ends the writer when the servers are gone."""
        if self.control is not None:
            self.control.close()
            self.control = None

    def end(self, until: float) -> None:
        """Wait for the end until a time by the monotonic clock, then kill."""
        if self.process is None:
            return
        self.process.join(max(0.0, until - time.monotonic()))
        if self.process.is_alive():
            logger.error("%s (process %s) did not end in time and is killed", self.name, self.process.pid)
            self.process.kill()
            self.process.join()
        self._forget()

    def _forget(self) -> None:
        self.release()
        self.process = None


class ProcessGroup:
    """The children in the order of their start: a writer, if there is one, before those that write through it."""

    def __init__(self, children: Sequence[Child], signals: StopSignals) -> None:
        self._children = children
        self._signals = signals

    @property
    def is_complete(self) -> bool:
        """Whether every child has served once."""
        return all(each.is_ready for each in self._children)

    def run(self) -> bool:
        """Start the children and replace them until a signal to stop; False: the start failed."""
        for each in self._children:
            each.start()
        while self._signals.received is None:
            self._wait()
            for each in self._children:
                if not self._look_after(each):
                    logger.error("%s ended before it served; the start is given up", each.name)
                    return False
        return True

    def stop(self, seconds: float) -> None:
        """End the servers in order, then the writer. A second Ctrl-C ends the wait."""
        servers = [each for each in self._children if each.name != "writer"]
        for each in servers:
            each.terminate()
        until = time.monotonic() + seconds
        for each in servers:
            self._wait_for_end(each, until)
        for each in self._children:
            each.release()
            each.end(time.monotonic() + WRITER_STOP_SECONDS)

    def _wait_for_end(self, child: Child, until: float) -> None:
        while child.process is not None and child.process.is_alive() and time.monotonic() < until:
            if self._signals.is_urgent:
                break
            wait([child.process.sentinel, self._signals.readable], max(0.0, until - time.monotonic()))
            self._drain()
        child.end(time.monotonic())

    def _wait(self) -> None:
        """Wait until a child ends or serves, one is due to be started, or a signal comes."""
        watched: list[Any] = [self._signals.readable]
        for each in self._children:
            if each.process is not None:
                watched.append(each.process.sentinel)
            if each.control is not None:
                watched.append(each.control)
        due = [each.due_at for each in self._children if each.due_at is not None]
        wait(watched, max(0.0, min(due) - time.monotonic()) if due else None)
        self._drain()

    def _drain(self) -> None:
        with suppress(BlockingIOError):
            self._signals.readable.recv(64)

    def _look_after(self, child: Child) -> bool:
        """Note what became of a child, and start it again when it is due; False: it ended before the server had started."""
        if child.control is not None:
            with suppress(EOFError, OSError):
                while child.control.poll():
                    child.control.recv_bytes()
                    child.is_ready = True
        if child.process is not None and not child.process.is_alive():
            if not self.is_complete and not child.is_ready:
                return False
            child.note_end()
        if child.due_at is not None and child.due_at <= time.monotonic() and self._signals.received is None:
            child.start()
        return True


@contextmanager
def _stop_signals() -> Iterator[StopSignals]:
    """Notes SIGINT and SIGTERM instead of ending the process."""
    readable, writable = socket.socketpair()
    readable.setblocking(False)
    writable.setblocking(False)
    signals = StopSignals(readable)
    before = {number: signal.signal(number, signals.note) for number in _SIGNALS}
    wakeup = signal.set_wakeup_fd(writable.fileno(), warn_on_full_buffer=False)
    try:
        yield signals
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        readable.close()
        writable.close()


@contextmanager
def _private_folder() -> Iterator[str]:
    """A folder that only this user can enter; a path to a local socket must be short."""
    try:
        folder = tempfile.mkdtemp(prefix="mlops-debug-")
    except OSError as error:
        fail(f"no folder for local sockets can be made ({error.strerror}): name one that can be written with TMPDIR")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _listen_locally(address: str) -> Iterator[socket.socket]:
    """A local socket that keeps listening while the process that reads from it is replaced."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        try:
            listener.bind(address)
        except OSError as error:
            fail(
                f"no local socket can be made at {address} ({error}): name another folder, with a short path, with TMPDIR"
            )
        os.chmod(address, 0o600)
        listener.listen()
        yield listener
