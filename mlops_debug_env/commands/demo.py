"""``mlops-debug demo``: a server, four agents and a table, in one command."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NamedTuple

import httpx
import typer

from mlops_debug_env.commands.ending import UNREACHABLE, fail, told_in_one_line, write_out
from mlops_debug_env.commands.options import ConcurrencyOption

START_SECONDS = 60.0
STOP_SECONDS = 15.0


class _Server(NamedTuple):
    url: str
    process: subprocess.Popen[bytes]


def demo(
    database: Annotated[
        Path | None, typer.Option(help="File to keep the episodes in. Default: a temporary one.")
    ] = None,
    entries: Annotated[int, typer.Option(min=1, help="Entries of practice-1 to play.")] = 24,
    concurrency: ConcurrencyOption = 16,
    leave: Annotated[bool, typer.Option("--exit", help="End once the table is printed.")] = False,
) -> None:
    """Start a server, let four agents play, print how they did, and leave the server up until Ctrl-C."""
    from mlops_debug_env.evaluation.command import Connection
    from mlops_debug_env.evaluation.demo import DEMO_AGENTS, play_agents
    from mlops_debug_env.evaluation.report import render_many, to_text

    with tempfile.TemporaryDirectory(prefix="mlops-debug-demo-") as scratch, told_in_one_line():
        folder = Path(scratch)
        with _serving(database or folder / "demo.db", folder / "serve.log") as server:
            typer.echo(f"server: {server.url}  database: {database or folder / 'demo.db'}", err=True)
            connection = Connection(url=server.url, concurrency=concurrency)
            playing = play_agents(connection, agents=DEMO_AGENTS, suite="practice-1", entries=entries, folder=folder)
            summaries = asyncio.run(playing)
            write_out(to_text(render_many(summaries)))
            if not leave:
                typer.echo(f"The server is up at {server.url}; Ctrl-C ends it.", err=True)
                _wait(server.process)


@contextmanager
def _serving(database: Path, log: Path) -> Iterator[_Server]:
    """A server process on a free port; it ends with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "server", "serve", "--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--database", str(database), "--log-level", "warning"],
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for this command, which then ends the server in order
            env=dict(os.environ),
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_it_answers(url, process, log)
        yield _Server(url, process)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_it_answers(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    with httpx.Client(trust_env=False, timeout=2.0) as http:
        while time.monotonic() < deadline:
            try:
                if http.get(f"{url}/health").is_success:
                    return
            except httpx.TransportError:
                pass  # it does not listen yet
            try:
                process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            last = (log.read_text(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
            fail(f"the server ended at once: {last}", UNREACHABLE)
    fail(f"the server did not answer within {START_SECONDS:g} s", UNREACHABLE)


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait()
    except KeyboardInterrupt:
        return
    fail("the server ended by itself", UNREACHABLE)
