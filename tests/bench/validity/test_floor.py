"""The scores of answers that ignore the evidence."""

from __future__ import annotations

from functools import cache

import pytest

from bench.validity.floor import LISTED_TASKS, Floor, Judge, best_places, blind_floor, pool_scenarios
from domain.diagnosis import Diagnosis
from domain.faults import POOLS
from domain.fields.registry import REGISTRY
from domain.types import TaskId
from tests.domain.scenarios import planted

pytestmark = pytest.mark.exhaustive

FLOOR_BOUNDS = {"easy": 0.45, "medium": 0.35, "hard": 0.25, "expert": 0.3}
EVERY_FIELD = " ".join(spec.field for spec in REGISTRY if spec.attribute)
EVERY_REPAIR = (
    "Set learning_rate to 0.2, momentum to 0.9 and batch_size to 64; fit StandardScaler on train only; set random_state=SEED; "
    "set test_size to 0.15; use the same class order as in training; swap val_accuracy and test_accuracy back; "
    "set the eval tokenizer to v2."
)
KEYWORDS = (
    "reduce lower decrease learning_rate momentum batch_size 0.2 0.9 64 fit scaler train only same seed test_size 0.15 "
    "CLASSES swap val_accuracy test_accuracy tokenizer v2"
)


def _pool_fields(task_id: TaskId) -> str:
    return ", ".join(sorted({str(planted(fault, 1).truth.root_cause_field) for fault in POOLS[task_id]}))


def _sentences(task_id: TaskId) -> str:
    """Every repair of the task's pool."""
    entries = [entry for fault in POOLS[task_id] for entry in planted(fault, 1).truth.patch]
    return " ".join(f"Set {entry.field} to {entry.value}." for entry in entries)


@cache
def _floor(task_id: TaskId) -> Floor:
    return blind_floor(task_id)


@pytest.mark.parametrize("task_id", LISTED_TASKS)
def test_the_blind_floor_is_low(task_id: TaskId) -> None:
    floor = _floor(task_id)
    print(f"{task_id}: blind floor {floor.score}, by {floor.answer}")
    assert floor.score <= FLOOR_BOUNDS[task_id]


@pytest.mark.parametrize("task_id", LISTED_TASKS)
def test_the_floor_is_what_the_grader_gives_its_answer(task_id: TaskId) -> None:
    floor, judge = _floor(task_id), Judge()
    scenarios = pool_scenarios(task_id)
    scores = [judge.grade(floor.answer[0], one).score for one in scenarios]
    assert floor.score == pytest.approx(sum(scores) / len(scores), abs=1e-3)


@pytest.mark.parametrize("fix", [EVERY_REPAIR, KEYWORDS, EVERY_FIELD, None])
@pytest.mark.parametrize("listing", ["pool", "all"])
@pytest.mark.parametrize("task_id", LISTED_TASKS)
def test_a_stuffed_or_listed_constant_earns_no_more_than_the_floor(
    task_id: TaskId, listing: str, fix: str | None
) -> None:
    fix = _sentences(task_id) if fix is None else fix
    field = (_pool_fields(task_id) if listing == "pool" else EVERY_FIELD)[:300]
    scenarios = [planted(fault, seed) for fault in POOLS[task_id] for seed in range(2)]
    best = best_places(Diagnosis(root_cause_field=field, proposed_fix=fix[:600]), scenarios)
    print(f"{task_id}: stuffed constant earns {best:.3f}, the floor is {_floor(task_id).score}")
    assert best <= _floor(task_id).score + 0.02
