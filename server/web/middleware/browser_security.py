"""Checks the host and the origin of every connection, and sets the security headers of every HTTP response.

An agent sends no ``Origin``. A browser always does where it could do harm: with a WebSocket, and with a request that is no
plain GET; so a page of another site cannot play in the name of its reader. A name of the attacker's that resolves to
this machine (DNS rebinding) has a dot and is no address, so on loopback only other names are served.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Iterable
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.settings import Settings
from server.web.middleware.authentication import is_loopback
from server.web.middleware.refusal import refuse
from server.web.problem_details import NOT_FOUND, ORIGIN_REFUSED, WRONG_HOST, Problem

_PORT_OF_SCHEME = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_REPLACEMENT = b"%EF%BF%BD"
_ALWAYS = ((b"cross-origin-resource-policy", b"same-origin"),)
_UNLESS_SET = (
    (b"x-content-type-options", b"nosniff"),
    # A page with forms sets its own: under no-referrer a browser sends a form with the origin null.
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)


class HostOriginMiddleware:
    """ASGI middleware: refuses connections of another host or origin before anything else sees them."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._hosts = frozenset(settings.allowed_hosts)
        self._origins = frozenset(settings.allowed_origins)
        self._is_any_host = not settings.allowed_hosts and not is_loopback(settings.host)
        """Whether host names are not checked: bound elsewhere than on loopback, the server does not know its own names."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        problem = self._violation(dict(scope["headers"])) or _path_violation(scope["path"])
        scope = _without_nul(scope)
        if problem is not None:
            await refuse(scope, send, problem, (*_ALWAYS, *_UNLESS_SET))
        elif scope["type"] == "websocket":
            await self._app(scope, receive, send)  # nothing between the socket and its frames
        else:
            await self._app(scope, receive, _with_headers(send))

    def _violation(self, headers: dict[bytes, bytes]) -> Problem | None:
        host = headers.get(b"host", b"").decode("latin-1")
        if not self._is_any_host and not self._is_allowed_host(host):
            return WRONG_HOST.problem(host=host[:100])
        origin = headers.get(b"origin")
        if origin is None:
            # Old browsers leave it out of a form; new ones then send Sec-Fetch-Site.
            is_cross = headers.get(b"sec-fetch-site") == b"cross-site" and headers.get(b"sec-fetch-mode") != b"navigate"
            return ORIGIN_REFUSED.problem(origin="another site") if is_cross else None
        named = origin.decode("latin-1")
        if named in self._origins or _is_same(named, host):
            return None
        return ORIGIN_REFUSED.problem(origin=named[:100])

    def _is_allowed_host(self, host: str) -> bool:
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        name = name.strip("[]").lower()
        return "." not in name or name.endswith(".localhost") or name in self._hosts or _is_address(name)


def _path_violation(path: str) -> Problem | None:
    """No route has control characters. The router lets a newline pass at the end of a path, so that what is reached
    would be another route than the one whose scope was checked."""
    return None if path.isprintable() else NOT_FOUND.problem(path="a path with control characters")


@lru_cache(maxsize=256)
def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_same(origin: str, host: str) -> bool:
    """Whether the page came from this very host and port. Behind a proxy that ends TLS the schemes differ."""
    try:
        split = urlsplit(origin)
        port = split.port or _PORT_OF_SCHEME[split.scheme]
        there = urlsplit(f"//{host}")
        here = there.port or port if there.port is None else there.port
    except (ValueError, KeyError):
        return False
    return split.hostname is not None and split.hostname == there.hostname and port == here


def _without_nul(scope: Scope) -> Scope:
    """A NUL in the address becomes U+FFFD, as browsers do it: no stored text holds one, so that it names nothing; PostgreSQL
    would refuse the whole query."""
    path, query = scope["path"], scope.get("query_string", b"")
    if "\x00" not in path and b"%00" not in query and b"\x00" not in query:
        return scope
    return {
        **scope,
        "path": path.replace("\x00", "\ufffd"),
        "query_string": query.replace(b"%00", _REPLACEMENT).replace(b"\x00", _REPLACEMENT),
    }


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *_ALWAYS, *_missing(message["headers"])]
        await send(message)

    return sending


def _missing(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    names = {name.lower() for name, _ in headers}
    return [each for each in _UNLESS_SET if each[0] not in names]
