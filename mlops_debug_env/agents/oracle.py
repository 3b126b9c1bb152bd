"""The oracle: ends a first episode of the scenario to get its truth, then submits that truth."""

from __future__ import annotations

from mlops_debug_env.agents.investigation import Notes
from mlops_debug_env.protocol.actions import Action, Diagnosis, submission
from mlops_debug_env.protocol.errors import MlopsDebugError
from mlops_debug_env.protocol.grade import GroundTruth, GroundTruths
from mlops_debug_env.protocol.observations import Observation
from mlops_debug_env.protocol.types import TaskId
from mlops_debug_env.transport.async_client import DebugClient


class NoTruthError(MlopsDebugError):
    """The truth of this scenario is not available."""


class OracleAgent:
    """Plays practice episodes only: it must know the seed."""

    name = "oracle"

    def __init__(self, *, task_id: TaskId, seed: int, base_url: str, api_key: str | None = None) -> None:
        self._task_id = task_id
        self._seed = seed
        self._base_url = base_url
        self._api_key = api_key
        self._notes = Notes()

    async def act(self, observation: Observation) -> Action:
        self._notes.take(observation)
        if len(self._notes.artifacts) < len(observation.artifacts_read) or len(self._notes.artifacts) < 3:
            action = self._notes.next_action(steps_left=observation.max_steps - observation.step_count)
            if action is not None:
                return action
        truth = await self._truth()
        return submission(self._task_id, *(to_diagnosis(one) for one in truth.faults))

    async def _truth(self) -> GroundTruth | GroundTruths:
        async with DebugClient(self._base_url, api_key=self._api_key) as client:
            await client.reset(task_id=self._task_id, seed=self._seed, agent=f"{self.name}-peek")
            ended = await client.step(submission(self._task_id))
        if ended.info.ground_truth is None:
            raise NoTruthError("The server does not show the truth after the end; the oracle plays practice only.")
        return ended.info.ground_truth


def to_diagnosis(truth: GroundTruth) -> Diagnosis:
    """A revealed fault as an answer."""
    return Diagnosis(
        failure_category=truth.failure_category,
        root_cause_file=truth.root_cause_file,
        root_cause_field=truth.root_cause_field,
        diagnosis=f"The planted fault is {truth.fault_id}.",
        proposed_fix=truth.proposed_fix,
        patch=truth.patch or None,
        confidence=1.0,
    )
