"""``mlops-debug serve``: checks everything that could prevent a start, then serves until it is stopped."""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import typer

from mlops_debug_env.commands.interrupts import CtrlC
from server.gc_tuning import reduce_gc_pauses
from server.logs import log_config
from server.operations.commands.setup import fail, require_usable_database, run_write, upgrade_tables
from server.operations.listen_address import BACKLOG, bind, close, listen, share
from server.operations.worker_process import START_FAILED
from server.security.api_keys import count_keys
from server.security.secret_files import SecretFiles, secrets_folder
from server.security.signing import load_signer
from server.settings import Settings
from server.storage.backend import open_backend
from server.storage.engines import parse_url, shown_url
from server.web.middleware.authentication import is_open

STOP_SECONDS = 10
STOP_MARGIN_SECONDS = 5
"""How much longer a supervised process may take than its requests."""


def serve_until_stopped(settings: Settings) -> None:
    """Serve until stopped. Raises, before anything starts, errors that `commands.failures` prints in one line."""
    sockets = bind(settings.host, settings.port)
    try:
        settings = replace(settings, port=sockets[0].getsockname()[1])
        _prepare(settings)
        _require_key_or_open_access(settings)
        shared = [sockets, *share(sockets, settings.workers - 1)]
        for each in shared:
            listen(each, settings.host)
    except BaseException:
        close(sockets)
        raise
    typer.echo(f"listening on http://{settings.host}:{settings.port}")
    if settings.workers == 1:
        _serve_here(settings, sockets)
    else:
        from server.operations.process_group import serve_in_processes

        serve_in_processes(settings, shared, stop_seconds=STOP_SECONDS + STOP_MARGIN_SECONDS)


def _serve_here(settings: Settings, sockets: list[socket.socket]) -> None:
    import uvicorn

    from server.app import create_app

    reduce_gc_pauses()
    server = uvicorn.Server(uvicorn.Config(create_app(settings), **server_options(settings)))
    with suppress(KeyboardInterrupt):  # uvicorn has shut down in order, and raises the signal again
        server.run(sockets=sockets)
    if not server.started:
        sys.exit(START_FAILED)


def server_options(settings: Settings) -> dict[str, Any]:
    """The options of uvicorn."""
    from server.web.middleware.header_timeout import HeaderTimeoutProtocol

    return {
        "host": settings.host,
        "port": settings.port,
        "backlog": BACKLOG,
        "log_config": log_config(settings),
        "log_level": settings.log_level,
        "access_log": False,  # ours has more fields, and no query strings
        # A frame somewhat over the limit is answered; only a far longer one closes its socket.
        "ws_max_size": 4 * settings.body_limit_bytes,
        # Off by default: it costs CPU for each answer and memory for each socket, to save bytes that a fast network has.
        "ws_per_message_deflate": settings.compress_sockets,
        "ws_ping_interval": settings.ping_seconds,
        "ws_ping_timeout": settings.ping_timeout_seconds,
        # Limits go by the address of the connection: a header can be forged.
        "proxy_headers": False,
        "server_header": False,
        "http": partial(HeaderTimeoutProtocol, header_timeout_seconds=settings.header_timeout_seconds),
        # Requests under way are finished; a client that never ends its request does not prevent the stop.
        "timeout_graceful_shutdown": STOP_SECONDS,
    }


def _prepare(settings: Settings) -> None:
    """Print which database is served, and open it once as a server does."""
    url = parse_url(settings.database_url)
    if settings.workers > 1 and not hasattr(socket, "AF_UNIX"):
        fail(f"--workers {settings.workers} needs local sockets, which this system does not have: leave out --workers")
    require_usable_database(settings)
    typer.echo(f"database: {shown_url(url)}")
    upgrade_tables(settings)

    async def open_once() -> None:
        async with open_backend(settings):
            pass

    with CtrlC().waiting():  # the end of a task that has no more to wait for would lose it
        asyncio.run(open_once())
    load_signer(SecretFiles(secrets_folder(settings)))


def _require_key_or_open_access(settings: Settings) -> None:
    """Refuse to serve other machines without any API key, which is most likely a mistake."""
    if not is_open(settings) and run_write(settings, count_keys) == 0:
        fail(
            f"{settings.host} can be reached by others, and there is no API key: create one with mlops-debug keys "
            "create NAME, or allow access without keys with --access open"
        )
