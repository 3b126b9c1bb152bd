"""The constant agent: its category and file are those that are right most often."""

from __future__ import annotations

from collections import Counter

import pytest

from domain.families.multi_source import FAULTS
from domain.faults import POOLS
from domain.generator import generate
from domain.types import TaskId
from mlops_debug_env.agents.baselines import MOST_LIKELY
from tests.domain.scenarios import truth_of

PLANTED: dict[TaskId, tuple[str, ...]] = {
    "easy": tuple(POOLS["easy"]),
    "medium": tuple(POOLS["medium"]),
    "hard": tuple(FAULTS),
}


@pytest.mark.parametrize("task_id", PLANTED)
def test_its_category_and_file_are_the_most_frequent_of_the_task(task_id: TaskId) -> None:
    truths = [
        truth
        for fault in PLANTED[task_id]
        for truth in (
            truth_of("hard", 77, fault) if task_id == "hard" else generate(task_id, 77, fault=fault).truth
        ).planted
    ]
    categories = Counter(name for truth in truths for name in truth.accepted.categories)
    files = Counter(name for truth in truths for name in truth.accepted.files)
    category, file = MOST_LIKELY[task_id]
    assert categories[category] == max(categories.values())
    assert files[file] == max(files.values())


def test_expert_plants_the_faults_of_hard_and_gets_its_answer() -> None:
    assert MOST_LIKELY["expert"] == MOST_LIKELY["hard"]
