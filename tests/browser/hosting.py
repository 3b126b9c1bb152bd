"""What stands before a server elsewhere: a reverse proxy with a prefix, and a page of another site with a frame."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_HOP_BY_HOP = ("connection", "transfer-encoding", "keep-alive")


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def reverse_proxy(target: str, prefix: str, *, takes_off: bool) -> Iterator[str]:
    """A proxy that serves a server under a prefix only; yields the address of its front page. It passes a feed on as it comes."""
    host = urlsplit(target).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def _pass_on(self) -> None:
            if not self.path.startswith(f"{prefix}/"):
                self.send_error(404, "not behind the prefix")
                return
            path = self.path.removeprefix(prefix) if takes_off else self.path
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            connection = HTTPConnection(host, timeout=30)
            try:
                connection.request(self.command, path, body, dict(self.headers))
                answered = connection.getresponse()
                self.send_response(answered.status)
                for name, value in answered.getheaders():
                    if name.lower() not in _HOP_BY_HOP:
                        self.send_header(name, value)
                self.end_headers()
                while part := answered.read1(65_536):
                    self.wfile.write(part)
                    self.wfile.flush()
            except OSError:
                pass  # the browser has left a feed
            finally:
                connection.close()

        do_GET = do_POST = _pass_on

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with _serving(Handler) as port:
        yield f"http://127.0.0.1:{port}{prefix}"


class OtherSite:
    """A site whose one page shows another one in a frame."""

    def __init__(self, port: int) -> None:
        self.origin = f"http://localhost:{port}"
        """Another site than 127.0.0.1, for a browser."""
        self.framed = ""

    def page(self) -> bytes:
        frame = f'<iframe title="framed" src="{self.framed}" style="width:100%;height:860px;border:0"></iframe>'
        return f'<!doctype html><html lang="en"><title>Another site</title><body style="margin:0">{frame}</body></html>'.encode()


@contextmanager
def other_site() -> Iterator[OtherSite]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = site.page() if self.path == "/" else b""
            self.send_response(200 if body else 204)  # a browser asks for an icon, too
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with _serving(Handler) as port:
        site = OtherSite(port)
        yield site
