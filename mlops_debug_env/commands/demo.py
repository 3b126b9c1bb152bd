"""``mlops-debug demo``: a server, four agents and a table, in one command."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from mlops_debug_env.commands.exit_codes import UNREACHABLE, USAGE, fail, one_line_errors, write_out
from mlops_debug_env.commands.options import ApiKeyOption, ConcurrencyOption
from mlops_debug_env.commands.own_server import (
    EndedBySignal,
    Ending,
    OwnServer,
    ending_in_order,
    scratch_folder,
    serving,
)
from mlops_debug_env.commands.server_packages import is_server_installed, server_missing


def demo(
    database: Annotated[
        Path | None, typer.Option(help="File to keep the episodes in. Default: a temporary one.")
    ] = None,
    entries: Annotated[int, typer.Option(min=1, help="Entries of practice-2 to play.")] = 24,
    concurrency: ConcurrencyOption = 16,
    leave: Annotated[bool, typer.Option("--exit", help="End once the table is printed.")] = False,
    url: Annotated[
        str | None,
        typer.Option("--url", help="Play on this running server, and start none; ends once the table is printed."),
    ] = None,
    api_key: ApiKeyOption = None,
) -> None:
    """Start a server, let four agents play, print how they did, and leave the server up until Ctrl-C.

    Exit 0: the table was printed, and Ctrl-C ended the server. 2, 3, 5: as run. 130, 143, 129: ended early by Ctrl-C, or
    by SIGTERM or SIGHUP; the server is ended and the temporary folder removed all the same.
    """
    if url is not None and database is not None:
        fail("--database is for a server that the demo starts; the one at --url has its own", USAGE)
    if url is None and not is_server_installed():
        fail(server_missing("mlops-debug demo without --url"), USAGE)
    with (
        ending_in_order() as ending,
        _one_line_at_the_end(ending),
        scratch_folder(ending, "mlops-debug-demo-") as folder,
        one_line_errors(),
    ):
        if url is not None:
            typer.echo(f"server: {url}", err=True)
            _play(ending, url, api_key, entries=entries, concurrency=concurrency, folder=folder)
            return
        kept = database or folder / "demo.db"
        with serving(kept, folder / "serve.log", ending) as server:
            typer.echo(f"server: {server.url}  database: {kept}", err=True)
            _play(ending, server.url, None, entries=entries, concurrency=concurrency, folder=folder)
            if not leave:
                _wait(ending, server)


@contextmanager
def _one_line_at_the_end(ending: Ending) -> Iterator[None]:
    try:
        yield
    except BaseException:
        if ending.raised is not None:
            typer.echo("interrupted; the demo's own server and its temporary files are gone", err=True)
        raise


def _play(ending: Ending, url: str, api_key: str | None, *, entries: int, concurrency: int, folder: Path) -> None:
    from mlops_debug_env.runner.demo import DEMO_AGENTS, play_agents
    from mlops_debug_env.runner.report import render_many, to_text
    from mlops_debug_env.runner.run_command import Connection

    connection = Connection(url=url, api_key=api_key, concurrency=concurrency)
    connection.check()
    playing = play_agents(connection, agents=DEMO_AGENTS, suite="practice-2", entries=entries, folder=folder)
    write_out(to_text(render_many(ending.run(playing))))


def _wait(ending: Ending, server: OwnServer) -> None:
    try:
        typer.echo(f"The server is up at {server.url}; Ctrl-C ends it.", err=True)
        server.process.wait()
    except EndedBySignal as ended:
        if ended.number == signal.SIGINT:
            ending.raised = None
            return
        raise
    fail("the server ended by itself", UNREACHABLE)
