"""The blind floor of a task: the best score that one constant answer can reach without looking at the evidence."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product
from typing import NamedTuple

from domain.actions import Diagnosis, PatchEntry
from domain.faults import POOLS
from domain.generator import generate
from domain.grade import Investigation, PatchVerdict
from domain.grader import grade, read_fix, verify_patch
from domain.scenario import Scenario
from domain.types import ARTIFACT_NAMES, TaskId

FIRST_SEED = 50_000_000
LOOKED_AT_NOTHING_THAT_MATTERS = Investigation(
    artifacts_read=ARTIFACT_NAMES[:3], checks_run=(), duplicate_reads=0, refused=0, steps=4
)
"""A blind agent reads three artifacts, since that costs nothing, and does not use them."""


class Floor(NamedTuple):
    """The best constant answer of a task."""

    task_id: TaskId
    score: float
    """Mean over the task's faults, all equally likely."""
    answer: Diagnosis


def blind_floor(task_id: TaskId, *, seeds: int = 3) -> Floor:
    """Try every category, file, up to two fields, one or two repairs and lists in words against real scenarios.

    Args:
        task_id: whose pool.
        seeds: scenarios a fault.
    """
    scenarios = [
        generate(task_id, FIRST_SEED + number, fault=fault_id) for fault_id in POOLS[task_id] for number in range(seeds)
    ]
    judge = _Judge()
    best: Floor | None = None
    for answer in _answers(scenarios):
        mean = round(sum(judge.score(answer, one) for one in scenarios) / len(scenarios), 4)
        if best is None or mean > best.score:
            best = Floor(task_id, mean, answer)
    assert best is not None
    return best


class _Judge:
    """Grades answers, verifying each patch once a scenario."""

    def __init__(self) -> None:
        self._verdicts: dict[tuple[str, tuple[PatchEntry, ...]], PatchVerdict] = {}

    def score(self, answer: Diagnosis, scenario: Scenario) -> float:
        patch = read_fix(answer, scenario.truth).patch
        key = (scenario.digest, patch)
        if patch and key not in self._verdicts:
            self._verdicts[key] = verify_patch(scenario.truth, patch)
        verdict = self._verdicts.get(key)
        return grade(answer, scenario.truth, LOOKED_AT_NOTHING_THAT_MATTERS, verdict, task_id=scenario.task_id).score


def _patches(scenarios: list[Scenario]) -> Iterator[tuple[PatchEntry, ...]]:
    """The repair of one scenario of each fault, and every two of them together."""
    repairs = {one.truth.fault_id: one.truth.patch[0] for one in scenarios}
    for count in (1, 2):
        yield from combinations(repairs.values(), count)


def _texts(scenarios: list[Scenario]) -> Iterator[str]:
    """Every repair in words: one sentence each, and as plain assignments."""
    truths = {one.truth.fault_id: one.truth for one in scenarios}.values()
    yield " ".join(truth.proposed_fix or "" for truth in truths)
    yield " ".join(f"Set {truth.patch[0].field} to {truth.patch[0].value}." for truth in truths)


def _answers(scenarios: list[Scenario]) -> Iterator[Diagnosis]:
    fields = sorted({one.truth.root_cause_field or "" for one in scenarios})
    named = [None, *fields, *(", ".join(pair) for pair in combinations(fields, 2))]
    categories = sorted({name for one in scenarios for name in one.truth.accepted.categories})
    files = sorted({name for one in scenarios for name in one.truth.accepted.files})
    fixes: list[dict[str, object]] = [{"patch": patch} for patch in _patches(scenarios)]
    fixes += [{"proposed_fix": text} for text in _texts(scenarios)]
    for category, file, field, fix in product(categories, files, named, fixes):
        yield Diagnosis.model_validate(
            {"failure_category": category, "root_cause_file": file, "root_cause_field": field, **fix}
        )
