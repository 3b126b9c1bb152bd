"""``mlops-debug view``: the folder of a run as pages."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from server.operations.commands.setup import fail

VIEW_PORT = 7861
"""Beside that of the server."""


def view(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0: a free one.")] = VIEW_PORT,
) -> None:
    """Show the folder of a run in the browser, read only: its episodes, and all that a model was asked and answered.

    Exit 0: stopped by Ctrl-C. 2: the folder holds no run, or the address cannot be used.
    """
    from mlops_debug_env.runner.run_folder import NoRunError, read_header
    from server.operations.listen_address import bind, listen
    from server.operations.page_server import serve_pages
    from server.web.pages.run_folder.app import create_run_app

    try:
        read_header(run)
    except NoRunError as error:
        fail(str(error))
    sockets = bind(host, port)
    listen(sockets, host)
    app = create_run_app(run, hosts=["localhost", "127.0.0.1", "[::1]", host])
    with serve_pages(app, sockets), suppress(KeyboardInterrupt):
        typer.echo(f"{run} is at http://{host}:{sockets[0].getsockname()[1]}; Ctrl-C ends it.", err=True)
        threading.Event().wait()
