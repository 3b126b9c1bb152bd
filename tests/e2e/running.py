"""Runs the product as a user does: a server process on a free port, and the other commands."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import httpx
from typer import Typer
from typer.testing import CliRunner

from tests.e2e.preloaded import ForkedServer
from tests.profiles import is_quick

ROOT = Path(__file__).resolve().parents[2]
MODULE_COMMAND = (sys.executable, "-m", "server")
SETTING = "MLOPS_DEBUG_"
START_SECONDS = 30.0
STOP_SECONDS = 15.0


def environment(**settings: str) -> dict[str, str]:
    """The environment of a child: this one without the product's settings, importing the project from this tree.

    Nothing is generated ahead, unless that is set: it would take the processors from the tests.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(SETTING)}
    return {**kept, "PYTHONPATH": str(ROOT), f"{SETTING}RESERVE": "0", **settings}


_reserved: list[socket.socket] = []


def free_port() -> int:
    """A port that no other process is given while this one runs.

    It stays bound here, without listening: a server, which sets SO_REUSEADDR, may listen on it, and the kernel hands it to
    no process that requests any free port.
    """
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", 0))
    _reserved.append(bound)
    port: int = bound.getsockname()[1]
    return port


def run_command(*arguments: str, settings: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run ``mlops-debug`` with these arguments to its end."""
    return subprocess.run(
        [*MODULE_COMMAND, *arguments],
        env=environment(**(settings or {})),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def run_command_in_process(
    *arguments: str, settings: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``mlops-debug`` with these arguments in this process, which saves a test the start of another."""
    from server.cli import cli

    return invoke_in_process(cli, arguments, settings or {})


def invoke_in_process(
    cli: Typer, arguments: Sequence[str], settings: Mapping[str, str], *, removed: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a command in a thread, because an event loop may run in this one. A defect is raised."""
    absent: dict[str, str | None] = {name: None for name in os.environ if name.startswith("MLOPS_DEBUG_")}
    environ = {**absent, **dict.fromkeys(removed), **settings}
    with ThreadPoolExecutor(1) as thread:
        ended = thread.submit(CliRunner().invoke, cli, list(arguments), env=environ).result()
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    return subprocess.CompletedProcess(arguments, ended.exit_code, ended.stdout, ended.stderr)


class ServerProcess:
    """``mlops-debug serve`` on a port of its own; the port and the database outlive a restart."""

    def __init__(
        self,
        directory: Path,
        *,
        command: Sequence[str] = MODULE_COMMAND,
        child_environment: Mapping[str, str] | None = None,
        database_argument: bool = True,
        log_level: str = "warning",
        arguments: Sequence[str] = (),
    ) -> None:
        self.directory = directory
        self.database = directory / "mlops-debug.db"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.socket_url = f"ws://127.0.0.1:{self.port}/ws"
        self._command = tuple(command)
        self._arguments = ["serve", "--host", "127.0.0.1", "--port", str(self.port), "--log-level", log_level]
        self._arguments += arguments
        if database_argument:
            self._arguments += ["--database", str(self.database)]
        self._environment = dict(child_environment or environment())
        self._process: subprocess.Popen[bytes] | ForkedServer | None = None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError("the server does not run")
        return self._process.pid

    @property
    def output(self) -> str:
        return (self.directory / "serve.log").read_text()

    def start(self) -> None:
        with (self.directory / "serve.log").open("ab") as log:
            self._process = self._run(log)
        try:
            self._wait_until_healthy(self._process)
        except BaseException:
            self.kill()
            raise

    def _run(self, log: BinaryIO) -> subprocess.Popen[bytes] | ForkedServer:
        differing = {name for name, _ in self._environment.items() ^ environment().items()}
        if is_quick() and self._command == MODULE_COMMAND and all(name.startswith(SETTING) for name in differing):
            return ForkedServer(self._arguments, self._environment, str(self.directory), log)
        return subprocess.Popen(
            [*self._command, *self._arguments],
            cwd=self.directory,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def stop(self) -> None:
        """End the server as an operator does, and make sure that nothing it started is left."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        finally:
            self.kill()

    def kill(self) -> None:
        """End the server and its workers at once, as a power cut does."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):  # All of them had already ended.
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(STOP_SECONDS)
        self._process = None

    def _wait_until_healthy(self, process: subprocess.Popen[bytes] | ForkedServer) -> None:
        deadline = time.monotonic() + START_SECONDS
        with httpx.Client(base_url=self.url, trust_env=False, verify=False, timeout=2.0) as http:
            while time.monotonic() < deadline:
                try:
                    if http.get("/health").status_code == 200:
                        return
                except httpx.TransportError:
                    pass  # It does not listen yet.
                try:
                    code = process.wait(0.05)
                except subprocess.TimeoutExpired:
                    continue
                raise RuntimeError(f"the server ended with code {code}:\n{self.output}")
        raise RuntimeError(f"the server was not healthy within {START_SECONDS} s:\n{self.output}")
