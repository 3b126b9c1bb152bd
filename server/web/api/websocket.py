"""The OpenEnv WebSocket protocol: decodes frames, plays them, and frames the answers and errors."""

from __future__ import annotations

from typing import Annotated, Any, Awaitable, Callable, Literal, NamedTuple, Protocol

from pydantic import Field, TypeAdapter, ValidationError
from starlette.websockets import WebSocket

from domain.actions import Action, ActionMetadata, InvalidAction, WireAction
from domain.json import encode_json
from server.episodes.commands import OuterModel, ResetRequest
from server.episodes.errors import EpisodeNotStartedError, SessionTakenOverError
from server.episodes.invalid_actions import to_invalid_action
from server.episodes.sessions import SessionSocket
from server.scenarios.requester import REQUESTER
from server.security.identity import Identity, client_of, identity_of
from server.services import Services
from server.web.api.validation import RECORDED, OpenFrame, ReadFrame, ValidationRecord, refused
from server.web.error_mapping import problem_of
from server.web.problem_details import BODY_TOO_LARGE, RETRY_AFTER_SECONDS
from server.web.request_body import WantedReset, metadata_of
from server.web.websocket_endpoint import TAKEN_OVER, Connection, WebSocketEndpoint


class ResetFrame(OuterModel):
    type: Literal["reset"]
    data: WantedReset = ResetRequest()


class StepFrame(OuterModel):
    type: Literal["step"]
    data: WireAction


class StateFrame(OuterModel):
    type: Literal["state"]


class AbandonFrame(OuterModel):
    """Ends the open episode without a diagnosis. Sent again, it changes nothing."""

    type: Literal["abandon"]


class CloseFrame(OuterModel):
    type: Literal["close"]


class McpFrame(OuterModel):
    """A request of MCP on the socket's episode, by OpenEnv's name for it."""

    type: Literal["mcp"]
    data: dict[str, Any]


class _UncheckedStep(OuterModel):
    type: Literal["step"]
    data: Any


class InvalidStep(NamedTuple):
    """A step with an invalid action, which may be a refused step."""

    action: InvalidAction
    metadata: ActionMetadata
    error: ValidationError
    type: Literal["step"] = "step"


Frame = ResetFrame | StepFrame | StateFrame | AbandonFrame | CloseFrame | McpFrame | OpenFrame | ReadFrame
_FRAME: TypeAdapter[Frame] = TypeAdapter(Annotated[Frame, Field(discriminator="type")])


def _decode_frame(text: str | bytes) -> Frame | InvalidStep:
    """Raises pydantic's ``ValidationError``."""
    try:
        return _FRAME.validate_json(text)
    except ValidationError as error:
        try:
            sent = _UncheckedStep.model_validate_json(text).data
        except ValidationError:
            raise error from None
        invalid = to_invalid_action(sent)
        if invalid is None:
            raise
        return InvalidStep(invalid, metadata_of(sent), error)


_CODE_OF_PROBLEM = {
    "invalid": "VALIDATION_ERROR",
    "invalid_json": "INVALID_JSON",
    "episode_not_started": "EPISODE_NOT_STARTED",
}
_CODE_OF_STATUS = {429: "CAPACITY_REACHED", 503: "CAPACITY_REACHED"}


CurrentEpisode = Callable[[], Awaitable[str]]


class RpcAnswerer(Protocol):
    """Answers a request of MCP on the episode of a socket; empty: it is a notification."""

    async def __call__(
        self, services: Services, identity: Identity, data: dict[str, Any], *, client: str, current: CurrentEpisode
    ) -> bytes: ...


class SocketEndpoint(WebSocketEndpoint):
    """The OpenEnv protocol. Without a session the socket's episode is known by its own name only."""

    def __init__(self, answer_rpc: RpcAnswerer) -> None:
        self._answer_rpc = answer_rpc

    def error_frame(self, error: Exception) -> bytes:
        return _error_frame(error)

    def create_handler(
        self, websocket: WebSocket, connection: Connection, socket: SessionSocket, key: str | None
    ) -> EpisodePlayer:
        identity = identity_of(websocket)
        scoped = identity.scoped(key) if key is not None else None
        client = client_of(websocket)
        return EpisodePlayer(connection, socket, identity, client=client, key=scoped, answer_rpc=self._answer_rpc)


