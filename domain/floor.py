"""The blind floor of a task: the best score that one constant answer can reach without looking at the evidence."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product
from typing import NamedTuple

from domain.actions import Diagnosis, PatchEntry
from domain.faults import POOLS
from domain.generator import generate
from domain.grade import Investigation
from domain.grader import grade, verify_patch
from domain.scenario import Scenario
from domain.types import ARTIFACT_NAMES, FAILURE_CATEGORIES, TaskId

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
    """Try every category, file, one or two fields and one or two repairs against real scenarios of every fault.

    Args:
        task_id: whose pool.
        seeds: scenarios a fault.
    """
    scenarios = [
        generate(task_id, FIRST_SEED + number, fault=fault_id) for fault_id in POOLS[task_id] for number in range(seeds)
    ]
    verdicts = {patch: [verify_patch(one.truth, patch) for one in scenarios] for patch in _patches(scenarios)}
    best: Floor | None = None
    for answer in _answers(scenarios, list(verdicts)):
        assert answer.patch is not None
        scores = [
            grade(answer, one.truth, LOOKED_AT_NOTHING_THAT_MATTERS, verdict, task_id=task_id).score
            for one, verdict in zip(scenarios, verdicts[answer.patch], strict=True)
        ]
        mean = round(sum(scores) / len(scores), 4)
        if best is None or mean > best.score:
            best = Floor(task_id, mean, answer)
    assert best is not None
    return best


def _patches(scenarios: list[Scenario]) -> Iterator[tuple[PatchEntry, ...]]:
    """The repair of one scenario of each fault, and every two of them together."""
    repairs = {one.truth.fault_id: one.truth.patch[0] for one in scenarios}
    for count in (1, 2):
        yield from combinations(repairs.values(), count)


def _answers(scenarios: list[Scenario], patches: list[tuple[PatchEntry, ...]]) -> Iterator[Diagnosis]:
    fields = sorted({one.truth.root_cause_field or "" for one in scenarios})
    named = [*fields, *(", ".join(pair) for pair in combinations(fields, 2))]
    categories = sorted({name for one in scenarios for name in one.truth.accepted.categories})
    files = sorted({name for one in scenarios for name in one.truth.accepted.files})
    assert set(categories) <= set(FAILURE_CATEGORIES)
    for category, file, field, patch in product(categories, files, named, patches):
        yield Diagnosis(failure_category=category, root_cause_file=file, root_cause_field=field, patch=patch)
