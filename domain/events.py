"""Event types of an episode, and the codec between an event and its stored payload.

A tag is a short stable string. History is never rewritten: an old payload shape is upgraded when it is read, by one
small named upcaster for each schema version.
"""

from __future__ import annotations

from typing import Any, Callable, ClassVar, Literal, Mapping, NamedTuple, get_args

from pydantic import BaseModel, ConfigDict
from pydantic_core import from_json, to_json

from domain.actions import InvalidAction, QueryArtifact, ReadArtifact, RunExperiment
from domain.chain import canonical
from domain.diagnosis import Diagnosis, PatchEntry, Reported
from domain.experiment import ExperimentResult
from domain.grade import Grade
from domain.grading.stored_submission import StoredSubmission, from_version_2, grade_of, to_stored
from domain.types import ArtifactName, Control, InvalidActions, RewardMode, SanityCheckName, SplitName, TaskId

EventKind = Literal["reset", "read", "query", "check", "experiment", "refuse", "submit", "expire"]
EVENT_KINDS: tuple[EventKind, ...] = get_args(EventKind)
ENDING_KINDS: frozenset[str] = frozenset({"submit", "expire"})
"""Kinds of the events that end an episode."""
RefuseReason = Literal["unknown_field", "unknown_artifact", "no_experiments_left", "invalid_value", "invalid_action"]
ExpireReason = Literal["steps", "idle", "abandoned"]


