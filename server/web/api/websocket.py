"""The OpenEnv WebSocket protocol: frames in, frames out, in order. Closing a socket never ends its episode."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from pydantic import ValidationError
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from domain.json import encode_json
from server.episodes.commands import ResetRequest, check_name
from server.episodes.errors import EpisodeNotStartedError, SessionTakenOverError
from server.episodes.limits import TooManySocketsError
from server.episodes.sessions import SessionSocket
from server.scenarios.requester import Inbox
from server.security.identity import Identity, ReservedNameError, client_of, identity_of
from server.services import Services
from server.web.decoding import CloseFrame, ResetFrame, StateFrame, StepFrame, decode_frame
from server.web.error_mapping import RETRY_AFTER_SECONDS, Problem, body_too_large, problem_of

_CODE_OF_PROBLEM = {
    "invalid": "VALIDATION_ERROR",
    "invalid_json": "INVALID_JSON",
    "episode_not_started": "EPISODE_NOT_STARTED",
}
_CODE_OF_STATUS = {429: "CAPACITY_REACHED", 503: "CAPACITY_REACHED"}
NORMAL_CLOSURE = 1000
POLICY_VIOLATION = 1008
TRY_AGAIN_LATER = 1013


class SocketEndpoint:
    """One socket from handshake to close. An ASGI application of its own: once a socket is accepted its messages go to and
    from the server as they are, since every layer between costs each step."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        services: Services = websocket.app.state.services
        await websocket.accept()
        with suppress(OSError, WebSocketDisconnect):  # the client went away while it was answered
            try:
                services.sockets.enter()
            except TooManySocketsError as error:
                await _close_with_error(send, _error_frame(error), TRY_AGAIN_LATER)
                return
            inbox = Inbox(receive)
            try:
                await _open_session(websocket, services, inbox, send)
            finally:
                services.sockets.leave()
                await inbox.close()


async def _open_session(websocket: WebSocket, services: Services, inbox: Inbox, send: Send) -> None:
    # OpenEnv's MCP client names the session that it created in the query.
    key = websocket.path_params.get("session_key") or websocket.query_params.get("session_id")
    socket = SessionSocket(is_keyed=key is not None)
    identity, client = identity_of(websocket), client_of(websocket)
    if key is None:
        handler = FrameHandler(services, socket, identity, inbox, client=client, key=None)
        await _serve_frames(inbox, send, handler, socket)
        return
    try:
        key = identity.scoped(check_name(key))
    except (ValidationError, ReservedNameError) as error:
        await _close_with_error(send, _error_frame(error), POLICY_VIOLATION)
        return
    handler = FrameHandler(services, socket, identity, inbox, client=client, key=key)
    services.sessions.enter(key, socket)
    try:
        await _serve_frames(inbox, send, handler, socket)
    except SessionTakenOverError as error:
        await _close_with_error(send, _error_frame(error), POLICY_VIOLATION)
    finally:
        services.sessions.leave(key, socket)


async def _serve_frames(inbox: Inbox, send: Send, handler: FrameHandler, socket: SessionSocket) -> None:
    while True:
        message = await socket.receive(inbox.receive)
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        reply = await handler.reply(text if text is not None else message.get("bytes") or b"")
        if reply is None:
            await send({"type": "websocket.close", "code": NORMAL_CLOSURE})
            return
        await send({"type": "websocket.send", "text": reply.decode()})
        del message, text, reply  # as long as the client thinks, none of it is needed


async def _close_with_error(send: Send, last: bytes, code: int) -> None:
    await send({"type": "websocket.send", "text": last.decode()})
    await send({"type": "websocket.close", "code": code})


