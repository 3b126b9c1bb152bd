"""The published JSON Schemas of what the server answers. The bytes are assembled elsewhere; a test holds both equal."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.actions import action_schema
from domain.scenario import CheckResult, RunSummary
from domain.types import ArtifactName, SanityCheckName, TaskId


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ArtifactListing(_Shape):
    """One artifact that can be read."""

    name: ArtifactName
    description: str
    size_hint: str


class RegistryField(_Shape):
    """One field of an artifact that a diagnosis or a patch may name."""

    model_config = ConfigDict(extra="allow", frozen=True)

    file: ArtifactName
    field: str
    type: str
    range: tuple[float, float] | None = None
    choices: tuple[Any, ...] | None = None


class ActionResult(_Shape):
    """What the last action showed; which keys are there depends on the action."""

    status: Literal["reset", "ok", "refused", "submitted"]
    artifact: ArtifactName | None = None
    filter: str | None = None
    content: str | None = None
    field: str | None = None
    value: Any = None
    sanity_check: CheckResult | None = None
    reason: str | None = None
    message: str | None = None
    score: float | None = None


class _Outcome(_Shape):
    reward: float | None
    """Null: nothing was done yet."""
    done: bool
    metadata: dict[str, Any] = Field(default_factory=dict)


class Observation(_Outcome):
    """What an agent sees after a step."""

    task_id: TaskId
    last_action_result: ActionResult
    artifacts_read: tuple[ArtifactName, ...]
    checks_run: tuple[SanityCheckName, ...]
    step_count: int
    max_steps: int
    messages: tuple[str, ...]


class ResetObservation(Observation):
    """What an agent sees first."""

    task_description: str
    run_id: str
    run_summary: RunSummary
    available_artifacts: tuple[ArtifactListing, ...]
    sanity_checks: tuple[SanityCheckName, ...]
    field_registry: tuple[RegistryField, ...]


class State(_Shape):
    """What every state request is answered with."""

    episode_id: str
    step_count: int
    task_id: TaskId
    max_steps: int
    done: bool
    truncated: bool
    total_reward: float
    score: float | None
    """Null: the episode runs."""
    artifacts_read: tuple[ArtifactName, ...]
    checks_run: tuple[SanityCheckName, ...]
    ground_truth: dict[str, Any] | None
    """Null: the episode runs."""


def published_schemas() -> dict[str, Any]:
    """The schemas of ``/schema``."""
    return {
        "action": action_schema(),
        "observation": Observation.model_json_schema(),
        "reset_observation": ResetObservation.model_json_schema(),
        "state": State.model_json_schema(),
    }