class EpisodePlayer:
    """Plays the frames of one socket."""

    __slots__ = (
        "_answer_rpc",
        "_body_limit",
        "_client",
        "_identity",
        "_key",
        "_record",
        "_services",
        "_socket",
        "_waiting_requester",
    )

    def __init__(
        self,
        connection: Connection,
        socket: SessionSocket,
        identity: Identity,
        *,
        client: str,
        key: str | None,
        answer_rpc: RpcAnswerer,
    ) -> None:
        self._answer_rpc = answer_rpc
        token = connection.services.settings.validation_token
        self._record = ValidationRecord(token) if token and key is None else None
        self._services = connection.services
        self._body_limit = connection.services.settings.body_limit_bytes
        self._socket = socket
        self._identity = identity
        self._client = client
        self._key = key
        """The session, scoped to the API key; None: the socket is on no session."""
        self._waiting_requester = REQUESTER.get()._replace(inbox=connection.inbox)
        """Of a reset, which is dropped when the client leaves while it waits. A step is carried out all the same."""

    async def reply(self, text: str | bytes) -> bytes | None:
        """The answer to a frame; None: the client asks to close."""
        try:
            if len(text) > self._body_limit:
                raise BODY_TOO_LARGE.problem(limit_bytes=self._body_limit)
            frame = _decode_frame(text)
            if self._identity.prefix is not None:
                await self._services.keys.check(self._identity)
            answer = await self._answer(frame)
        except Exception as error:  # noqa: BLE001 - the socket stays open after any error; what is unexpected is logged
            return _error_frame(error)
        if self._record is not None and frame.type in RECORDED and answer is not None:
            self._record.append(frame.type, text, answer)
        return answer

    async def _answer(self, frame: Frame | InvalidStep) -> bytes | None:
        match frame:
            case StepFrame():
                return await self._step(
                    self._socket.episode_id or await self._current(), frame.data.meaning(), frame.data.metadata
                )
            case InvalidStep():
                return await self._step(await self._where_it_is_a_step(frame), frame.action, frame.metadata)
            case ResetFrame():
                return await self._reset(frame.data)
            case StateFrame():
                return await self._state(await self._current())
            case AbandonFrame():
                self._services.step_limiter.acquire(self._client)
                left = await self._current()
                await self._services.episodes.close(left, "abandoned")
                return await self._state(left)
            case CloseFrame():
                return None
            case McpFrame():
                return await self._rpc(frame.data)
            case OpenFrame() | ReadFrame():
                if self._record is None:
                    raise refused()
                return self._record.answer(frame)

    async def _rpc(self, data: dict[str, Any]) -> bytes:
        answer = await self._answer_rpc(
            self._services, self._identity, data, client=self._client, current=self._current
        )
        return b'{"type":"mcp","data":' + answer + b"}" if answer else answer

    async def _where_it_is_a_step(self, frame: InvalidStep) -> str:
        """The episode, if an invalid action is a step of it; else raises what is wrong with the action."""
        try:
            current = await self._current()
        except EpisodeNotStartedError:
            raise frame.error from None
        if (await self._services.episodes.begun(current)).invalid_actions != "step":
            raise frame.error
        return current

    async def _step(self, episode_id: str, action: Action, metadata: ActionMetadata) -> bytes:
        self._services.step_limiter.acquire(self._client)
        response = await self._services.episodes.step(
            episode_id,
            action,
            request_id=metadata.request_id,
            expected_version=metadata.expected_version,
            may_repeat=self._socket.may_repeat,
        )
        self._socket.may_repeat = False
        return response.to_frame()

    async def _state(self, episode_id: str) -> bytes:
        return b'{"type":"state","data":' + await self._services.episodes.state(episode_id) + b"}"

    async def _reset(self, wanted: ResetRequest) -> bytes:
        token = REQUESTER.set(self._waiting_requester)
        try:
            authorized = await self._services.access.authorize_reset(self._identity, wanted)
            if self._key is not None:
                # The session sets the socket's episode, as it does after a reset over REST.
                return (await self._services.sessions.reset(self._key, authorized, client=self._client)).to_frame()
            previous = self._socket.episode_id
            response = await self._services.episodes.reset(authorized, client=self._client, leaving=previous)
            self._socket.episode_id = response.episode_id
            if previous is not None and previous != response.episode_id:
                await self._services.episodes.leave(previous)
            return response.to_frame()
        finally:
            REQUESTER.reset(token)

    async def _current(self) -> str:
        if self._socket.episode_id is None:
            if self._key is None:
                raise EpisodeNotStartedError
            self._socket.episode_id = await self._services.sessions.current(self._key)
        return self._socket.episode_id


def _error_frame(error: Exception) -> bytes:
    return encode_json({"type": "error", "data": _error_data(error)})


def _error_data(error: Exception) -> dict[str, Any]:
    if isinstance(error, SessionTakenOverError):
        return {"message": TAKEN_OVER, "code": "SESSION_ERROR"}
    if isinstance(error, ValidationError) and _is_about_the_type(error):
        return {"message": "type must be one of reset, step, state, abandon, mcp, close.", "code": "UNKNOWN_TYPE"}
    problem = problem_of(error)
    code = _CODE_OF_PROBLEM.get(problem.code) or _CODE_OF_STATUS.get(problem.status)
    data: dict[str, Any] = {"message": problem.detail, "code": code or "EXECUTION_ERROR"}
    if "errors" in problem.extra:
        data["errors"] = problem.extra["errors"]
    if code in (None, "CAPACITY_REACHED"):  # the code alone does not name the limit, or the disk
        data["problem"] = problem.members()
    if code == "CAPACITY_REACHED":  # over REST: the header Retry-After
        data["retry_after_seconds"] = RETRY_AFTER_SECONDS
    return data


def _is_about_the_type(error: ValidationError) -> bool:
    """Whether the frame's own type is wrong, not that of an action inside it."""
    return any(each["type"].startswith("union_tag") and not each["loc"] for each in error.errors(include_url=False))
