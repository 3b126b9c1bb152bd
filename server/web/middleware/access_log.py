"""Measures and logs every HTTP request, and gives every connection a request id. Outermost middleware."""

from __future__ import annotations

import itertools
import logging
import re
import secrets
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.logs import ACCESS, EPISODE_ID, REQUEST_ID
from server.metrics import Metrics
from server.security.log_redaction import redacted_path

logger = logging.getLogger(ACCESS)

HEADER = b"x-request-id"
_VALID_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")


class RequestMetricsMiddleware:
    """ASGI middleware: metrics, access log and the header X-Request-Id."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, is_logging: bool) -> None:
        self._app = app
        self._metrics = metrics
        self._is_logging = is_logging
        # Names a request in logs and guards nothing: random for each process is enough.
        self._process = secrets.token_hex(4)
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request_id = _sent_id(scope) or f"{self._process}{next(self._numbers):08x}".encode()
        REQUEST_ID.set(request_id.decode())
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (HEADER, request_id)]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            self._record(scope, status, time.perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        operation = getattr(scope.get("endpoint"), "__name__", "none")
        self._metrics.requests[operation, scope["method"] if operation != "none" else "other", status] += 1
        self._metrics.request_seconds.observe(seconds)
        if self._is_logging:
            named = scope.get("path_params", {}).get("episode_id")
            if named is not None and EPISODE_ID.get() is None:
                EPISODE_ID.set(named)
            path = redacted_path(scope["path"])
            fields = {
                "method": scope["method"],
                "path": path,
                "status": status,
                "ms": round(seconds * 1000, 3),
            }
            # By repr: a path may hold line breaks, which would forge a log line.
            logger.info("%s %r %d", scope["method"], path, status, extra={"fields": fields})


def _sent_id(scope: Scope) -> bytes | None:
    """The valid request id that the client sent, so that the log of a proxy matches this one; None: there is none."""
    for name, value in scope["headers"]:
        if name == HEADER and _VALID_ID.fullmatch(value):
            return bytes(value)
    return None
