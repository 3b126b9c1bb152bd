"""The request of a reset, and the reset that ``server.ranking.access`` has authorized."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    model_validator,
)
from pydantic.config import JsonDict

from domain.actions import RequestId
from domain.diagnosis import WholeNumber, whole
from domain.ranking.rounds import AttemptId
from domain.types import Control, InvalidActions, RewardMode, SplitName, TaskId


@dataclass(frozen=True, slots=True)
class RankedAssignment:
    """What the round's secret decides of an attempt."""

    attempt: AttemptId
    seed: int
    fault: str
    split: SplitName
    """Of the round."""


@dataclass(frozen=True, slots=True)
class AuthorizedReset:
    """The request, with the names that are used on this server."""

    request: ResetRequest
    """With the episode's name on this server, and the key's name as the agent."""
    key: str | None = None
    """Prefix of the API key; None: open access."""
    ranked: RankedAssignment | None = None
    """None: practice."""

    def make_name(self, made: str) -> str:
        """The name of an episode that the client did not name, from a new id."""
        return made if self.key is None else f"{self.key}:{made}"


_NAME_FORM = re.compile(r"[A-Za-z0-9._:-]{1,128}")


EpisodeName = Annotated[str, Field(pattern=rf"^{_NAME_FORM.pattern}$")]


PracticeSeed = WholeNumber


# Without NUL, which PostgreSQL can neither store nor look for.
AgentName = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


RoundName = Annotated[str, Field(max_length=64, pattern=r"^[^\x00]*$")]


class OuterModel(BaseModel):
    # A body, or an object in one. Unknown outer keys are ignored: OpenEnv's rule.
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, use_attribute_docstrings=True)


def _both_or_neither(one: str, other: str) -> JsonDict:
    """JSON Schema of two keys of which either both or none are given."""
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


class ResetRequest(OuterModel):
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
    control: Control | None = None
    """Whom the tools of MCP serve: agent: actions only, and neither truth nor seed; client: reset and everything. Null:
    client where the reset came over MCP, else agent."""
    invalid_actions: InvalidActions | None = None
    """What an action that does not fit the schema is: error, or a refused step. Null: error."""

    @property
    def wanted_split(self) -> SplitName:
        """A seed belongs to no split by itself, so that one that was picked freely is always of ``train``."""
        return self.split or "train"

    @property
    def wanted_control(self) -> Control:
        """Over MCP, the handler names what null means there."""
        return self.control or "agent"

    @property
    def wanted_invalid_actions(self) -> InvalidActions:
        return self.invalid_actions or "error"

    @model_validator(mode="after")
    def _entries_are_of_rounds(self) -> ResetRequest:
        if (self.round is None) != (self.entry is None):
            raise ValueError("round and entry go together: round names the ranked round, entry the place in its suite")
        if self.attempt is not None and self.round is None:
            raise ValueError("attempt goes with round and entry")
        return self


_NAME: TypeAdapter[str] = TypeAdapter(EpisodeName)


def check_name(text: str) -> str:
    """An episode's name or a session's key, as it came in a path, a query or a cookie."""
    return _NAME.validate_python(text)


def is_name(text: str) -> bool:
    """Whether a text can be an episode's name."""
    return _NAME_FORM.fullmatch(text) is not None
