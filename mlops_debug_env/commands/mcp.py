"""``mlops-debug mcp``: one episode for a program that speaks MCP, such as a desktop assistant or a coding agent."""

from __future__ import annotations

import sys
from contextlib import ExitStack
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
    from mlops_debug_env.transport.async_client import DebugClient


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
    with ending_in_order() as ending, one_line_errors(), ExitStack() as opened:
        start = _Start(url, api_key, database, ending, opened)
        if url is not None or address is not None:
            start.client()  # a wrong address is reported now
        _serve(_mcp_server(start, task, seed, split, agent), address)


def _address(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        fail(f"--listen is HOST:PORT, not {listen[:80]!r}", USAGE)
    return host.strip("[]"), int(port)


class _Start:
    """Opens the client when it is first needed, and before it a server where none is named.

    A program that speaks MCP goes on without tools if it has to wait for them at its own start.
    """

    def __init__(
        self, url: str | None, api_key: str | None, database: Path | None, ending: Ending, opened: ExitStack
    ) -> None:
        from mlops_debug_env.transport.sync_client import LoopThread

        self._url = url
        self._api_key = api_key
        self._database = database
        self._ending = ending
        self._opened = opened
        self._client: DebugClient | None = None
        self.loop = LoopThread()
        opened.callback(self.loop.close)

    def client(self) -> DebugClient:
        """The client of a server that answers. First called in the main thread, which signals end."""
        if self._client is None:
            from mlops_debug_env.transport.async_client import DebugClient

            url = self._url or self._start_server()
            self._client = DebugClient(url, api_key=self._api_key)
            self._opened.callback(lambda: self.loop.run(self._client.close()) if self._client else None)
            self.loop.run(self._client.health())
            typer.echo(f"server: {url}", err=True)
        return self._client

    def _start_server(self) -> str:
        folder = self._opened.enter_context(scratch_folder(self._ending, "mlops-debug-mcp-"))
        kept = self._database or folder / "episode.db"
        return self._opened.enter_context(serving(kept, folder / "serve.log", self._ending)).url


def _mcp_server(start: _Start, task: TaskId, seed: int | None, split: str | None, agent: str) -> McpServer:
    from mlops_debug_env.harnesses.mcp_server import McpServer
    from mlops_debug_env.harnesses.tool_episode import ToolEpisode

    def begin() -> ToolEpisode:
        client = start.client()
        return start.loop.run(ToolEpisode.begin(client, task_id=task, seed=seed, split=split, agent=agent))

    return McpServer(task, begin, start.loop)


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
