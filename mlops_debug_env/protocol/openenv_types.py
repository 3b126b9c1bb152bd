"""The wire's action, observation and state as OpenEnv's own classes, for its client and its server. Needs the extra."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict

from mlops_debug_env.protocol.actions import Diagnosis, PatchEntry, TextEdit
from mlops_debug_env.protocol.grade import GroundTruth, GroundTruths
from mlops_debug_env.protocol.observations import ActionResult, ArtifactListing, RegistryField, RunSummary
from mlops_debug_env.protocol.types import ArtifactName, FailureCategory, SanityCheckName, TaskId

try:
    from openenv.core import EnvClient
    from openenv.core.client_types import StepResult
    from openenv.core.env_server.types import Action, Observation, State
except ImportError as error:
    raise ImportError(
        "The OpenEnv client needs the package openenv: pip install 'openenv-mlops-debug-env[openenv]'. "
        "mlops_debug_env.DebugClient works without it."
    ) from error

__all__ = ["EnvClient", "MlopsDebugAction", "MlopsDebugObservation", "MlopsDebugState", "StepResult"]

ActionType = Literal[
    "read_config",
    "check_dataset_stats",
    "inspect_preprocessing",
    "read_eval_results",
    "read_logs",
    "read_artifact",
    "query_artifact",
    "run_sanity_check",
    "run_experiment",
    "submit_diagnosis",
]


class MlopsDebugAction(Action):
    """One action; give the parameters that belong to its type, and leave the others out."""

    action_type: ActionType
    artifact_name: ArtifactName | None = None
    log_filter: str | None = None
    field_path: str | None = None
    sanity_check_type: SanityCheckName | None = None
    failure_category: FailureCategory | None = None
    root_cause_file: str | None = None
    root_cause_field: str | None = None
    diagnosis: str | None = None
    proposed_fix: str | None = None
    patch: tuple[PatchEntry, ...] | None = None
    edits: tuple[TextEdit, ...] | str | None = None
    confidence: float | None = None
    diagnoses: tuple[Diagnosis, ...] | None = None

    def to_wire(self) -> dict[str, Any]:
        """The action as it is sent: without the parameters that were left out."""
        said = {name: value for name, value in self.model_dump(mode="json").items() if value is not None}
        return said if self.metadata else {name: value for name, value in said.items() if name != "metadata"}


class MlopsDebugObservation(Observation):
    """What an agent sees; the keys from ``task_description`` on only after a reset."""

    model_config = ConfigDict(extra="ignore")

    task_id: TaskId
    last_action_result: ActionResult
    artifacts_read: tuple[ArtifactName, ...]
    checks_run: tuple[SanityCheckName, ...]
    step_count: int
    max_steps: int
    experiments_left: int | None = None
    messages: tuple[str, ...]
    task_description: str | None = None
    run_id: str | None = None
    run_summary: RunSummary | None = None
    available_artifacts: tuple[ArtifactListing, ...] | None = None
    sanity_checks: tuple[SanityCheckName, ...] | None = None
    field_registry: tuple[RegistryField, ...] | None = None


class MlopsDebugState(State):
    """How an episode stands."""

    task_id: TaskId
    max_steps: int
    experiments_left: int = 0
    done: bool
    truncated: bool
    total_reward: float
    score: float | None
    """Null: the episode runs."""
    artifacts_read: tuple[ArtifactName, ...]
    checks_run: tuple[SanityCheckName, ...]
    ground_truth: GroundTruth | GroundTruths | None
    """Null: the episode runs."""
