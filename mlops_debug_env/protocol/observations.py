"""What the server answers, typed: observations, what stands beside them, and the state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mlops_debug_env.protocol.actions import PatchEntry
from mlops_debug_env.protocol.grade import Breakdown, ComposedBreakdown, GroundTruth, GroundTruths, Shape
from mlops_debug_env.protocol.types import ArtifactName, ExperimentStatus, FieldType, SanityCheckName, TaskId


class RunSummary(Shape):
    """What the front page of a training run says."""

    model: str
    dataset: str
    status: str


class CheckResult(Shape):
    """One sanity check, computed from the training run."""

    check: SanityCheckName
    flag: bool | None
    """Null: the check only measures."""
    reasons: tuple[str, ...] | None
    """One sentence for each measured number beyond its threshold; empty when the flag is down; null when there is none."""
    measured: dict[str, Any]
    """Name to number, string or list; a NaN or infinity is null."""


class SplitMetrics(Shape):
    """Scores on the rows of one split. A number that is not finite is null."""

    accuracy: float | None
    loss: float | None
    """Mean cross-entropy, nats."""


class SourceMetrics(Shape):
    """Accuracy on the rows of one data source; null: it has no rows in the split."""

    train_accuracy: float | None
    validation_accuracy: float | None


class ExperimentMetrics(Shape):
    """What an experiment measured."""

    train: SplitMetrics
    validation: SplitMetrics
    by_source: dict[str, SourceMetrics]
    """Empty where the data have one source."""


class ExperimentResult(Shape):
    """What one experiment shows. The same scenario, patch and number give the same result."""

    number: Annotated[int, Field(ge=1)]
    """Place among the experiments of the episode, from 1. It decides the training seed."""
    patch: tuple[PatchEntry, ...]
    """What was changed; empty: nothing but the training seed."""
    status: ExperimentStatus
    """``stopped``: the loss was not finite."""
    log_tail: tuple[str, ...]
    """The last lines of the log."""
    metrics: ExperimentMetrics


class ArtifactListing(Shape):
    """One artifact that can be read."""

    name: ArtifactName
    description: str
    size_hint: str


class RegistryField(Shape):
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


class ActionResult(Shape):
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


class Investigation(Shape):
    """What the agent had looked at when it submitted."""

    artifacts_read: tuple[ArtifactName, ...]
    """In order of first success."""
    checks_run: tuple[SanityCheckName, ...]
    duplicate_reads: int
    refused: int
    steps: int


class Receipt(Shape):
    """The server's signed word on an episode that ended: Ed25519 over the statement as canonical JSON."""

    statement: dict[str, Any]
    public_key: str
    signature: str


class Info(Shape):
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


def _as_published(schema: dict[str, Any]) -> None:
    """On the wire metadata stands beside the observation; OpenEnv puts reward and done into it, not always metadata."""
    schema["additionalProperties"] = False
    schema["required"].remove("metadata")


class Observation(Shape):
    """What an agent sees after a step."""

    model_config = ConfigDict(json_schema_extra=_as_published)

    reward: float | None
    """Null: nothing was done yet."""
    done: bool
    metadata: Info
    task_id: TaskId
    last_action_result: ActionResult
    artifacts_read: tuple[ArtifactName, ...]
    checks_run: tuple[SanityCheckName, ...]
    step_count: int
    max_steps: int
    experiments_left: int | None = None
    """How many experiments may still be run; missing: the episode was begun before there were any."""
    messages: tuple[str, ...]


class ResetObservation(Observation):
    """What an agent sees first."""

    task_description: str
    run_id: str
    run_summary: RunSummary
    available_artifacts: tuple[ArtifactListing, ...]
    sanity_checks: tuple[SanityCheckName, ...]
    field_registry: tuple[RegistryField, ...]


class EpisodeState(Shape):
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


class Task(BaseModel):
    """One task of the server's list."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    task_id: str
    name: str
    difficulty: str
    description: str
    max_steps: int
    max_experiments: int = 0


@dataclass(frozen=True, slots=True)
class StepResult:
    """The answer to a reset (its observation is a `ResetObservation`) or a step."""

    observation: Observation
    reward: float | None
    """Null after a reset."""
    done: bool
    info: Info


def parse_result(answered: dict[str, Any]) -> StepResult:
    """A result from the wire: ``{"observation", "reward", "done", "metadata"}``.

    Raises:
        pydantic.ValidationError: the answer has another shape.
    """
    kind = ResetObservation if "field_registry" in answered["observation"] else Observation
    beside = {key: answered[key] for key in ("reward", "done", "metadata")}
    observation = kind.model_validate(answered["observation"] | beside)
    return StepResult(observation, observation.reward, observation.done, observation.metadata)
