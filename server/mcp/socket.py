"""The same requests and answers as frames of a WebSocket, one after another."""

from __future__ import annotations

from contextlib import suppress

from pydantic import ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from server.asking import Inbox
from server.identity import ReservedNameError, client_of, identity_of
from server.installation import Installation
from server.keys import KeyRefusedError
from server.limits import TooManySocketsError
from server.mcp.dialogue import Dialogue, new_session
from server.mcp.rpc import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    SERVER_ERROR,
    RpcError,
    decode_request,
    encode_error,
    encode_result,
)
from server.problems import Problem, body_too_large, problem_of
from server.requests import check_name
from server.sessions import Seat, SessionTakenOverError

SUBPROTOCOL = "mcp"
_POLICY_VIOLATION = 1008
_TRY_AGAIN_LATER = 1013


async def serve_mcp_socket(websocket: WebSocket) -> None:
    """One socket from handshake to close. Without a key of its own it gets a new session."""
    installation: Installation = websocket.app.state.installation
    await websocket.accept(SUBPROTOCOL if SUBPROTOCOL in websocket.scope.get("subprotocols", ()) else None)
    with suppress(WebSocketDisconnect):  # the client went away while it was answered
        try:
            installation.sockets.enter()
        except TooManySocketsError as error:
            await _part(websocket, _of_problem(problem_of(error)), _TRY_AGAIN_LATER)
            return
        inbox = Inbox(websocket.receive)
        try:
            await _sit_down(websocket, installation, inbox)
        finally:
            installation.sockets.leave()
            await inbox.close()


async def _sit_down(websocket: WebSocket, installation: Installation, inbox: Inbox) -> None:
    key = websocket.path_params.get("session_key") or websocket.query_params.get("session_id") or new_session()
    identity = identity_of(websocket)
    try:
        scoped = identity.scoped(check_name(key))
    except (ValidationError, ReservedNameError) as error:
        await _part(websocket, RpcError(INVALID_PARAMS, problem_of(error).detail), _POLICY_VIOLATION)
        return
    seat = Seat(is_keyed=True)
    installation.sessions.enter(scoped, seat)
    try:
        await _converse(websocket, installation, inbox, seat, key)
    except KeyRefusedError as error:
        await _part(websocket, _of_problem(problem_of(error)), _POLICY_VIOLATION)
    except SessionTakenOverError:
        told = RpcError(SERVER_ERROR, "A newer socket has taken this session over; play there.")
        await _part(websocket, told, _POLICY_VIOLATION)
    finally:
        installation.sessions.leave(scoped, seat)


async def _converse(websocket: WebSocket, installation: Installation, inbox: Inbox, seat: Seat, key: str) -> None:
    identity = identity_of(websocket)
    dialogue = Dialogue(installation, identity, client=client_of(websocket), session=key)
    limit = installation.settings.body_limit_bytes
    while True:
        message = await seat.next_of(inbox.receive)
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        if identity.prefix is not None:
            await installation.keys.check(identity)
        async with inbox.watched():
            answered = await _answered(dialogue, text if text is not None else message.get("bytes") or b"", limit)
        if answered is not None:
            await websocket.send({"type": "websocket.send", "text": answered.decode()})


async def _answered(dialogue: Dialogue, text: str | bytes, limit: int) -> bytes | None:
    """Null: it was a notification."""
    wanted = None
    try:
        if len(text) > limit:
            raise RpcError(INVALID_REQUEST, body_too_large(limit).detail)
        wanted = decode_request(text)
        if wanted.is_notification:
            return None
        return encode_result(wanted.id, await dialogue.result(wanted))
    except RpcError as error:
        return encode_error(wanted.id if wanted is not None else None, error)


def _of_problem(problem: Problem) -> RpcError:
    return RpcError(SERVER_ERROR, problem.detail, problem.members())


async def _part(websocket: WebSocket, last: RpcError, code: int) -> None:
    await websocket.send({"type": "websocket.send", "text": encode_error(None, last).decode()})
    await websocket.close(code)
