"""Sets up a worker process. Imports no numeric library, because those read the variables set here when they are imported."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.context import SpawnContext, SpawnProcess

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@contextmanager
def _ctrl_c_blocked() -> Iterator[None]:
    """What this thread starts does not get SIGINT; for this process it waits until the end of the block."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # its start would end the block
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class UninterruptedProcess(SpawnProcess):
    """A process that Ctrl-C on a terminal does not reach, from its first instruction: the one that started it ends it."""

    def start(self) -> None:
        with _ctrl_c_blocked():
            super().start()


class _UninterruptedContext(SpawnContext):
    Process = UninterruptedProcess


SPAWNED = _UninterruptedContext()
"""Starts processes. Not by a fork, which copies the locks of the threads of this process."""


def configure_worker() -> None:
    """Limit a worker to one core and low priority, ignore SIGINT, and end it with the server.

    Called in the worker alone: the environment of the process that starts it, perhaps another program's, stays as it is.
    """
    for name in THREAD_VARIABLES:
        os.environ.setdefault(name, "1")  # one run needs one core, and all workers share the rest
    if hasattr(os, "nice"):
        os.nice(10)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A worker holds both ends of its queue, so it would wait for ever for a server that was killed.
    threading.Thread(target=_exit_with_server, name="exit-with-server", daemon=True).start()


def _exit_with_server() -> None:
    server = multiprocessing.parent_process()
    if server is not None:
        server.join()
        os._exit(0)
