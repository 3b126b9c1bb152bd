"""The heuristic agent: looks at everything once, weighs what rules find in it, and submits the likeliest."""

from __future__ import annotations

from mlops_debug_env.actions import Action, SubmitDiagnosis
from mlops_debug_env.agents.calibration import calibrate
from mlops_debug_env.agents.evidence import Evidence
from mlops_debug_env.agents.hypothesis import share_of_best, weigh
from mlops_debug_env.agents.investigation import Notes
from mlops_debug_env.agents.rules import RULES
from mlops_debug_env.models import Observation


class HeuristicAgent:
    """Reasons by rules, from what the wire shows alone."""

    name = "heuristic"

    def __init__(self) -> None:
        self._notes = Notes()

    async def act(self, observation: Observation) -> Action:
        self._notes.take(observation)
        steps_left = observation.max_steps - observation.step_count
        return self._notes.next_action(steps_left=steps_left) or diagnose(self._notes)


def diagnose(notes: Notes) -> SubmitDiagnosis:
    """The likeliest explanation of what was seen so far, with how likely it is."""
    hypotheses = weigh(RULES, Evidence(notes.artifacts, notes.checks))
    if not hypotheses:
        return SubmitDiagnosis(confidence=0.0)
    return hypotheses[0].to_diagnosis(calibrate(share_of_best(hypotheses)))
