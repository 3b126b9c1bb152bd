"""The OpenEnv WebSocket protocol: frames in, frames out, in order. Closing a socket never ends its episode."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from starlette.websockets import WebSocket

from domain.evidence_view import encode_json
from server.episodes import Episodes
from server.installation import Installation
from server.problems import Problem, body_too_large, problem_of
from server.requests import CloseFrame, ResetFrame, ResetRequest, StateFrame, StepFrame, decode_frame

_CODE_OF_PROBLEM = {"invalid": "VALIDATION_ERROR", "invalid_json": "INVALID_JSON"}
_CODE_OF_STATUS = {429: "CAPACITY_REACHED", 503: "CAPACITY_REACHED"}


class EpisodeNotStartedError(Exception):
    """A step or state on a socket that never had an episode."""


async def serve_socket(websocket: WebSocket) -> None:
    """One socket from handshake to close."""
    installation: Installation = websocket.app.state.installation
    await websocket.accept()
    conversation = Conversation(installation.episodes, limit=installation.settings.body_limit_bytes)
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        reply = await conversation.reply(text if text is not None else message.get("bytes") or b"")
        if reply is None:
            await websocket.close()
            return
        await websocket.send({"type": "websocket.send", "text": reply.decode()})


class Conversation:
    """What one socket remembers: the episode that its last reset began."""

    __slots__ = ("_episode_id", "_episodes", "_limit")

    def __init__(self, episodes: Episodes, *, limit: int) -> None:
        self._episodes = episodes
        self._limit = limit
        self._episode_id: str | None = None

    async def reply(self, text: str | bytes) -> bytes | None:
        """The answer to a frame; null: the client said goodbye."""
        try:
            if len(text) > self._limit:
                raise body_too_large(self._limit)
            frame = decode_frame(text)
            match frame:
                case StepFrame():
                    return await self._step(frame)
                case ResetFrame():
                    return await self._reset(frame.data)
                case StateFrame():
                    state = await self._episodes.state(self._current())
                    return b'{"type":"state","data":' + state + b"}"
                case CloseFrame():
                    return None
        except Exception as error:  # noqa: BLE001 - the socket stays open after any error; what is unexpected is logged
            return _error_frame(error)

    async def _step(self, frame: StepFrame) -> bytes:
        beside = frame.data.metadata
        answered = await self._episodes.step(
            self._current(),
            frame.data.meaning(),
            request_id=beside.request_id,
            expected_version=beside.expected_version,
        )
        return answered.frame()

    async def _reset(self, wanted: ResetRequest) -> bytes:
        answered = await self._episodes.reset(wanted)
        left, self._episode_id = self._episode_id, answered.episode_id
        if left is not None and left != answered.episode_id:
            await self._episodes.close(left, "abandoned")
        return answered.frame()

    def _current(self) -> str:
        if self._episode_id is None:
            raise EpisodeNotStartedError
        return self._episode_id


def _error_frame(error: Exception) -> bytes:
    return encode_json({"type": "error", "data": _error_data(error)})


def _error_data(error: Exception) -> dict[str, Any]:
    if isinstance(error, EpisodeNotStartedError):
        return {"message": "No episode was begun here; send a reset first.", "code": "EPISODE_NOT_STARTED"}
    if isinstance(error, ValidationError) and _is_about_the_type(error):
        return {"message": "type must be one of reset, step, state, close.", "code": "UNKNOWN_TYPE"}
    problem: Problem = problem_of(error)
    code = _CODE_OF_PROBLEM.get(problem.code) or _CODE_OF_STATUS.get(problem.status)
    data: dict[str, Any] = {"message": problem.detail, "code": code or "EXECUTION_ERROR"}
    if "errors" in problem.extra:
        data["errors"] = problem.extra["errors"]
    if code is None:
        data["problem"] = problem.members()
    return data


def _is_about_the_type(error: ValidationError) -> bool:
    """Whether the frame's own tag is at fault, not the tag of an action inside it."""
    return any(each["type"].startswith("union_tag") and not each["loc"] for each in error.errors(include_url=False))