class _Event(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: ClassVar[EventKind]
    """The stored tag."""
    schema_version: ClassVar[int] = 1
    """Version of the payload's shape."""


class EpisodeReset(_Event):
    """An episode began."""

    kind: ClassVar[EventKind] = "reset"
    schema_version: ClassVar[int] = 5

    task_id: TaskId
    seed: int
    """0 to 2^128 - 1."""
    seed_given: bool
    """Whether the client chose the seed."""
    split: SplitName
    """The split that the scenario was generated for."""
    scenario_digest: str
    """SHA-256 of the scenario's stored form, hex."""
    generator_version: str
    rubric_version: str
    observation_version: str
    """Version of the words and shape of observations; digests compare only within one."""
    reward_mode: RewardMode
    max_steps: int
    max_experiments: int
    """How many experiments may be run."""
    agent: str | None
    """Name the client gave the agent; null: none."""
    session: str | None
    """Name of the session that the episode was begun on: ``hmac:`` and an HMAC of its key by a secret of the server; in older
    events the SHA-256 of the key, in hex; null: none. The key itself lets its holder play."""
    round: str | None
    """Ranked round; null: practice."""
    entry: int | None
    """1-based place in the round's suite; null: practice."""
    attempt: int | None
    """1-based number of the agent's attempt at the entry; null: practice."""
    key: str | None
    """Public prefix of the API key the episode was begun with; null: open access."""
    control: Control | None
    """Whom the tools of MCP serve in this episode; null: it was begun before that was recorded, and they serve a client."""
    invalid_actions: InvalidActions
    """What an action that does not fit the schema is."""
    observation_digest: str
    """First 128 bits of SHA-256 of the observation bytes, hex; so for every event that has an observation."""


class ArtifactRead(_Event):
    """An artifact was read."""

    kind: ClassVar[EventKind] = "read"

    artifact: ArtifactName
    log_filter: str | None
    """As the agent wrote it; null: the whole text."""
    observation_digest: str


class FieldQueried(_Event):
    """A field of an artifact was read."""

    kind: ClassVar[EventKind] = "query"

    artifact: ArtifactName
    field: str
    observation_digest: str


class CheckRun(_Event):
    """A sanity check was run."""

    kind: ClassVar[EventKind] = "check"

    check: SanityCheckName
    observation_digest: str


class ExperimentRun(_Event):
    """The training was run again with a patch."""

    kind: ClassVar[EventKind] = "experiment"

    number: int
    """Place among the experiments of the episode, from 1."""
    patch: tuple[PatchEntry, ...]
    result: ExperimentResult
    observation_digest: str


class ActionRefused(_Event):
    """An action could not be done in this scenario; it still took a step."""

    kind: ClassVar[EventKind] = "refuse"
    schema_version: ClassVar[int] = 3

    artifact: ArtifactName | None
    """What was to be read; null: an experiment or an invalid action was refused."""
    field: str | None
    """What was to be queried; null: the whole artifact was to be read, or an experiment or an invalid action was refused."""
    patch: tuple[PatchEntry, ...] | None
    """Of the experiment; null: something else was refused."""
    reason: RefuseReason
    text: str | None
    """Why the patch cannot be trained with, or what is wrong with an invalid action, in words; null: the reason says it all."""
    sent_digest: str | None
    """SHA-256 of an invalid action as JSON with sorted keys, hex; null: something else was refused."""
    observation_digest: str

    @property
    def action(self) -> ReadArtifact | QueryArtifact | RunExperiment | InvalidAction:
        """What was refused."""
        if self.sent_digest is not None:
            return InvalidAction(self.text or "", self.sent_digest)
        if self.patch is not None or self.artifact is None:
            return RunExperiment(self.patch or ())
        return ReadArtifact(self.artifact) if self.field is None else QueryArtifact(self.artifact, self.field)


class DiagnosisSubmitted(_Event):
    """The diagnosis, or list of them, and its grade; ends the episode."""

    kind: ClassVar[EventKind] = "submit"
    schema_version: ClassVar[int] = 4

    diagnoses: tuple[Diagnosis, ...]
    """One; none, one or two on the task that may plant as many faults."""
    grade: Grade
    """Stored without what follows from the rubric, see `submission`."""
    reported: Reported | None
    """What the client says its investigation cost; null: not said."""
    observation_digest: str


class EpisodeExpired(_Event):
    """The episode was closed without a diagnosis."""

    kind: ClassVar[EventKind] = "expire"

    reason: ExpireReason


Event = (
    EpisodeReset
    | ArtifactRead
    | FieldQueried
    | CheckRun
    | ExperimentRun
    | ActionRefused
    | DiagnosisSubmitted
    | EpisodeExpired
)
EVENT_TYPES: tuple[type[Event], ...] = get_args(Event)
_TYPE_OF_KIND: Mapping[str, type[Event]] = {event.kind: event for event in EVENT_TYPES}

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


def upcast_reset_1_to_2(payload: dict[str, Any]) -> dict[str, Any]:
    """Before there were keys and rounds, every episode was practice with open access."""
    return {**payload, "entry": None, "attempt": None, "key": None}


def upcast_reset_2_to_3(payload: dict[str, Any]) -> dict[str, Any]:
    """Before the split was passed to the generator, every scenario was generated for ``train``."""
    return {**payload, "split": "train"}


def upcast_reset_3_to_4(payload: dict[str, Any]) -> dict[str, Any]:
    """Before there were experiments, none could be run."""
    return {**payload, "max_experiments": 0}


def upcast_reset_4_to_5(payload: dict[str, Any]) -> dict[str, Any]:
    """Before agents could be left without the lifecycle, MCP offered it everywhere, and an invalid action was an error."""
    return {**payload, "control": None, "invalid_actions": "error"}


def upcast_refuse_1_to_2(payload: dict[str, Any]) -> dict[str, Any]:
    """Before there were experiments, only queries were refused."""
    return {**payload, "patch": None, "text": None}


def upcast_refuse_2_to_3(payload: dict[str, Any]) -> dict[str, Any]:
    """Before an invalid action could be a step, none was refused as one."""
    return {**payload, "sent_digest": None}


def upcast_submit_1_to_2(payload: dict[str, Any]) -> dict[str, Any]:
    """Before clients could report a cost, none did."""
    return {**payload, "reported": None}


def upcast_submit_2_to_3(payload: dict[str, Any]) -> dict[str, Any]:
    """Before there were lists of diagnoses, one was stored with every word of its grade."""
    return from_version_2(payload)


def upcast_submit_3_to_4(payload: dict[str, Any]) -> dict[str, Any]:
    """Before fixes could be given as edits, none were: what is missing is null."""
    return payload


UPCASTERS: Mapping[tuple[str, int], Upcaster] = {
    ("reset", 1): upcast_reset_1_to_2,
    ("reset", 2): upcast_reset_2_to_3,
    ("reset", 3): upcast_reset_3_to_4,
    ("reset", 4): upcast_reset_4_to_5,
    ("refuse", 1): upcast_refuse_1_to_2,
    ("refuse", 2): upcast_refuse_2_to_3,
    ("submit", 1): upcast_submit_1_to_2,
    ("submit", 2): upcast_submit_2_to_3,
    ("submit", 3): upcast_submit_3_to_4,
}
"""(kind, schema version) to the step that upgrades a payload to the next version."""


class EncodedEvent(NamedTuple):
    """An event as it is stored."""

    kind: str
    schema_version: int
    payload: bytes


class UnknownEventError(ValueError):
    """The log holds a kind or schema version that this program does not know."""

    def __init__(self, kind: str, schema_version: int) -> None:
        super().__init__(f"unknown event: kind {kind!r}, schema version {schema_version!r}")
        self.kind = kind
        self.schema_version = schema_version


class MalformedEventError(ValueError):
    """An old payload has not the shape of its version."""

    def __init__(self, kind: str, schema_version: int) -> None:
        super().__init__(f"malformed event: kind {kind!r}, schema version {schema_version!r}")
        self.kind = kind
        self.schema_version = schema_version


_IN_CANONICAL_ORDER = (ArtifactRead, FieldQueried, CheckRun)
"""Event types whose fields are sorted and hold only strings and None: pydantic's own JSON is already canonical, and several
times as fast. These are nearly all events. A test compares both."""


def encode(event: Event) -> EncodedEvent:
    """The stored form of an event."""
    if type(event) in _IN_CANONICAL_ORDER:
        return EncodedEvent(event.kind, event.schema_version, to_json(event))
    if isinstance(event, DiagnosisSubmitted):
        stored = to_stored(event.diagnoses, event.grade, event.reported, event.observation_digest)
        return EncodedEvent(event.kind, event.schema_version, canonical(stored))
    return EncodedEvent(event.kind, event.schema_version, canonical(event.model_dump(mode="json")))


def decode(
    encoded: EncodedEvent,
    *,
    types: Mapping[str, type[Event]] = _TYPE_OF_KIND,
    upcasters: Mapping[tuple[str, int], Upcaster] = UPCASTERS,
) -> Event:
    """The event of a stored form, upgraded where its shape is old; raises ``UnknownEventError``."""
    event_type = types.get(encoded.kind)
    if event_type is None or not 1 <= encoded.schema_version <= event_type.schema_version:
        raise UnknownEventError(encoded.kind, encoded.schema_version)
    stored = encoded.payload
    if encoded.schema_version < event_type.schema_version:
        stored = canonical(_upgraded(encoded, event_type.schema_version, upcasters))
    return _submitted(stored) if event_type is DiagnosisSubmitted else event_type.model_validate_json(stored)


def _upgraded(encoded: EncodedEvent, wanted: int, upcasters: Mapping[tuple[str, int], Upcaster]) -> dict[str, Any]:
    payload: dict[str, Any] = from_json(encoded.payload)
    try:
        for version in range(encoded.schema_version, wanted):
            payload = upcasters[encoded.kind, version](payload)
    except (KeyError, TypeError, AttributeError) as error:
        raise MalformedEventError(encoded.kind, encoded.schema_version) from error
    return payload


def _submitted(stored: bytes) -> DiagnosisSubmitted:
    known = StoredSubmission.model_validate_json(stored)
    return DiagnosisSubmitted(
        diagnoses=tuple(entry.diagnosis for entry in known.entries),
        grade=grade_of(known),
        reported=known.reported,
        observation_digest=known.observation_digest,
    )
