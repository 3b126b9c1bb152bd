"""Runs ``python -m server`` in a fork of a process that has imported what it needs: most of a start is imports.

A fork has its own session, environment, directory, output and ``__main__``, and runs the module from its beginning. It is for
servers whose environment differs from this one's in the product's settings only. With ``--seeds full`` none is forked.
"""

from __future__ import annotations

import atexit
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import BinaryIO

IMPORTED = ("server.cli", "server.operations.serve", "server.app", "uvicorn.protocols.http.auto")
_ORDER_BYTES = 1 << 20


class ForkedServer:
    """A running server: of `subprocess.Popen`, what tests use of a server.

    Args:
        arguments: of ``mlops-debug``.
        environment: all of its variables.
        directory: where it runs.
        log: where its output goes.
    """

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], directory: str, log: BinaryIO) -> None:
        self.returncode: int | None = None
        self._answers, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        order = json.dumps([list(arguments), dict(environment), directory]).encode()
        with theirs:
            socket.send_fds(_forking_process(), [order], [theirs.fileno(), log.fileno()])
        self.pid = int(self._answers.recv(64))

    def wait(self, timeout: float | None = None) -> int:
        """The exit code; raises ``TimeoutExpired``."""
        if self.returncode is None:
            self._answers.settimeout(timeout)
            try:
                self.returncode = int(self._answers.recv(64))
            except TimeoutError as error:
                raise subprocess.TimeoutExpired("server", timeout or 0.0) from error
            self._answers.close()
        return self.returncode

    def terminate(self) -> None:
        if self.returncode is None:
            os.kill(self.pid, signal.SIGTERM)


@cache
def _forking_process() -> socket.socket:
    """Where orders are sent to; the process ends when this one does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
    atexit.register(_end, ours, process)
    return ours


def _end(orders: socket.socket, process: subprocess.Popen[bytes]) -> None:
    orders.close()
    process.wait()


def _take_orders(orders: socket.socket) -> None:
    for name in IMPORTED:
        import_module(name)
    while True:
        order, descriptors, _, _ = socket.recv_fds(orders, _ORDER_BYTES, 2)
        _reap()
        if not order:
            return
        if os.fork() == 0:
            orders.close()
            _run_and_wait(order, *descriptors)
            return
        for descriptor in descriptors:
            os.close(descriptor)


def _reap() -> None:
    """Take the exit codes of children that have ended, whose CPU time then counts as that of the test run."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _run_and_wait(order: bytes, answers: int, log: int) -> None:
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.write(answers, str(os.getpid()).encode())
        os.close(answers)
        run_as_program(log, *json.loads(order))
        return
    os.close(log)
    _, status = os.waitpid(pid, 0)
    os.write(answers, str(os.waitstatus_to_exitcode(status)).encode())


def run_as_program(log: int, arguments: list[str], environment: dict[str, str], directory: str) -> None:
    """Run ``mlops-debug`` in this process, with its output to a descriptor."""
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[0] = directory
    sys.argv[1:] = arguments
    runpy.run_module("server", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _take_orders(socket.socket(fileno=int(sys.argv[1])))
