"""``mlops-debug mcp``: one episode for a program that speaks MCP, such as a desktop assistant or a coding agent."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mlops_debug_env.commands.exit_codes import UNREACHABLE, USAGE, fail, one_line_errors
from mlops_debug_env.commands.options import ApiKeyOption
from mlops_debug_env.commands.own_server import Ending, ending_in_order, scratch_folder, serving
from mlops_debug_env.commands.server_packages import is_server_installed, server_missing
from mlops_debug_env.protocol.types import TaskId

if TYPE_CHECKING:
    from mlops_debug_env.harnesses.mcp_server import McpServer


def mcp(
    task: Annotated[TaskId, typer.Option(help="The task of the episode.")] = "easy",
    seed: Annotated[int | None, typer.Option(min=0, help="Fixes the scenario. Default: the server draws one.")] = None,
    split: Annotated[
        Literal["train", "validation", "test"] | None, typer.Option(help="Of the scenario. Default: train.")
    ] = None,
    url: Annotated[
        str | None,
        typer.Option("--url", envvar="MLOPS_DEBUG_URL", help="Play on this running server. Default: one is started."),
    ] = None,
    api_key: ApiKeyOption = None,
    database: Annotated[
        Path | None,
        typer.Option(help="File in which a server that is started keeps the episode. Default: none is kept."),
    ] = None,
    agent: Annotated[str, typer.Option(help="Name to record.")] = "mcp",
    listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Serve MCP over HTTP there, instead of on stdin and stdout.")
    ] = None,
) -> None:
    """Let a program that speaks MCP play one episode: it gets the actions as tools, and neither reset nor seed nor truth.

    Ends when standard input does. Exit 2: an option cannot be used. 3: the server cannot be reached or started.
    """
    if url is not None and database is not None:
        fail("--database is for a server that is started; the one at --url has its own", USAGE)
    if url is None and not is_server_installed():
        fail(server_missing("mlops-debug mcp without --url"), USAGE)
    address = None if listen is None else _address(listen)
    with ending_in_order() as ending, one_line_errors(), _server_at(url, database, ending) as found:
        typer.echo(f"server: {found}", err=True)
        with _mcp_server(found, api_key, task, seed, split, agent) as server:
            _serve(server, address)


def _address(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        fail(f"--listen is HOST:PORT, not {listen[:80]!r}", USAGE)
    return host.strip("[]"), int(port)


@contextmanager
def _server_at(url: str | None, database: Path | None, ending: Ending) -> Iterator[str]:
    """The address of the server: the one given, or that of one which ends with the block."""
    if url is not None:
        yield url
        return
    with (
        scratch_folder(ending, "mlops-debug-mcp-") as folder,
        serving(database or folder / "episode.db", folder / "serve.log", ending) as server,
    ):
        yield server.url


@contextmanager
def _mcp_server(
    url: str, api_key: str | None, task: TaskId, seed: int | None, split: str | None, agent: str
) -> Iterator[McpServer]:
    from mlops_debug_env.harnesses.mcp_server import McpServer
    from mlops_debug_env.harnesses.tool_episode import ToolEpisode
    from mlops_debug_env.transport.async_client import DebugClient
    from mlops_debug_env.transport.sync_client import LoopThread

    client = DebugClient(url, api_key=api_key)
    loop = LoopThread()

    async def begin() -> ToolEpisode:
        return await ToolEpisode.begin(client, task_id=task, seed=seed, split=split, agent=agent)

    try:
        loop.run(client.health())  # a wrong address is reported now
        yield McpServer(task, begin, loop)
    finally:
        loop.run(client.close())
        loop.close()


def _serve(server: McpServer, address: tuple[str, int] | None) -> None:
    from mlops_debug_env.harnesses.mcp_server import McpHttpServer, serve_lines

    if address is None:
        serve_lines(server, sys.stdin.buffer, sys.stdout.buffer)
        return
    try:
        listening = McpHttpServer(server, address)
    except OSError as error:
        fail(f"cannot listen on {address[0]}:{address[1]}: {error.strerror}", UNREACHABLE)
    with listening:
        host, port = listening.server_address[:2]
        typer.echo(f"MCP is at http://{host!s}:{port}/mcp; Ctrl-C ends it.", err=True)
        listening.serve_forever()
