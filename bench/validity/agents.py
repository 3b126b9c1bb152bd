"""Judges agents on the same episodes as the programs that do not reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from bench.validity import heuristic_play
from bench.validity.episodes import Episode, in_processes
from bench.validity.judge import score_of
from bench.validity.solvers import Scores
from domain.diagnosis import Diagnosis
from domain.generator import generate
from domain.scenario import Scenario

Agent = Callable[[Scenario], float]
GROUP = "agents"


def oracle(scenario: Scenario) -> float:
    """The truth, as it is revealed after the end."""
    answer = [
        Diagnosis(
            failure_category=one.failure_category,
            root_cause_file=one.root_cause_file,
            root_cause_field=one.root_cause_field,
            patch=one.patch,
        )
        for one in scenario.truth.planted
        if one.patch
    ]
    return score_of(answer, scenario.truth, scenario.task_id)


def heuristic(scenario: Scenario) -> float:
    """The shipped heuristic, played through the whole episode with every limit in force."""
    return heuristic_play.play(scenario).score


AGENTS: Mapping[str, Agent] = {"heuristic": heuristic, "oracle": oracle}
"""Name to agent. An agent plays a scenario and returns its score."""


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
        found.append(AGENTS[name](scenario))
    return found
