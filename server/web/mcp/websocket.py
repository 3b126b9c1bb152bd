"""The same requests and answers as frames of a WebSocket, one after another."""

from __future__ import annotations

from contextlib import suppress

from pydantic import ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from server.episodes.commands import check_name
from server.episodes.errors import SessionTakenOverError
from server.episodes.limits import TooManySocketsError
from server.episodes.sessions import SessionSocket
from server.scenarios.requester import Inbox
from server.security.api_keys import KeyRefusedError
from server.security.identity import ReservedNameError, client_of, identity_of
from server.services import Services
from server.web.context import services_of
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
from server.web.problem_details import BODY_TOO_LARGE, Problem

SUBPROTOCOL = "mcp"
_POLICY_VIOLATION = 1008
_TRY_AGAIN_LATER = 1013


async def serve_mcp_socket(websocket: WebSocket) -> None:
    """One socket from handshake to close. Without a key of its own it gets a new session."""
    services = services_of(websocket)
    await websocket.accept(SUBPROTOCOL if SUBPROTOCOL in websocket.scope.get("subprotocols", ()) else None)
    with suppress(WebSocketDisconnect):  # the client went away while it was answered
        try:
            services.sockets.enter()
        except TooManySocketsError as error:
            await _close_with_error(websocket, _of_problem(problem_of(error)), _TRY_AGAIN_LATER)
            return
        inbox = Inbox(websocket.receive)
        try:
            await _open_session(websocket, services, inbox)
        finally:
            services.sockets.leave()
            await inbox.close()


async def _open_session(websocket: WebSocket, services: Services, inbox: Inbox) -> None:
    key = websocket.path_params.get("session_key") or websocket.query_params.get("session_id") or new_session()
    identity = identity_of(websocket)
    try:
        scoped = identity.scoped(check_name(key))
    except (ValidationError, ReservedNameError) as error:
        await _close_with_error(websocket, RpcError(INVALID_PARAMS, problem_of(error).detail), _POLICY_VIOLATION)
        return
    socket = SessionSocket(is_keyed=True)
    services.sessions.enter(scoped, socket)
    try:
        await _serve_frames(websocket, services, inbox, socket, key)
    except KeyRefusedError as error:
        await _close_with_error(websocket, _of_problem(problem_of(error)), _POLICY_VIOLATION)
    except SessionTakenOverError:
        told = RpcError(SERVER_ERROR, "A newer socket has taken this session over; play there.")
        await _close_with_error(websocket, told, _POLICY_VIOLATION)
    finally:
        services.sessions.leave(scoped, socket)


async def _serve_frames(
    websocket: WebSocket, services: Services, inbox: Inbox, socket: SessionSocket, key: str
) -> None:
    identity = identity_of(websocket)
    mcp_session = McpSession(services, identity, client=client_of(websocket), session=key)
    limit = services.settings.body_limit_bytes
    while True:
        message = await socket.receive(inbox.receive)
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        if identity.prefix is not None:
            await services.keys.check(identity)
        async with inbox.watched():
            answered = await _answered(mcp_session, text if text is not None else message.get("bytes") or b"", limit)
        if answered is not None:
            await websocket.send({"type": "websocket.send", "text": answered.decode()})


async def _answered(mcp_session: McpSession, text: str | bytes, limit: int) -> bytes | None:
    """Null: it was a notification."""
    wanted = None
    try:
        if len(text) > limit:
            raise RpcError(INVALID_REQUEST, BODY_TOO_LARGE.problem(limit_bytes=limit).detail)
        wanted = decode_request(text)
        if wanted.is_notification:
            return None
        return encode_result(wanted.id, await mcp_session.result(wanted))
    except RpcError as error:
        return encode_error(wanted.id if wanted is not None else None, error)


def _of_problem(problem: Problem) -> RpcError:
    return RpcError(SERVER_ERROR, problem.detail, problem.members())


async def _close_with_error(websocket: WebSocket, last: RpcError, code: int) -> None:
    await websocket.send({"type": "websocket.send", "text": encode_error(None, last).decode()})
    await websocket.close(code)