class FrameHandler:
    """Frames in, frames out, for the seat that one socket has."""

    __slots__ = ("_client", "_identity", "_inbox", "services_of", "_key", "_socket")

    def __init__(
        self,
        services: Services,
        socket: SessionSocket,
        identity: Identity,
        inbox: Inbox,
        *,
        client: str,
        key: str | None,
    ) -> None:
        self.services_of = services
        self._socket = socket
        self._identity = identity
        self._inbox = inbox
        self._client = client
        self._key = key
        """Session key as this server knows it; null: the socket's episode is known by its own name only."""

    async def reply(self, text: str | bytes) -> bytes | None:
        """The answer to a frame; null: the client said goodbye."""
        try:
            limit = self.services_of.settings.body_limit_bytes
            if len(text) > limit:
                raise body_too_large(limit)
            to_frame = decode_frame(text)
            if self._identity.prefix is not None:
                await self.services_of.keys.check(self._identity)
            match to_frame:
                case StepFrame():
                    return await self._step(to_frame)
                case ResetFrame():
                    async with self._inbox.watched():
                        return await self._reset(to_frame.data)
                case StateFrame():
                    state = await self.services_of.episodes.state(await self._current())
                    return b'{"type":"state","data":' + state + b"}"
                case CloseFrame():
                    return None
        except Exception as error:  # noqa: BLE001 - the socket stays open after any error; what is unexpected is logged
            return _error_frame(error)

    async def _step(self, to_frame: StepFrame) -> bytes:
        self.services_of.pace.acquire(self._client)
        beside = to_frame.data.metadata
        response = await self.services_of.episodes.step(
            self._socket.episode_id or await self._current(),
            to_frame.data.meaning(),
            request_id=beside.request_id,
            expected_version=beside.expected_version,
            may_repeat=self._socket.may_repeat,
        )
        self._socket.may_repeat = False
        return response.to_frame()

    async def _reset(self, wanted: ResetRequest) -> bytes:
        admitted = await self.services_of.admission.authorize_reset(self._identity, wanted)
        if self._key is not None:
            # The seat is told by the session, as it is of a reset that comes over REST.
            return (await self.services_of.sessions.reset(self._key, admitted, client=self._client)).to_frame()
        left = self._socket.episode_id
        response = await self.services_of.episodes.reset(admitted, client=self._client, leaving=left)
        self._socket.episode_id = response.episode_id
        if left is not None and left != response.episode_id:
            await self.services_of.episodes.leave(left)
        return response.to_frame()

    async def _current(self) -> str:
        if self._socket.episode_id is None:
            if self._key is None:
                raise EpisodeNotStartedError
            self._socket.episode_id = await self.services_of.sessions.current(self._key)
        return self._socket.episode_id


def _error_frame(error: Exception) -> bytes:
    return encode_json({"type": "error", "data": _error_data(error)})


def _error_data(error: Exception) -> dict[str, Any]:
    if isinstance(error, SessionTakenOverError):
        return {"message": "A newer socket has taken this session over; play there.", "code": "SESSION_ERROR"}
    if isinstance(error, ValidationError) and _is_about_the_type(error):
        return {"message": "type must be one of reset, step, state, close.", "code": "UNKNOWN_TYPE"}
    problem: Problem = problem_of(error)
    code = _CODE_OF_PROBLEM.get(problem.code) or _CODE_OF_STATUS.get(problem.status)
    data: dict[str, Any] = {"message": problem.detail, "code": code or "EXECUTION_ERROR"}
    if "errors" in problem.extra:
        data["errors"] = problem.extra["errors"]
    if code in (None, "CAPACITY_REACHED"):  # the code alone does not tell which limit it was, or that it was the disk
        data["problem"] = problem.members()
    if code == "CAPACITY_REACHED":  # over REST this stands in the header
        data["retry_after_seconds"] = RETRY_AFTER_SECONDS
    return data


def _is_about_the_type(error: ValidationError) -> bool:
    """Whether the frame's own tag is at fault, not the tag of an action inside it."""
    return any(each["type"].startswith("union_tag") and not each["loc"] for each in error.errors(include_url=False))
