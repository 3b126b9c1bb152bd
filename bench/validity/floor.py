"""The blind floor of a task: the best score that one constant answer can reach without looking at the evidence.

On easy and medium every combination is tried. On hard and expert a declaration has names of the run in its path: the
best answer follows from how often each fault is planted, and is judged on other scenarios.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product
from statistics import fmean
from typing import NamedTuple

import numpy as np

from bench.validity.answers import Answers
from bench.validity.episodes import draw_truths
from bench.validity.judge import INVESTIGATION, score_of
from domain.diagnosis import Diagnosis, PatchEntry
from domain.faults import POOLS
from domain.generator import generate
from domain.grade import Grade, PatchVerdict
from domain.grader import grade, read_fix, verify_patch
from domain.rubric import RUBRIC, Rubric
from domain.scenario import Scenario, Truth
from domain.training.randomness import Floats
from domain.types import ARTIFACT_NAMES, FAILURE_CATEGORIES, TaskId

FIRST_SEED = 50_000_000
LISTED_TASKS: tuple[TaskId, ...] = ("easy", "medium")
"""Tasks whose faults have fields that do not hold names of the run."""
_LEARNED, _JUDGED = 1500, 500


class Floor(NamedTuple):
    """The best constant answer of a task."""

    task_id: TaskId
    score: float
    """Mean over the task's faults, all equally likely."""
    answer: tuple[Diagnosis, ...]


def blind_floor(task_id: TaskId, *, seeds: int = 1) -> Floor:
    """The best constant answer of a task.

    Args:
        task_id: any.
        seeds: scenarios of each fault that it is tried on, on easy and medium.
    """
    return _listed_floor(task_id, seeds=seeds) if task_id in LISTED_TASKS else _expected_floor(task_id)


def _expected_floor(task_id: TaskId) -> Floor:
    """The answer of the highest expected score over public scenarios, judged on fresh ones of the same split."""
    learned = draw_truths(task_id, _LEARNED, first_seed=FIRST_SEED, split="train")
    judged = draw_truths(task_id, _JUDGED, first_seed=FIRST_SEED + _LEARNED, split="train")
    answers = Answers(learned, is_blind=True)
    answer = tuple(answers.best(answers.prior, judged[0]))
    return Floor(task_id, round(fmean(score_of(answer, one.truth, task_id) for one in judged), 4), answer)


def _listed_floor(task_id: TaskId, *, seeds: int = 1) -> Floor:
    """Try every category, file, up to two fields, one or two repairs and lists in words against real scenarios.

    A score is the sum of four parts, of which only the fix depends on another one (the field): each part is graded once a
    scenario, and the sums of all combinations follow.

    Args:
        task_id: whose pool.
        seeds: scenarios a fault.
    """
    scenarios = pool_scenarios(task_id, seeds=seeds)
    judge, options = Judge(), Options(scenarios)
    categories = judge.points(
        [{"failure_category": name} for name in options.categories], scenarios, "failure_category"
    )
    files = judge.points([{"root_cause_file": name} for name in options.files], scenarios, "root_cause_file")
    fields = judge.points([{"root_cause_field": name} for name in options.fields], scenarios, "root_cause_field")
    fixes = judge.points(options.fixes, scenarios, "proposed_fix")
    left = contradicted(judge, options, scenarios)
    best: Floor | None = None
    for category, file in product(range(len(options.categories)), range(len(options.files))):
        answered = categories[category] + files[file] + fields
        totals = answered[:, None, :] + fixes[None] * left[:, None, :]
        means = _as_scores(totals, task_id).mean(axis=2)
        field, fix = np.unravel_index(int(means.argmax()), means.shape)
        if best is None or means[field, fix] > best.score:
            answer = options.answer(category, file, int(field), int(fix))
            best = Floor(task_id, round(float(means[field, fix]), 4), (answer,))
    assert best is not None
    return best


def pool_scenarios(task_id: TaskId, *, seeds: int = 1) -> list[Scenario]:
    """The same number of scenarios of each fault of a task."""
    return [
        generate(task_id, FIRST_SEED + number, fault=fault_id) for fault_id in POOLS[task_id] for number in range(seeds)
    ]


