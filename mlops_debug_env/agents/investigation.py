"""The order of reads and checks of an investigation, and a record of their results."""

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
    """Every artifact and check with its action, the most informative first."""
    yield "train.log", ReadLogs()
    yield "eval_results.json", ReadEvalResults()
    yield "config.yaml", ReadConfig()
    for check in SANITY_CHECK_NAMES:
        yield check, RunSanityCheck(sanity_check_type=check)
    yield "preprocessing.py", InspectPreprocessing()
    yield "dataset_stats.json", CheckDatasetStats()
    yield "model_card.json", ReadArtifact(artifact_name="model_card.json")


def next_investigative_action(seen: Collection[str]) -> Action | None:
    """The first action for something not seen yet; None: everything was seen.

    Args:
        seen: names of artifacts and checks, for example an observation's ``artifacts_read`` and ``checks_run``.
    """
    return next((action for shown, action in investigative_actions() if shown not in seen), None)


class Notes:
    """The artifacts and check results of one episode."""

    def __init__(self) -> None:
        self.artifacts: dict[str, str] = {}
        self.checks: dict[str, CheckResult] = {}
        self._requested: set[str] = set()

    def take(self, observation: Observation) -> None:
        """Record the last result if it is a whole artifact or a check."""
        result = observation.last_action_result
        if result.sanity_check is not None:
            self.checks[result.sanity_check.check] = result.sanity_check
        elif result.status == "ok" and result.artifact is not None and result.filter is None:
            self.artifacts[result.artifact] = result.content or ""

    def next_action(self, *, steps_left: int) -> Action | None:
        """The next action, each once; None: all done, or the last step is needed for the diagnosis."""
        if steps_left <= 1:
            return None
        for shown, action in investigative_actions():
            if shown not in self._requested:
                self._requested.add(shown)
                return action
        return None
