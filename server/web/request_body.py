"""Reads the body of a request, up to a limit of bytes and of time, and validates it straight from the text."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, NamedTuple

from pydantic import (
    AfterValidator,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import from_json, to_json
from starlette.requests import Request

from domain.actions import (
    NO_METADATA,
    Action,
    ActionMetadata,
    ExpectedVersion,
    RequestId,
    WireAction,
    decode_action,
)
from domain.tasks.splits import UnknownTaskError, numbered_task
from server.episodes.commands import EpisodeName, OuterModel, ResetRequest
from server.episodes.invalid_actions import to_invalid_action
from server.episodes.transcripts import SharedTranscript
from server.web.context import services_of
from server.web.problem_details import BODY_TOO_LARGE, BODY_TOO_SLOW

BODY_TIMEOUT_SECONDS = 30.0
"""For the whole body, so that one that never ends does not keep its connection open."""
_FLAT_OUTER = ("episode_id", "request_id", "expected_version", "timeout_s")


def _numbered(request: ResetRequest) -> ResetRequest:
    """Split and index become the task and the seed that they mean, in that split. A seed beside them decides nothing: harnesses
    send one with every reset, and a numbered task has its own."""
    if request.split is None and request.index is None:
        return request
    if request.split is None:
        raise ValueError("index goes with split: it numbers the tasks of one")
    if request.index is None:
        if request.seed is None:
            raise ValueError("split goes with index, the number of a task, or with a seed")
        return request
    meant = numbered_task(request.split, request.index)
    if request.task_id not in (None, meant.task_id):
        raise UnknownTaskError(request.split, request.index, "of this task_id")
    return request.model_copy(update={"task_id": meant.task_id, "seed": meant.seed, "index": None})


WantedReset = Annotated[ResetRequest, AfterValidator(_numbered)]


class StepRequest(OuterModel):
    """One step, with its action nested."""

    action: WireAction
    episode_id: EpisodeName | None = None
    """Null: named elsewhere."""
    request_id: RequestId | None = None
    expected_version: ExpectedVersion | None = None


class _Naming(OuterModel):
    episode_id: EpisodeName | None = None
    request_id: RequestId | None = None
    expected_version: ExpectedVersion | None = None


_RESET: TypeAdapter[ResetRequest] = TypeAdapter(WantedReset)
_STEP: TypeAdapter[StepRequest] = TypeAdapter(StepRequest)
_TRANSCRIPT: TypeAdapter[SharedTranscript] = TypeAdapter(SharedTranscript)
_NAMING: TypeAdapter[_Naming] = TypeAdapter(_Naming)


async def read_body(request: Request) -> bytes:
    """The body; raises ``Problem`` as soon as it is known to be too long, or to take too long."""
    limit = services_of(request).settings.body_limit_bytes
    parts: list[bytes] = []
    length = 0
    try:
        async with asyncio.timeout(BODY_TIMEOUT_SECONDS):
            async for part in request.stream():
                length += len(part)
                if length > limit:
                    raise BODY_TOO_LARGE.problem(limit_bytes=limit)
                parts.append(part)
    except TimeoutError:
        raise BODY_TOO_SLOW.problem(timeout_seconds=BODY_TIMEOUT_SECONDS) from None
    return b"".join(parts)


def decode_reset(body: bytes) -> ResetRequest:
    """A missing body is an empty one."""
    return _RESET.validate_json(body or b"{}")


def decode_transcript(body: bytes) -> SharedTranscript:
    """What a client shares of its model."""
    return _TRANSCRIPT.validate_json(body)


class WantedStep(NamedTuple):
    """A step as it is asked for."""

    action: Action
    episode_id: str | None
    """None: named elsewhere."""
    request_id: str | None
    expected_version: int | None
    error: ValidationError | None = None
    """Why the action is an invalid one; None: it is not."""


def decode_step(body: bytes) -> WantedStep:
    """The nested form, or the flat one: a body without ``action`` whose ``action_type`` stands outside. Where all but the action
    is well formed, an invalid action, which may be a step; else raises pydantic's ValidationError."""
    try:
        wanted = _decode_valid(body)
    except ValidationError as error:
        return _decode_invalid(body, error)
    metadata = wanted.action.metadata
    expected = wanted.expected_version if wanted.expected_version is not None else metadata.expected_version
    return WantedStep(
        wanted.action.meaning(), wanted.episode_id, wanted.request_id or metadata.request_id, expected_version=expected
    )


def _decode_valid(body: bytes) -> StepRequest:
    try:
        parsed = from_json(body)
    except ValueError:
        return _STEP.validate_json(body)  # raises the error in its usual form
    if not isinstance(parsed, dict) or "action" in parsed or "action_type" not in parsed:
        return _STEP.validate_json(body)
    naming = _NAMING.validate_json(body)
    action = decode_action(to_json(_without_outer(parsed)))
    return StepRequest.model_construct(
        action=action,
        episode_id=naming.episode_id,
        request_id=naming.request_id,
        expected_version=naming.expected_version,
    )


def _decode_invalid(body: bytes, error: ValidationError) -> WantedStep:
    try:
        parsed, naming = from_json(body), _NAMING.validate_json(body)
    except ValueError:  # raised by validation, too
        raise error from None
    sent = parsed["action"] if "action" in parsed else _without_outer(parsed)
    invalid, named = to_invalid_action(sent), metadata_of(sent)
    if invalid is None:
        raise error
    expected = naming.expected_version if naming.expected_version is not None else named.expected_version
    return WantedStep(invalid, naming.episode_id, naming.request_id or named.request_id, expected, error)


def metadata_of(sent: Any) -> ActionMetadata:
    """The metadata beside what was sent as an action; nothing where they are not well formed."""
    try:
        return ActionMetadata.model_validate_json(to_json(sent["metadata"]))
    except (ValueError, KeyError, TypeError):
        return NO_METADATA


def _without_outer(parsed: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parsed.items() if name not in _FLAT_OUTER}