def best_places(answer: Diagnosis, scenarios: list[Scenario]) -> float:
    """Mean score of a constant answer under the category and the file that suit it best."""
    judge, task_id = Judge(), scenarios[0].task_id
    parts = [judge.grade(answer, one).only_breakdown for one in scenarios]
    named = np.array([one.root_cause_field.awarded + one.proposed_fix.awarded for one in parts])
    categories = judge.points(
        [{"failure_category": name} for name in FAILURE_CATEGORIES], scenarios, "failure_category"
    )
    files = judge.points([{"root_cause_file": name} for name in ARTIFACT_NAMES], scenarios, "root_cause_file")
    totals = categories[:, None] + files[None] + named
    return float(_as_scores(totals, task_id).mean(axis=2).max())


def contradicted(judge: Judge, options: Options, scenarios: list[Scenario]) -> Floats:
    """(fields, scenarios): share of a fix's points that is left beside the field that is named."""
    left = np.ones((len(options.fields), len(scenarios)))
    for place, one in enumerate(scenarios):
        for row, name in enumerate(options.fields):
            answer = Diagnosis(root_cause_field=name, patch=one.only_fault.patch)
            part = judge.grade(answer, one).only_breakdown.proposed_fix
            left[row, place] = part.awarded / part.possible
    return left


def _as_scores(totals: Floats, task_id: TaskId, rubric: Rubric = RUBRIC) -> Floats:
    """Sums of parts as the grader turns them into scores."""
    if task_id in rubric.low_score_tasks:
        totals = totals - rubric.low_score_share * np.maximum(rubric.low_score_threshold - totals, 0.0)
    return np.clip(totals, rubric.lowest_score, rubric.highest_score)


class Judge:
    """Grades answers of an agent that looked at nothing, verifying each patch once a scenario."""

    def __init__(self) -> None:
        self._verdicts: dict[tuple[str, tuple[PatchEntry, ...]], PatchVerdict] = {}

    def grade(self, answer: Diagnosis, scenario: Scenario) -> Grade:
        """The grade of one answer."""
        patch = read_fix(answer, scenario.only_fault).patch
        key = (scenario.digest, patch)
        if patch and key not in self._verdicts:
            self._verdicts[key] = verify_patch(scenario.only_fault, patch)
        verdict = self._verdicts.get(key)
        return grade(answer, scenario.only_fault, INVESTIGATION, verdict, task_id=scenario.task_id)

    def points(self, parts: list[dict[str, object]], scenarios: list[Scenario], criterion: str) -> Floats:
        """(parts, scenarios): points of each part of an answer by itself."""
        answers = [Diagnosis.model_validate(part) for part in parts]
        rows = [
            [getattr(self.grade(answer, one).only_breakdown, criterion).awarded for one in scenarios]
            for answer in answers
        ]
        return np.array(rows, dtype=np.float64)


class Options:
    """The options for the parts of a constant answer."""

    def __init__(self, scenarios: list[Scenario], *, max_fields: int = 2, max_repairs: int = 2) -> None:
        truths = list({one.only_fault.fault_id: one.only_fault for one in scenarios}.values())
        fields = sorted({truth.root_cause_field or "" for truth in truths})
        self.fields = [None, *(", ".join(some) for n in range(1, max_fields + 1) for some in combinations(fields, n))]
        self.categories = sorted({name for truth in truths for name in truth.accepted.categories})
        self.files = sorted({name for truth in truths for name in truth.accepted.files})
        repairs = [truth.patch[0] for truth in truths]
        self.fixes: list[dict[str, object]] = [
            {"patch": patch} for count in range(1, max_repairs + 1) for patch in combinations(repairs, count)
        ]
        self.fixes += [{"proposed_fix": text[:600]} for text in _texts(truths)]

    def answer(self, category: int, file: int, field: int, fix: int) -> Diagnosis:
        """The diagnosis with these parts, by their places."""
        return Diagnosis.model_validate(
            {
                "failure_category": self.categories[category],
                "root_cause_file": self.files[file],
                "root_cause_field": self.fields[field],
                **self.fixes[fix],
            }
        )


def _texts(truths: list[Truth]) -> Iterator[str]:
    """Every repair in words: one sentence each, and as plain assignments."""
    yield " ".join(truth.proposed_fix or "" for truth in truths)
    yield " ".join(f"Set {truth.patch[0].field} to {truth.patch[0].value}." for truth in truths)
