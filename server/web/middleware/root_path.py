"""Takes the prefix off that a proxy serves the application under, where the proxy leaves it on."""

from __future__ import annotations

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class RootPathMiddleware:
    """ASGI middleware; the outermost one, so that everything else sees the same paths with and without a proxy."""

    def __init__(self, app: ASGIApp, *, root_path: str) -> None:
        self._app = app
        self._prefix = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._prefix or scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        if path == self._prefix and scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            # Links of the front page begin at the folder of its address.
            await RedirectResponse(f"{self._prefix}/", status_code=307)(scope, receive, send)
        elif path.startswith(f"{self._prefix}/"):
            raw = scope.get("raw_path", b"").removeprefix(self._prefix.encode())
            await self._app({**scope, "path": path.removeprefix(self._prefix), "raw_path": raw}, receive, send)
        else:
            await self._app(scope, receive, send)
