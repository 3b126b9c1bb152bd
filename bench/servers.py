"""Server processes under measurement: started on a free port, looked at from outside, and ended."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Sequence

import psutil

from bench.load import HOST

START_SECONDS = 120.0
STOP_SECONDS = 30.0
SETTLE_SECONDS = 60.0


class ServerStartError(RuntimeError):
    """A server did not start."""


class Server:
    """One server process."""

    def __init__(self, name: str, arguments: Sequence[str], folder: Path, **settings: str) -> None:
        self.name = name
        self.port = free_port()
        self.start_seconds = 0.0
        """From the start of the process to its first answer."""
        self._log = folder / f"{name}-{self.port}.log"
        self._command = [sys.executable, "-P", "-m", *arguments, "--port", str(self.port)]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MLOPS_DEBUG_")}
        self._environment = {**kept, **settings}
        self._folder = folder
        self._process: psutil.Popen | None = None

    def start(self) -> None:
        began = time.perf_counter()
        with self._log.open("wb") as log:
            self._process = psutil.Popen(
                self._command,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        while not self._answers():
            if self._process.poll() is not None or time.perf_counter() - began > START_SECONDS:
                raise ServerStartError(f"{self.name} did not start:\n{self._log.read_text()}")
            time.sleep(0.005)
        self.start_seconds = time.perf_counter() - began

    def stop(self) -> None:
        """End it as an operator does, and make sure that it is gone."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)

    def memory_bytes(self) -> int:
        """Resident memory of the server itself, without its workers."""
        return int(self._running().memory_info().rss)

    def thread_count(self) -> int:
        return int(self._running().num_threads())

    def cpu_seconds(self) -> float:
        """CPU time so far, of the server and its workers."""
        process = self._running()
        total = 0.0
        for each in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                times = each.cpu_times()
                total += times.user + times.system
        return total

    def settle(self) -> None:
        """Wait until it does nothing any more: threads go on generating for clients that have left."""
        deadline = time.monotonic() + SETTLE_SECONDS
        used = self.cpu_seconds()
        while time.monotonic() < deadline:
            time.sleep(0.1)
            before, used = used, self.cpu_seconds()
            if used - before <= 0.01:
                return

    @property
    def pid(self) -> int:
        return int(self._running().pid)

    def _running(self) -> psutil.Popen:
        if self._process is None:
            raise RuntimeError(f"{self.name} does not run")
        return self._process

    def _answers(self) -> bool:
        try:
            connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def own_server(folder: Path, *, name: str = "mlops-debug", database: str | None = None, **settings: str) -> Server:
    """This project's server as ``mlops-debug serve`` runs it; by default on a fresh SQLite file in the folder."""
    url = database or f"sqlite:///{folder / (name + '.db')}"
    return Server(name, ("server", "serve", "--log-level", "warning", "--database", url), folder, **settings)


def peer_server(name: str, folder: Path, *, recording: Path | None = None) -> Server:
    extra = () if recording is None else ("--recording", str(recording))
    return Server(name, ("bench.peers", name, *extra), folder)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
