"""Answers a connection that middleware refuses with problem details, before a handler sees it."""

from __future__ import annotations

from typing import Iterable

from starlette.status import WS_1008_POLICY_VIOLATION
from starlette.types import Scope, Send

from server.logs import IS_REFUSED
from server.web.problem_details import MEDIA_TYPE, Problem

Header = tuple[bytes, bytes]


async def refuse(scope: Scope, send: Send, problem: Problem, headers: Iterable[Header] = ()) -> None:
    """Send the problem as the HTTP response; a WebSocket whose server cannot send one instead of the handshake is closed."""
    is_websocket = scope["type"] == "websocket"
    if is_websocket and "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": WS_1008_POLICY_VIOLATION, "reason": problem.title})
        return
    IS_REFUSED.set(is_websocket)
    kind = "websocket.http.response" if is_websocket else "http.response"
    own = ((name.lower().encode(), value.encode()) for name, value in problem.headers.items())
    whole = [(b"content-type", MEDIA_TYPE.encode()), *headers, *own]
    await send({"type": f"{kind}.start", "status": problem.status, "headers": whole})
    await send({"type": f"{kind}.body", "body": problem.body()})
