"""Serves a WebSocket from handshake to close: the limit of sockets, the session, and the error that is sent before a close.

Rule 1: a socket counts against the limit until it is closed.
Rule 2: the newest socket of a session wins; the older one is sent an error and closed.
Rule 3: closing a socket never ends its episode.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import ClassVar, NamedTuple, Protocol

from pydantic import ValidationError
from starlette.status import WS_1000_NORMAL_CLOSURE, WS_1008_POLICY_VIOLATION, WS_1013_TRY_AGAIN_LATER
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
    """An accepted WebSocket, without the layers of Starlette."""

    services: Services
    inbox: MessageBuffer
    receive: Receive
    send: Send


class FrameHandler(Protocol):
    """Answers the frames of one socket, in order."""

    async def reply(self, text: str | bytes) -> bytes | None:
        """The answer to a frame; empty: none is sent; None: the client asks to close."""


class WebSocketEndpoint(ABC):
    """ASGI application of the WebSockets of one protocol. Once a socket is accepted, its frames are answered by a task of its
    own between the protocol and the ASGI server: no frame passes the middleware and the router again."""

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
            try:
                await self._open_session(websocket, Connection(services, MessageBuffer(receive), receive, send))
            finally:
                services.sockets.leave()

    async def _open_session(self, websocket: WebSocket, connection: Connection) -> None:
        sessions, send = connection.services.sessions, connection.send
        key = self.session_key(websocket)
        socket = SessionSocket(is_keyed=key is not None)
        if key is None:
            await _serve(connection, socket, self.create_handler(websocket, connection, socket, None))
            return
        try:
            scoped = identity_of(websocket).scoped(check_name(key))
        except (ValidationError, ReservedNameError) as error:
            await self._close_with_error(send, error, WS_1008_POLICY_VIOLATION)
            return
        sessions.enter(scoped, socket)
        try:
            await _serve(connection, socket, self.create_handler(websocket, connection, socket, key))
        except (SessionTakenOverError, KeyRefusedError) as error:
            await self._close_with_error(send, error, WS_1008_POLICY_VIOLATION)
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
        """The frame with the error for which the socket is closed."""

    @abstractmethod
    def create_handler(
        self, websocket: WebSocket, connection: Connection, socket: SessionSocket, key: str | None
    ) -> FrameHandler:
        """The handler of a socket's frames; ``key`` is the session as the client names it."""


async def _serve(connection: Connection, socket: SessionSocket, handler: FrameHandler) -> None:
    """Answer frames in a task of their own until the socket is closed; raises ``SessionTakenOverError``."""
    task = socket.task = asyncio.create_task(_answer_frames(connection, socket, handler))
    try:
        await asyncio.gather(task, return_exceptions=True)  # where this task is cancelled, so is the other one
    finally:
        await connection.inbox.close()
    if task.cancelled():
        raise SessionTakenOverError
    task.result()


async def _answer_frames(connection: Connection, socket: SessionSocket, handler: FrameHandler) -> None:
    """Answer frame after frame until the client leaves. A newer socket of the session cancels this while it waits."""
    _, inbox, receive, send = connection
    while not socket.is_lost:
        socket.is_waiting = True
        ahead, inbox.ahead = inbox.ahead, None
        message = await (ahead or receive())
        socket.is_waiting = False
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        reply = await handler.reply(text if text is not None else message.get("bytes") or b"")
        if reply is None:
            await send({"type": "websocket.close", "code": WS_1000_NORMAL_CLOSURE})
            return
        if reply:
            await send({"type": "websocket.send", "text": reply.decode()})
        del ahead, message, text, reply  # while the client thinks, none of it is needed
    raise SessionTakenOverError
