"""Serves a WebSocket from handshake to close: the limit of sockets, the session, and the error that is sent before a close.

Rule 1: a socket counts against the limit until it is closed.
Rule 2: the newest socket of a session wins; the older one is sent an error and closed.
Rule 3: closing a socket never ends its episode.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from typing import ClassVar, NamedTuple

from pydantic import ValidationError
from starlette.status import WS_1008_POLICY_VIOLATION, WS_1013_TRY_AGAIN_LATER
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from server.episodes.commands import check_name
from server.episodes.errors import SessionTakenOverError
from server.episodes.limits import TooManySocketsError
from server.episodes.sessions import SessionSocket
from server.scenarios.requester import MessageBuffer
from server.security.api_keys import KeyRefusedError
from server.security.identity import ReservedNameError, identity_of
from server.services import Services
from server.web.context import services_of

TAKEN_OVER = "A newer socket has taken this session over; play there."


class Connection(NamedTuple):
    """An accepted WebSocket and what serves it."""

    websocket: WebSocket
    services: Services
    buffer: MessageBuffer
    send: Send


class WebSocketEndpoint(ABC):
    """ASGI application of the WebSockets of one protocol. Once a socket is accepted, its messages pass between the protocol
    and the ASGI server without a layer of Starlette, since every layer costs each step."""

    subprotocol: ClassVar[str | None] = None
    """Agreed on where the client offers it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        services = services_of(websocket)
        is_offered = self.subprotocol in scope.get("subprotocols", ())
        await websocket.accept(self.subprotocol if is_offered else None)
        with suppress(OSError, WebSocketDisconnect):  # the client left while it was answered
            try:
                services.sockets.enter()
            except TooManySocketsError as error:
                await self._close_with_error(send, error, WS_1013_TRY_AGAIN_LATER)
                return
            buffer = MessageBuffer(receive)
            try:
                await self._open_session(Connection(websocket, services, buffer, send))
            finally:
                services.sockets.leave()
                await buffer.close()

    async def _open_session(self, connection: Connection) -> None:
        websocket, sessions = connection.websocket, connection.services.sessions
        key = self.session_key(websocket)
        socket = SessionSocket(is_keyed=key is not None)
        if key is None:
            await self.serve_frames(connection, socket, None)
            return
        try:
            scoped = identity_of(websocket).scoped(check_name(key))
        except (ValidationError, ReservedNameError) as error:
            await self._close_with_error(connection.send, error, WS_1008_POLICY_VIOLATION)
            return
        sessions.enter(scoped, socket)
        try:
            await self.serve_frames(connection, socket, key)
        except (SessionTakenOverError, KeyRefusedError) as error:
            await self._close_with_error(connection.send, error, WS_1008_POLICY_VIOLATION)
        finally:
            sessions.leave(scoped, socket)

    async def _close_with_error(self, send: Send, error: Exception, code: int) -> None:
        await send({"type": "websocket.send", "text": self.error_frame(error).decode()})
        await send({"type": "websocket.close", "code": code})

    def session_key(self, websocket: WebSocket) -> str | None:
        """The session that the address names; None: none. OpenEnv's MCP client names the one that it created in the query."""
        key: str | None = websocket.path_params.get("session_key") or websocket.query_params.get("session_id")
        return key

    @abstractmethod
    def error_frame(self, error: Exception) -> bytes:
        """The frame that tells the client why the socket is closed."""

    @abstractmethod
    async def serve_frames(self, connection: Connection, socket: SessionSocket, key: str | None) -> None:
        """Answer frame after frame until the client leaves; ``key`` is the session as the client names it."""
