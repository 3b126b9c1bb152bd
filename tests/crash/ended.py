"""Runs a command in a session of its own, as a terminal does, and ends it with a signal after a time."""

from __future__ import annotations

import multiprocessing.util
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, NoReturn

from mlops_debug_env.commands.interrupts import ending_by_ctrl_c
from tests.e2e.preloaded import run_as_program
from tests.e2e.running import environment

END_SECONDS = 60.0
LEFT_SECONDS = 20.0
"""Within this time after a command, the processes that it started end, too."""

Send = Callable[[int], None]
"""Sends a signal to a process, whose id is that of its session and group."""


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    """Minus the signal, if it was killed."""
    was_signalled: bool
    """False: it had ended before."""
    output: str
    """Standard output and error."""
    left: list[int]
    """Processes of its session that went on."""
    seconds: float

    @property
    def lines(self) -> list[str]:
        """What it printed beside the name of its database."""
        return [each for each in self.output.splitlines() if not each.startswith("database: ")]

    @property
    def had_begun(self) -> bool:
        """False: Ctrl-C came while the interpreter started, which has its own way to end. Its traceback does not reach the program."""
        is_of_interpreter = self.code == -signal.SIGINT and ", in main\n" not in self.output
        return not is_of_interpreter and "Fatal Python error: init" not in self.output


def kill(pid: int) -> None:
    """End the one process, as the kernel does when memory is short."""
    os.kill(pid, signal.SIGKILL)


def press_ctrl_c(pid: int) -> None:
    os.killpg(pid, signal.SIGINT)


def run_and_end(
    arguments: Sequence[str], folder: Path, settings: Mapping[str, str], *, after: float, send: Send
) -> Ended:
    """Run ``mlops-debug`` with these arguments, and send it a signal after so many seconds."""
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "server", *arguments],
            cwd=folder,
            env=environment(**settings),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell may have it ignored
        )
    return _end(process.pid, process.wait, folder, after, send)


def fork_and_end(
    arguments: Sequence[str], folder: Path, settings: Mapping[str, str], *, after: float, send: Send
) -> Ended:
    """The same in a fork of this process, which has imported what a command imports. This one has no threads."""
    sys.stdout.flush()
    (folder / "output").touch()
    began = time.monotonic()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    pid = os.fork()
    if pid == 0:
        os.setsid()
        _run_in_fork(arguments, folder, settings)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    while os.getsid(pid) != pid:
        time.sleep(0)

    def wait(timeout: float) -> int:
        until = time.monotonic() + timeout
        while True:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired("server", timeout)
            time.sleep(0.002)

    return _end(pid, wait, folder, after, send, began)


def _run_in_fork(arguments: Sequence[str], folder: Path, settings: Mapping[str, str]) -> NoReturn:
    """Nothing of what this process would do after it, such as removing its folders, is done in the fork."""
    code = 1
    try:
        output = os.open(folder / "output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 2)
        with ending_by_ctrl_c():  # as the program itself, once it has begun
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            run_as_program(output, list(arguments), environment(**settings), str(folder))
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0
    except BaseException:  # noqa: BLE001 - printed as the interpreter would
        traceback.print_exc()
    finally:
        multiprocessing.util._exit_function()  # type: ignore[attr-defined]  # as at the end of an interpreter
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _end(
    pid: int, wait: Callable[[float], int], folder: Path, after: float, send: Send, began: float | None = None
) -> Ended:
    began = began or time.monotonic()
    try:
        code, was_signalled = wait(after), False
    except subprocess.TimeoutExpired:
        send(pid)
        was_signalled = True
        try:
            code = wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(pid, signal.SIGKILL)
            raise
    seconds = time.monotonic() - began
    left = _wait_for_end(pid)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    return Ended(code, was_signalled, (folder / "output").read_text(errors="replace"), left, seconds)


def _wait_for_end(session: int) -> list[int]:
    until = time.monotonic() + LEFT_SECONDS
    while (left := processes_of(session)) and time.monotonic() < until:
        time.sleep(0.01)
    return left


def processes_of(session: int) -> list[int]:
    """The processes of a session that have not ended."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, _, of_session, *_ = path.read_text().rsplit(")", 1)[1].split()
            if int(of_session) == session and state != "Z":
                found.append(int(path.parent.name))
    return found
