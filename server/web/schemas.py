"""The published JSON Schemas of answers. Their bytes are encoded without these models; a test validates them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from domain.actions import action_schema
from domain.diagnosis import PatchEntry
from domain.experiment import ExperimentResult
from domain.fields.field import FieldType
from domain.grade import Breakdown, ComposedBreakdown, Investigation
from domain.scenario import Accepted, CheckResult, RunSummary
from domain.types import ArtifactName, FailureCategory, SanityCheckName, TaskId


class _Shape(BaseModel):
    # They are published, and nothing is validated with them.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class ArtifactListing(_Shape):
    """One artifact that can be read."""

    name: ArtifactName
    description: str
    size_hint: str


class RegistryField(_Shape):
    """One field of an artifact that a diagnosis or a patch may name."""

    file: ArtifactName
    field: str
    type: FieldType
    range: tuple[float, float] | None = None
    """Lowest and highest value; null: the field is no number."""
    choices: tuple[int | str, ...] | None = None
    """The values it takes; null: it is no choice."""
    form: str | None = None
    """What a text has to be; null: it is no text, or any."""
    nullable: bool = False
    """Whether null is a value of it."""
    description: str | None = None
    """What it declares; null: an easy or medium run, where names and documents say it."""


class ActionResult(_Shape):
    """What the last action showed; which keys are there depends on the action."""

    status: Literal["reset", "ok", "refused", "submitted"]
    artifact: ArtifactName | None = None
    filter: str | None = None
    content: str | None = None
    field: str | None = None
    value: Any = None
    sanity_check: CheckResult | None = None
    experiment: ExperimentResult | None = None
    reason: str | None = None
    message: str | None = None
    score: float | None = None


class GroundTruth(_Shape):
    """What was planted; shown after the end. Without fault_id and accepted it can be submitted as it stands."""

    fault_id: str
    failure_category: FailureCategory | None
    root_cause_file: ArtifactName | None
    root_cause_field: str | None
    proposed_fix: str | None
    patch: tuple[PatchEntry, ...]
    accepted: Accepted


class GroundTruths(_Shape):
    """What was planted on the expert task: none, one or two, each of which can be submitted as an entry."""

    faults: tuple[GroundTruth, ...]


class Receipt(_Shape):
    """The server's signed word on an episode that ended: Ed25519 over the statement as canonical JSON."""

    statement: dict[str, Any]
    public_key: str
    signature: str


class Info(_Shape):
    """What names the episode, and after its end the score and the truth."""

    episode_id: str
    version: int
    """The episode's version after the step."""
    task_id: TaskId
    step_count: int
    max_steps: int
    truncated: bool
    """Whether the episode ended without a diagnosis."""
    score: float | None = None
    """In [0.01, 0.99]; null or missing: the episode runs."""
    brier: float | None = None
    """(confidence - 1 if category, file and field are all right else 0) squared, the mean over the entries that state one; null: no confidence was stated."""
    seed: int | str | None = None
    """A ranked seed is 32 hex digits; null or missing: the episode runs."""
    breakdown: Breakdown | ComposedBreakdown | None = None
    """Null or missing: the episode runs, or ended without a diagnosis."""
    ground_truth: GroundTruth | GroundTruths | None = None
    """Null or missing: the episode runs."""
    investigation: Investigation | None = None
    """Null or missing: the episode runs."""
    receipt: Receipt | None = None
    """Null or missing: the episode runs."""


def _without_metadata(schema: dict[str, Any]) -> None:
    """On the wire metadata stands beside the observation; OpenEnv puts reward and done into it, not always metadata."""
    schema["required"].remove("metadata")


class _Outcome(_Shape):
    model_config = ConfigDict(json_schema_extra=_without_metadata)

    reward: float | None
    """Null: nothing was done yet."""
    done: bool
    metadata: Info


class Seen(_Shape):
    """The observation of an answer, beside which reward, done and info stand."""

    task_id: TaskId
    last_action_result: ActionResult
    artifacts_read: tuple[ArtifactName, ...]
    checks_run: tuple[SanityCheckName, ...]
    step_count: int
    max_steps: int
    experiments_left: int | None = None
    """How many experiments may still be run; missing: the episode was begun before there were any."""
    messages: tuple[str, ...]


class ResetSeen(Seen):
    """The observation that answers a reset."""

    task_description: str
    run_id: str
    run_summary: RunSummary
    available_artifacts: tuple[ArtifactListing, ...]
    sanity_checks: tuple[SanityCheckName, ...]
    field_registry: tuple[RegistryField, ...]


class Observation(Seen, _Outcome):
    """What an agent sees after a step."""


class ResetObservation(ResetSeen, _Outcome):
    """What an agent sees first."""


class StepAnswer(_Shape):
    """What a step is answered with."""

    observation: Seen
    reward: float
    done: bool
    info: Info
    metadata: Info
    """The same object as ``info``: OpenEnv's name for it."""


class ResetAnswer(_Shape):
    """What a reset is answered with; an episode that is taken up again may have a reward and be over."""

    observation: ResetSeen
    reward: float | None
    """Null: nothing was done yet."""
    done: bool
    info: Info
    metadata: Info
    """The same object as ``info``: OpenEnv's name for it."""


class EpisodeState(_Shape):
    """What every state request is answered with."""

    episode_id: str
    step_count: int
    task_id: TaskId
    max_steps: int
    experiments_left: int = 0
    """How many experiments may still be run."""
    done: bool
    truncated: bool
    total_reward: float
    score: float | None
    """Null: the episode runs."""
    artifacts_read: tuple[ArtifactName, ...]
    checks_run: tuple[SanityCheckName, ...]
    ground_truth: GroundTruth | GroundTruths | None
    """Null: the episode runs."""


def published_schemas() -> dict[str, Any]:
    """The schemas of ``/schema``."""
    return {
        "action": action_schema(),
        "observation": Observation.model_json_schema(),
        "reset_observation": ResetObservation.model_json_schema(),
        "state": EpisodeState.model_json_schema(),
    }
