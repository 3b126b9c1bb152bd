"""What to look at next, and what was seen: the part of playing that needs no opinion about the fault."""

from __future__ import annotations

from typing import Collection, Iterator

from mlops_debug_env.protocol.actions import (
    Action,
    CheckDatasetStats,
    InspectPreprocessing,
    ReadArtifact,
    ReadConfig,
    ReadEvalResults,
    ReadLogs,
    RunSanityCheck,
)
from mlops_debug_env.protocol.observations import CheckResult, Observation
from mlops_debug_env.protocol.types import SANITY_CHECK_NAMES


def investigative_actions() -> Iterator[tuple[str, Action]]:
    """Everything that can be looked at, by the artifact or check it shows: most telling first, nothing twice."""
    yield "train.log", ReadLogs()
    yield "eval_results.json", ReadEvalResults()
    yield "config.yaml", ReadConfig()
    for check in SANITY_CHECK_NAMES:
        yield check, RunSanityCheck(sanity_check_type=check)
    yield "preprocessing.py", InspectPreprocessing()
    yield "dataset_stats.json", CheckDatasetStats()
    yield "model_card.json", ReadArtifact(artifact_name="model_card.json")


def next_investigative_action(seen: Collection[str]) -> Action | None:
    """The first that shows what was not seen yet; None: everything was.

    Args:
        seen: names of artifacts and checks, for example an observation's ``artifacts_read`` and ``checks_run``.
    """
    return next((action for shown, action in investigative_actions() if shown not in seen), None)


class Notes:
    """The texts and check results that one agent was shown in one episode."""

    def __init__(self) -> None:
        self.artifacts: dict[str, str] = {}
        self.checks: dict[str, CheckResult] = {}
        self._asked_for: set[str] = set()

    def take(self, observation: Observation) -> None:
        """Write down what the last action showed, where it is a whole artifact or a check."""
        result = observation.last_action_result
        if result.sanity_check is not None:
            self.checks[result.sanity_check.check] = result.sanity_check
        elif result.status == "ok" and result.artifact is not None and result.filter is None:
            self.artifacts[result.artifact] = result.content or ""

    def next_action(self, *, steps_left: int) -> Action | None:
        """What to look at next, once each; None: everything was, or the last step is needed for the diagnosis."""
        if steps_left <= 1:
            return None
        for shown, action in investigative_actions():
            if shown not in self._asked_for:
                self._asked_for.add(shown)
                return action
        return None
