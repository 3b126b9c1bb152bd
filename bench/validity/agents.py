"""Judges agents on the same episodes as the programs that do not reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from bench.validity.episodes import Episode, in_processes
from bench.validity.judge import score_of
from bench.validity.solvers import Scores
from domain.diagnosis import Diagnosis
from domain.generator import generate
from domain.scenario import Scenario
from domain.types import COMPOSED_TASK
from mlops_debug_env.agents.heuristic import diagnose, diagnose_all
from mlops_debug_env.agents.investigation import Notes
from mlops_debug_env.protocol.observations import CheckResult

Agent = Callable[[Scenario], list[Diagnosis]]
"""Given a scenario, of which it may look at the evidence and run experiments (`domain.families.run_experiment`)."""
GROUP = "agents"


def oracle(scenario: Scenario) -> list[Diagnosis]:
    """The truth, as it is revealed after the end."""
    return [
        Diagnosis(
            failure_category=one.failure_category,
            root_cause_file=one.root_cause_file,
            root_cause_field=one.root_cause_field,
            patch=one.patch,
        )
        for one in scenario.truth.planted
        if one.patch
    ]


def heuristic(scenario: Scenario) -> list[Diagnosis]:
    """The shipped heuristic, when it has looked at everything."""
    notes = Notes()
    notes.artifacts |= {str(name): text for name, text in scenario.evidence.artifacts.items()}
    for name, found in scenario.evidence.checks.items():
        notes.checks[str(name)] = CheckResult.model_validate(found.model_dump())
    answer = diagnose_all(notes) if scenario.task_id == COMPOSED_TASK else [diagnose(notes)]
    return [Diagnosis.model_validate_json(one.model_dump_json(exclude={"confidence"})) for one in answer]


AGENTS: Mapping[str, Agent] = {"heuristic": heuristic, "oracle": oracle}
"""Name to agent."""


def play(name: str, judged: Sequence[Episode], *, workers: int = 1) -> Scores:
    """Judge an agent by name; its episodes are generated again, since those of the programs are features only."""
    first = judged[0]
    answer = partial(_scores, name=name, judged=judged)
    found = [score for chunk in in_processes(answer, list(range(0, len(judged), 25)), workers) for score in chunk]
    return Scores(name, GROUP, first.task_id, np.array(found))


def _scores(start: int, *, name: str, judged: Sequence[Episode]) -> list[float]:
    found = []
    for episode in judged[start : start + 25]:
        scenario = generate(episode.task_id, episode.seed, split=episode.split)
        found.append(score_of(AGENTS[name](scenario), scenario.truth, episode.task_id))
    return found
