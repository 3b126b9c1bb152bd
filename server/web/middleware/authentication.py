"""Checks API keys, as plain ASGI, before a handler or a WebSocket sees the connection.

A key comes as ``Authorization: Bearer KEY``, as ``X-API-Key: KEY``, or as the password of Basic, which is what clients
make of ``http://agent:KEY@host``. Open access lets connections without a key pass; a key of ours that is sent is always checked.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from typing import Iterable

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from server.scenarios.requester import REQUESTER, Priority, Requester
from server.security.api_keys import MARK, KeyRefusedError
from server.security.identity import IDENTITY, OPEN_ACCESS, Identity, client_of
from server.security.identity import Scope as KeyScope
from server.settings import Settings
from server.storage.errors import StoreUnavailableError
from server.version import ENVIRONMENT, NAME
from server.web.context import services_of
from server.web.error_mapping import problem_of
from server.web.middleware.refusal import refuse
from server.web.pages.refused import is_browser, refused_page
from server.web.problem_details import FORBIDDEN, KEY_REQUIRED, Problem

PUBLIC = frozenset(
    ("/health", "/ready", "/metadata", "/schema", "/tasks", "/public-key", "/checkpoint", "/rounds", "/rounds.json")
    + ("/leaderboard", "/leaderboard.json", "/leaderboard.csv", "/openapi.json", "/docs", "/list_environments")
)
"""Paths served without an API key: none of them is about one agent."""
PUBLIC_FOLDERS = ("/static/", "/docs/", f"/{ENVIRONMENT}/", f"/{NAME}/")
_OF_THE_PROCESS = frozenset(("/health", "/ready", "/metrics"))
"""Paths about the process, served whatever the state of the database."""
_PLAY = re.compile(r"/(reset|step|sessions/.*|episodes/[^/]*/step|play.*|mcp.*)", re.DOTALL)
"""Paths that only a key with the scope agent may post to; matched whole."""
_CHALLENGE = ((b"www-authenticate", b'Basic realm="mlops-debug", charset="UTF-8"'),)


def is_open(settings: Settings) -> bool:
    """Whether connections without a key may play. By default on loopback only."""
    return settings.access == "open" or (settings.access == "auto" and is_loopback(settings.host))


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class AuthenticationMiddleware:
    """ASGI middleware: puts the identity of the client into the scope, or refuses the connection."""

    def __init__(self, app: ASGIApp, *, is_open: bool) -> None:
        self._app = app
        self._is_open = is_open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            try:
                _check_database(scope)
                scope[IDENTITY] = await self._identity(scope)
            except (Problem, StoreUnavailableError) as error:
                await _answer(scope, receive, send, problem_of(error))
                return
            REQUESTER.set(Requester(client_of(HTTPConnection(scope)), Priority.PLAY))
        await self._app(scope, receive, send)

    async def _identity(self, scope: Scope) -> Identity:
        text = sent_key(scope["headers"])
        if text is not None and self._is_open and not text.startswith(f"{MARK}_"):
            text = None  # a proxy's own credentials, or another service's token
        if text is None:
            if self._is_open or _is_public(scope):
                return OPEN_ACCESS
            raise KEY_REQUIRED.problem()
        try:
            identity = await services_of(HTTPConnection(scope)).keys.authenticate(text)
        except KeyRefusedError:
            raise KEY_REQUIRED.problem() from None
        needed = needed_scopes(scope)
        if needed and not any(identity.may(each) for each in needed):
            raise FORBIDDEN.problem(needed=" or ".join(needed))
        return identity


async def _answer(scope: Scope, receive: Receive, send: Send, problem: Problem) -> None:
    """Refuse a connection: with a page for a person, else with problem details."""
    challenge = _CHALLENGE if problem.status == 401 else ()
    if is_browser(scope):
        page = refused_page(scope, problem, {name.decode(): value.decode() for name, value in challenge})
        await page(scope, receive, send)
    else:
        await refuse(scope, send, problem, challenge)


def sent_key(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The key in the headers; None: there is none."""
    found = dict(headers)
    if b"x-api-key" in found:
        return found[b"x-api-key"].decode("latin-1").strip()
    kind, _, rest = found.get(b"authorization", b"").decode("latin-1").partition(" ")
    if kind.lower() == "bearer":
        return rest.strip()
    return _password(rest.strip()) if kind.lower() == "basic" else None


def _password(encoded: str) -> str:
    try:
        name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return ""
    text = password or name
    return "" if "\x00" in text else text  # no key holds one, and PostgreSQL would refuse the query


def needed_scopes(scope: Scope) -> tuple[KeyScope, ...]:
    """The scopes of which a key needs one; empty: no key is needed."""
    if _is_public(scope):
        return ()
    if scope["path"] == "/metrics":
        return ("operator",)
    is_play = scope["type"] == "websocket" or (scope["method"] == "POST" and _PLAY.fullmatch(scope["path"]) is not None)
    return ("agent",) if is_play else ("viewer", "agent")


def _check_database(scope: Scope) -> None:
    """Raise where the file of the database is not the one that was opened, before anything is answered from memory."""
    if scope["path"] not in _OF_THE_PROCESS and not scope["path"].startswith(PUBLIC_FOLDERS):
        services_of(HTTPConnection(scope)).backend.check()


def _is_public(scope: Scope) -> bool:
    path: str = scope["path"]
    return scope["type"] == "http" and (path in PUBLIC or path.startswith(PUBLIC_FOLDERS))
