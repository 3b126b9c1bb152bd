"""MCP over a WebSocket: each frame is one JSON-RPC request, answered in order."""

from __future__ import annotations

from pydantic import ValidationError
from starlette.websockets import WebSocket

from server.episodes.errors import SessionTakenOverError
from server.episodes.sessions import SessionSocket
from server.scenarios.requester import REQUESTER
from server.security.identity import Identity, ReservedNameError, client_of, identity_of
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

    def create_handler(
        self, websocket: WebSocket, connection: Connection, socket: SessionSocket, key: str | None
    ) -> RpcHandler:
        # In the context of the task that answers: a request that waits is dropped when the client leaves.
        REQUESTER.set(REQUESTER.get()._replace(inbox=connection.inbox))
        return RpcHandler(connection, identity_of(websocket), client=client_of(websocket), session=key)


class RpcHandler:
    """Answers the requests of one socket."""

    def __init__(self, connection: Connection, identity: Identity, *, client: str, session: str | None) -> None:
        services = connection.services
        self._session = McpSession(services, identity, client=client, session=session)
        self._identity = identity
        self._keys = services.keys
        self._body_limit = services.settings.body_limit_bytes

    async def reply(self, text: str | bytes) -> bytes:
        """The answer to a request; empty: it is a notification."""
        if self._identity.prefix is not None:
            await self._keys.check(self._identity)
        wanted = None
        try:
            if len(text) > self._body_limit:
                raise RpcError(INVALID_REQUEST, BODY_TOO_LARGE.problem(limit_bytes=self._body_limit).detail)
            wanted = decode_request(text)
            if wanted.is_notification:
                return b""
            return encode_result(wanted.id, await self._session.result(wanted))
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
