"""The agents that read and reason, on the episodes of the readers of words: the heuristic, and the truth itself."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from statistics import fmean
from typing import NamedTuple

from bench.validity.episodes import Episode
from bench.validity.floor import Judge
from bench.validity.heuristic_play import play
from domain.diagnosis import Diagnosis
from domain.families import family_of
from domain.generator import generate
from domain.scenario import Scenario
from domain.training.style import SeedSplit
from domain.types import SINGLE_FAULT_TASKS, TaskId
from mlops_debug_env.agents.heuristic import diagnose
from mlops_debug_env.agents.investigation import Notes
from mlops_debug_env.protocol.observations import CheckResult

_CHUNK = 25


class Played(NamedTuple):
    """The scores of an agent on some episodes."""

    named: float
    """Share whose category, file and field it named."""
    scores: dict[TaskId, float]


def play_heuristic(episodes: list[Episode], split: SeedSplit) -> Played:
    """The heuristic, shown everything that an agent can look at."""
    return _played([(each.task_id, each.seed) for each in episodes], partial(_answers, split=split, is_told=False))


def play_oracle(episodes: list[Episode], split: SeedSplit) -> Played:
    """Submits the revealed truth unchanged."""
    return _played([(each.task_id, each.seed) for each in episodes], partial(_answers, split=split, is_told=True))


def _played(places: list[tuple[TaskId, int]], answer: partial[list[tuple[bool, float]]]) -> Played:
    chunks = [places[start : start + _CHUNK] for start in range(0, len(places), _CHUNK)]
    with ProcessPoolExecutor() as pool:
        found = [one for answered in pool.map(answer, chunks) for one in answered]
    scores = {
        task: [score for (task_id, _), (_, score) in zip(places, found, strict=True) if task_id == task]
        for task in SINGLE_FAULT_TASKS
    }
    return Played(fmean(is_right for is_right, _ in found), {task: fmean(own) for task, own in scores.items() if own})


def _answers(places: list[tuple[TaskId, int]], *, split: SeedSplit, is_told: bool) -> list[tuple[bool, float]]:
    judge, answered = Judge(), []
    for task_id, seed in places:
        scenario = generate(task_id, seed, split=split)
        if not is_told and family_of(scenario.truth) != "single_table":
            # Its evidence has to be asked for: what can be known depends on the questions.
            episode = play(scenario)
            answered.append((bool(episode.found), episode.score))
            continue
        answer, accepted = _truth(scenario) if is_told else reasoned(scenario), scenario.only_fault.accepted
        is_right = (
            answer.failure_category in accepted.categories
            and answer.root_cause_file in accepted.files
            and answer.root_cause_field in accepted.fields
        )
        answered.append((is_right, judge.grade(answer, scenario).score))
    return answered


def _truth(scenario: Scenario) -> Diagnosis:
    truth = scenario.only_fault
    return Diagnosis(
        failure_category=truth.failure_category,
        root_cause_file=truth.root_cause_file,
        root_cause_field=truth.root_cause_field,
        patch=truth.patch,
    )


def reasoned(scenario: Scenario) -> Diagnosis:
    """The diagnosis of the heuristic with all evidence."""
    notes = Notes()
    for artifact, text in scenario.evidence.artifacts.items():
        notes.artifacts[artifact] = text
    for name, found in scenario.evidence.checks.items():
        notes.checks[name] = CheckResult.model_validate(found.model_dump())
    diagnosis = diagnose(notes)
    return Diagnosis.model_validate(
        diagnosis.model_dump(
            include={"failure_category", "root_cause_file", "root_cause_field", "proposed_fix", "patch"}
        )
    )
