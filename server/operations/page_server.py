"""Serves pages that only read with the standard library, where uvicorn is not installed: for one reader, not for traffic.

Rules: 1. GET and HEAD only; a request with a body ends its connection. 2. Each request runs the application in an event loop of its
own. 3. A connection on which nothing arrives is closed.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Scope

IDLE_SECONDS = 30.0
_logger = logging.getLogger(__name__)


@contextmanager
def serve_pages(app: ASGIApp, sockets: Sequence[socket.socket]) -> Iterator[None]:
    """Serves the application on listening sockets, in threads, until the block ends."""
    servers = [_PageServer(app, each) for each in sockets]
    threads = [threading.Thread(target=each.serve_forever, daemon=True) for each in servers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


class _PageServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a browser keeps its connections open

    def __init__(self, app: ASGIApp, listening: socket.socket) -> None:
        super().__init__(listening.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.app = app


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "mlops-debug"
    sys_version = ""
    timeout = IDLE_SECONDS
    server: _PageServer

    def handle(self) -> None:
        with suppress(ConnectionError):  # the browser went elsewhere
            super().handle()

    def do_GET(self) -> None:
        if "Content-Length" in self.headers or "Transfer-Encoding" in self.headers:
            self.close_connection = True
        answer = _Answer()
        try:
            asyncio.run(self._answered_by_app(answer))
        except Exception:
            _logger.exception("%s cannot be shown", self.path)
        self._write(answer)

    do_HEAD = do_GET

    def log_message(self, format: str, *arguments: Any) -> None:
        """Requests are not logged."""

    async def _answered_by_app(self, answer: _Answer) -> None:
        await self.server.app(self._scope(), answer.receive, answer.send)

    def _scope(self) -> Scope:
        path, _, query = self.path.partition("?")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": self.command,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "root_path": "",
            "headers": [
                (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in self.headers.items()
            ],
            "client": self.client_address[:2],
            "server": self.server.socket.getsockname()[:2],
        }

    def _write(self, answer: _Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if not any(name == "content-length" for name, _ in answer.headers):
            self.send_header("content-length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)


class _Answer:
    """What the application sends, gathered; an internal server error until it has begun."""

    def __init__(self) -> None:
        self.status = 500
        self.headers: list[tuple[str, str]] = []
        self.body = b""
        self._is_asked = False

    async def receive(self) -> Message:
        """The request has no body; its client stays connected until it is answered."""
        if self._is_asked:
            await asyncio.Event().wait()
        self._is_asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: Message) -> None:
        """Takes a part of the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"]]
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")
