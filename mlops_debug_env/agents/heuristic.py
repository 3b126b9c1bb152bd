"""The heuristic agent: reads all evidence once, weighs the hypotheses of its rules, and submits the most probable."""

from __future__ import annotations

from typing import Sequence

from mlops_debug_env.agents.calibration import calibrate, calibrate_alone
from mlops_debug_env.agents.declared.agent import ComparingAgent
from mlops_debug_env.agents.evidence import Evidence
from mlops_debug_env.agents.hypothesis import Hypothesis, of_each_field, share_of_best, weigh
from mlops_debug_env.agents.investigation import Notes
from mlops_debug_env.agents.rules import RULES
from mlops_debug_env.protocol.actions import Action, Diagnosis, submission
from mlops_debug_env.protocol.observations import Observation, ResetObservation
from mlops_debug_env.protocol.types import COMPOSED_TASK

MAX_ENTRIES = 2
MIN_PROBABILITY = 0.4
"""A second entry costs 0.25 if it is wrong, and earns half a score if it is right."""


class HeuristicAgent:
    """Reasons by rules from observations alone."""

    name = "heuristic"

    def __init__(self) -> None:
        self._notes = Notes()
        self._comparing: ComparingAgent | None = None

    async def act(self, observation: Observation) -> Action:
        if isinstance(observation, ResetObservation) and _has_several_sources(observation):
            self._comparing = ComparingAgent()
        if self._comparing is not None:
            return await self._comparing.act(observation)
        self._notes.take(observation)
        steps_left = observation.max_steps - observation.step_count
        action = self._notes.next_action(steps_left=steps_left)
        if action is not None:
            return action
        is_list = observation.task_id == COMPOSED_TASK
        said = diagnose_all(self._notes) if is_list else [diagnose(self._notes)]
        return submission(observation.task_id, *said)


def _has_several_sources(observation: ResetObservation) -> bool:
    return any(listing.name == "data_sources.yaml" for listing in observation.available_artifacts)


def diagnose(notes: Notes) -> Diagnosis:
    """The most probable diagnosis from the evidence so far, with its probability as confidence."""
    hypotheses = weigh(RULES, Evidence(notes.artifacts, notes.checks))
    if not hypotheses:
        return Diagnosis(confidence=0.0)
    return hypotheses[0].to_diagnosis(calibrate(share_of_best(hypotheses)))


def diagnose_all(notes: Notes) -> list[Diagnosis]:
    """All probable diagnoses, for a task with up to two faults."""
    hypotheses = weigh(RULES, Evidence(notes.artifacts, notes.checks))
    return [each.to_diagnosis(sure) for each, sure in likely(hypotheses)]


def likely(hypotheses: Sequence[Hypothesis]) -> list[tuple[Hypothesis, float]]:
    """At most two hypotheses about different fields, each probable enough to pay as a second entry."""
    weighed = [(each, calibrate_alone(each.score)) for each in of_each_field(hypotheses)]
    return [(each, sure) for each, sure in weighed if sure >= MIN_PROBABILITY][:MAX_ENTRIES]
