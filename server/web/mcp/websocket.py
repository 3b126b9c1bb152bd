"""MCP over a WebSocket: each frame is one JSON-RPC request, answered in order."""

from __future__ import annotations

from pydantic import ValidationError
from starlette.websockets import WebSocket

from server.episodes.errors import SessionTakenOverError
from server.episodes.sessions import SessionSocket
from server.security.identity import ReservedNameError, client_of, identity_of
from server.web.error_mapping import problem_of
from server.web.mcp.handler import McpSession, new_session
from server.web.mcp.jsonrpc import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    SERVER_ERROR,
    RpcError,
    decode_request,
    encode_error,
    encode_result,
)
from server.web.problem_details import BODY_TOO_LARGE
from server.web.websocket_endpoint import TAKEN_OVER, Connection, WebSocketEndpoint

SUBPROTOCOL = "mcp"


class McpSocketEndpoint(WebSocketEndpoint):
    """MCP over a WebSocket. A socket whose address names no session gets a new one."""

    subprotocol = SUBPROTOCOL

    def session_key(self, websocket: WebSocket) -> str:
        return super().session_key(websocket) or new_session()

    def error_frame(self, error: Exception) -> bytes:
        return encode_error(None, _rpc_error(error))

    async def serve_frames(self, connection: Connection, socket: SessionSocket, key: str | None) -> None:
        websocket, services, buffer, send = connection
        identity = identity_of(websocket)
        session = McpSession(services, identity, client=client_of(websocket), session=key)
        limit = services.settings.body_limit_bytes
        while True:
            message = await socket.receive(buffer.receive)
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            if identity.prefix is not None:
                await services.keys.check(identity)
            async with buffer.monitored():
                reply = await _reply(session, text if text is not None else message.get("bytes") or b"", limit)
            if reply is not None:
                await send({"type": "websocket.send", "text": reply.decode()})


async def _reply(session: McpSession, text: str | bytes, limit: int) -> bytes | None:
    """The answer to one request; None: it is a notification."""
    wanted = None
    try:
        if len(text) > limit:
            raise RpcError(INVALID_REQUEST, BODY_TOO_LARGE.problem(limit_bytes=limit).detail)
        wanted = decode_request(text)
        if wanted.is_notification:
            return None
        return encode_result(wanted.id, await session.result(wanted))
    except RpcError as error:
        return encode_error(wanted.id if wanted is not None else None, error)


def _rpc_error(error: Exception) -> RpcError:
    """Why the socket is closed."""
    if isinstance(error, SessionTakenOverError):
        return RpcError(SERVER_ERROR, TAKEN_OVER)
    problem = problem_of(error)
    if isinstance(error, (ValidationError, ReservedNameError)):
        return RpcError(INVALID_PARAMS, problem.detail)
    return RpcError(SERVER_ERROR, problem.detail, problem.members())
