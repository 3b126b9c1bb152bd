"""A server process that a command starts for itself, and ends with itself.

Rules:

- A signal that ends the command never falls between the start of the server, or the making of the folder, and the block that ends it.
- It is never raised in a callback of an event loop, which would log it and go on; there it cancels the main task.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import typer

from mlops_debug_env.commands.exit_codes import UNREACHABLE, fail
from mlops_debug_env.commands.interrupts import send_later

_Result = TypeVar("_Result")

START_SECONDS = 60.0
STOP_SECONDS = 15.0
_PACKAGES = Path(__file__).resolve().parents[2]
"""Where this package is, and the server's beside it."""


class OwnServer(NamedTuple):
    """A server that runs."""

    url: str
    process: subprocess.Popen[bytes]


@contextmanager
def scratch_folder(ending: Ending, prefix: str) -> Iterator[Path]:
    """A folder that is gone after the block."""
    made: list[str] = []
    try:
        with ending.deferred():
            made.append(tempfile.mkdtemp(prefix=prefix))
        yield Path(made[0])
    finally:
        _ignore_signals()
        for each in made:
            shutil.rmtree(each)


@contextmanager
def serving(database: Path, log: Path, ending: Ending) -> Iterator[OwnServer]:
    """A server process on a free port; it ends with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # -P: a folder named server in the working directory is not ours.
    command = [sys.executable, "-P", "-m", "server", "serve", "--host", "127.0.0.1", "--port", str(port)]
    started: list[subprocess.Popen[bytes]] = []
    try:
        with ending.deferred(), log.open("wb") as output:
            process = subprocess.Popen(
                [*command, "--database", str(database), "--log-level", "warning"],
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for this command, which then ends the server in order
                env=_environment(),
            )
            started.append(process)
        url = f"http://127.0.0.1:{port}"
        _wait_until_it_answers(url, process, log)
        yield OwnServer(url, process)
    finally:
        _ignore_signals()
        for each in started:
            _stop(each)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError):  # its worker processes have ended, as they should
            os.killpg(process.pid, signal.SIGKILL)


def _environment() -> dict[str, str]:
    """Of the server: our own packages come before whatever PYTHONPATH names, the working directory perhaps."""
    path = os.pathsep.join([str(_PACKAGES), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))])
    return {**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"}


class EndedBySignal(BaseException):
    """A signal asks for the end."""

    def __init__(self, number: int) -> None:
        self.number = number


def _signals() -> tuple[int, ...]:
    return tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


def _nothing() -> None:
    """Cancel nothing: the loop does not run its main task."""


class Ending:
    """Handles the signals that end the command."""

    def __init__(self) -> None:
        self._before = {each: signal.getsignal(each) for each in _signals()}
        self._is_deferred = False
        self._received: int | None = None
        self.raised: int | None = None
        """The signal that was raised; the code that it cut may have made another exception of it."""
        self._cancel: Callable[[], object] | None = None

    def install(self) -> None:
        """What was ignored before stays ignored."""
        for each, handler in self._before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(each, self.handle)

    def restore(self) -> None:
        """Install the handlers that were there before."""
        for each, handler in self._before.items():
            signal.signal(each, handler)

    def handle(self, number: int, _: Any) -> None:
        if self._is_deferred or self._cancel is not None:
            self._received = number
            if self._cancel is not None:
                self._cancel()
            return
        _ignore_signals()
        self.raised = number
        raise EndedBySignal(number)

    def handle_again(self, number: int) -> None:
        """After a finalizer in which it was raised, and lost."""
        self.raised = None
        self.install()
        send_later(number)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """A signal that arrives in the block is raised at its end."""
        self._is_deferred = True
        try:
            yield
        finally:
            self._is_deferred = False
        self._raise_received()

    def run(self, main: Coroutine[Any, Any, _Result]) -> _Result:
        """Run an event loop; a signal cancels ``main``, and is raised once the loop is closed."""
        self._cancel = _nothing
        try:
            with asyncio.Runner() as runner:
                return runner.run(self._cancelled_by_signal(main))
        finally:
            self._cancel = None
            self._raise_received()

    async def _cancelled_by_signal(self, main: Coroutine[Any, Any, _Result]) -> _Result:
        loop, task = asyncio.get_running_loop(), asyncio.ensure_future(main)
        self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        if self._received is not None:
            task.cancel()
        try:
            return await task
        finally:
            self._cancel = _nothing

    def _raise_received(self) -> None:
        if self._received is not None:
            self.handle(self._received, None)


@contextmanager
def ending_in_order() -> Iterator[Ending]:
    """Ctrl-C, SIGTERM and SIGHUP leave the block through its ``finally``; what was ignored before stays ignored."""
    ending = Ending()
    unraisable_before = sys.unraisablehook

    def pass_on(unraisable: Any) -> None:
        if isinstance(unraisable.exc_value, EndedBySignal):
            ending.handle_again(unraisable.exc_value.number)
        else:
            unraisable_before(unraisable)

    try:
        ending.install()
        sys.unraisablehook = pass_on
        yield ending
    except BaseException:
        if ending.raised is None:
            raise
        raise typer.Exit(128 + ending.raised) from None
    finally:
        sys.unraisablehook = unraisable_before
        ending.restore()


def _ignore_signals() -> None:
    """The end, once begun, is not interrupted."""
    for each in _signals():
        signal.signal(each, signal.SIG_IGN)


def _wait_until_it_answers(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    import httpx2  # takes long to import, and no other command needs it

    deadline = time.monotonic() + START_SECONDS
    with httpx2.Client(trust_env=False, timeout=2.0) as http:
        while time.monotonic() < deadline:
            try:
                if http.get(f"{url}/health").is_success:
                    return
            except httpx2.TransportError:
                pass  # it does not listen yet
            try:
                process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            last = (log.read_text(errors="replace").strip().splitlines() or ["it printed nothing"])[-1]
            fail(f"the server ended at once: {last}", UNREACHABLE)
    fail(f"the server did not answer within {START_SECONDS:g} s", UNREACHABLE)
