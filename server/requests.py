"""What clients send, validated straight from the text: REST bodies and WebSocket frames."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    model_validator,
)
from pydantic.config import JsonDict
from pydantic_core import from_json, to_json

from domain.actions import ExpectedVersion, RequestId, WireAction, decode_action
from domain.diagnosis import WholeNumber, whole
from domain.splits import UnknownTaskError, numbered_task
from domain.types import RewardMode, SplitName, TaskId

_NAME_FORM = re.compile(r"[A-Za-z0-9._:-]{1,128}")
EpisodeName = Annotated[str, Field(pattern=rf"^{_NAME_FORM.pattern}$")]
PracticeSeed = WholeNumber
# Without NUL, which PostgreSQL can neither store nor look for.
AgentName = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
RoundName = Annotated[str, Field(max_length=64, pattern=r"^[^\x00]*$")]

_FLAT_OUTER = ("episode_id", "request_id", "expected_version", "timeout_s")


class _Request(BaseModel):
    # Unknown outer keys are ignored: OpenEnv's rule.
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, use_attribute_docstrings=True)


def _both_or_neither(one: str, other: str) -> JsonDict:
    """As JSON Schema says it: two keys that go together."""
    null: JsonDict = {"type": "null"}
    given: JsonDict = {"not": null}
    return {
        "anyOf": [
            {"properties": {one: null, other: null}},
            {"properties": {one: given, other: given}, "required": [one, other]},
        ]
    }


_NULL: JsonDict = {"type": "null"}
_GIVEN: JsonDict = {"not": _NULL}
_NUMBERED_OR_SEEDED: JsonDict = {
    "anyOf": [
        {"properties": {"split": _NULL, "index": _NULL}},
        {"properties": {"split": _GIVEN, "index": _GIVEN}, "required": ["split", "index"]},
        {"properties": {"split": _GIVEN, "seed": _GIVEN, "index": _NULL}, "required": ["split", "seed"]},
    ]
}
_GO_TOGETHER: JsonDict = {
    "allOf": [
        _NUMBERED_OR_SEEDED,
        _both_or_neither("round", "entry"),
        {
            "anyOf": [
                {"properties": {"attempt": {"type": "null"}}},
                {"required": ["round"], "properties": {"round": {"type": "string"}}},
            ]
        },
    ]
}


class ResetRequest(_Request):
    """Begin an episode. Every key may be missing or null."""

    model_config = ConfigDict(json_schema_extra=_GO_TOGETHER)

    task_id: TaskId | None = Field(default=None, validation_alias=AliasChoices("task_id", "task"))
    """Null: easy."""
    seed: PracticeSeed | None = None
    """Null: the server draws one."""
    episode_id: EpisodeName | None = None
    """Null: the server makes one."""
    agent: AgentName | None = None
    split: SplitName | None = None
    """With ``index``, says which task and seed, as the Task API numbers them; beside other ones there is no such task. With
    ``seed`` alone, the scenario of that seed in this split. Null: train."""
    index: WholeNumber | None = None
    """Only with ``split``."""
    reward_mode: RewardMode | None = None
    """Null: shaped."""
    request_id: RequestId | None = None
    """Recorded only."""
    round: RoundName | None = None
    """Ranked round to play in; null: practice."""
    entry: Annotated[int, Field(ge=1, le=10_000), BeforeValidator(whole)] | None = None
    """Place in the round's suite, from 1; only with a round, and then needed."""
    attempt: Annotated[int, Field(ge=1, le=10_000), BeforeValidator(whole)] | None = None
    """Which attempt at the entry, from 1; null: the one that runs, else the next."""
    resume: bool | None = None
    """Whether to take up the named episode where it is, whatever the other parameters; null: no."""

    @property
    def wanted_split(self) -> SplitName:
        """A seed belongs to no split by itself, so that one that was picked freely is always of ``train``."""
        return self.split or "train"

    @model_validator(mode="after")
    def _entries_are_of_rounds(self) -> ResetRequest:
        if (self.round is None) != (self.entry is None):
            raise ValueError("round and entry go together: round names the ranked round, entry the place in its suite")
        if self.attempt is not None and self.round is None:
            raise ValueError("attempt goes with round and entry")
        return self


def _numbered(request: ResetRequest) -> ResetRequest:
    """Split and index become the task and the seed that they mean, in that split."""
    if request.split is None and request.index is None:
        return request
    if request.split is None:
        raise ValueError("index goes with split: it numbers the tasks of one")
    if request.index is None:
        if request.seed is None:
            raise ValueError("split goes with index, the number of a task, or with a seed")
        return request
    meant = numbered_task(request.split, request.index)
    if request.task_id not in (None, meant.task_id) or request.seed not in (None, meant.seed):
        raise UnknownTaskError(request.split, request.index, "of this task_id and seed")
    return request.model_copy(update={"task_id": meant.task_id, "seed": meant.seed, "index": None})


WantedReset = Annotated[ResetRequest, AfterValidator(_numbered)]


class StepRequest(_Request):
    """One step, with its action nested."""

    action: WireAction
    episode_id: EpisodeName | None = None
    """Null: named elsewhere."""
    request_id: RequestId | None = None
    expected_version: ExpectedVersion | None = None


class _Naming(_Request):
    episode_id: EpisodeName | None = None
    request_id: RequestId | None = None
    expected_version: ExpectedVersion | None = None


class ResetFrame(_Request):
    type: Literal["reset"]
    data: WantedReset = ResetRequest()


class StepFrame(_Request):
    type: Literal["step"]
    data: WireAction


class StateFrame(_Request):
    type: Literal["state"]


class CloseFrame(_Request):
    type: Literal["close"]


Frame = Annotated[ResetFrame | StepFrame | StateFrame | CloseFrame, Field(discriminator="type")]

_NAME: TypeAdapter[str] = TypeAdapter(EpisodeName)
_RESET: TypeAdapter[ResetRequest] = TypeAdapter(WantedReset)
_STEP: TypeAdapter[StepRequest] = TypeAdapter(StepRequest)
_NAMING: TypeAdapter[_Naming] = TypeAdapter(_Naming)
_FRAME: TypeAdapter[Any] = TypeAdapter(Frame)


def check_name(text: str) -> str:
    """An episode's name or a session's key, as it came in a path, a query or a cookie."""
    return _NAME.validate_python(text)


def is_name(text: str) -> bool:
    """Whether a text can be an episode's name."""
    return _NAME_FORM.fullmatch(text) is not None


def decode_reset(body: bytes) -> ResetRequest:
    """A missing body is an empty one."""
    return _RESET.validate_json(body or b"{}")


def decode_step(body: bytes) -> StepRequest:
    """The nested form, or the flat one: a body without ``action`` whose ``action_type`` stands outside."""
    try:
        parsed = from_json(body)
    except ValueError:
        return _STEP.validate_json(body)  # raises the error in its usual form
    if not isinstance(parsed, dict) or "action" in parsed or "action_type" not in parsed:
        return _STEP.validate_json(body)
    naming = _NAMING.validate_json(body)
    action = decode_action(to_json({name: value for name, value in parsed.items() if name not in _FLAT_OUTER}))
    return StepRequest.model_construct(
        action=action,
        episode_id=naming.episode_id,
        request_id=naming.request_id,
        expected_version=naming.expected_version,
    )


def decode_frame(text: str | bytes) -> ResetFrame | StepFrame | StateFrame | CloseFrame:
    frame: ResetFrame | StepFrame | StateFrame | CloseFrame = _FRAME.validate_json(text)
    return frame
