"""The runs under docs/example-run show well what is wrong with them."""

from __future__ import annotations

import re

import pytest

from domain.generator import generate, planted_fault
from domain.scenario import Composition
from domain.types import TASK_IDS, TaskId
from upkeep.example_run import FOLDER, SEEDS

INSTRUCTIVE = {
    "easy": "scaler_missing_eval",
    "medium": "data_leakage_overlap",
    "hard": "source_unit_changed",
    "expert": "source_unit_changed+undeclared_missing_code",
}
"""What was read line by line; where draws change, choose other seeds and read again."""


def test_every_example_run_plants_what_was_chosen_for_it() -> None:
    assert {task_id: planted_fault(task_id, SEEDS[task_id]) for task_id in TASK_IDS} == INSTRUCTIVE


def test_the_page_names_the_seed_of_every_task() -> None:
    named = dict(re.findall(r"(easy|medium|hard|expert) (\d+)", (FOLDER / "README.md").read_text()))
    assert named == {task_id: str(seed) for task_id, seed in SEEDS.items()}


@pytest.mark.parametrize("task_id", TASK_IDS)
def test_the_page_names_every_field_that_was_wrong(task_id: TaskId) -> None:
    text = (FOLDER / "README.md").read_text()
    (row,) = [line for line in text.splitlines() if line.startswith(f"| [{task_id} ")]
    truth = generate(task_id, SEEDS[task_id]).truth
    faults = truth.faults if isinstance(truth, Composition) else (truth,)
    assert re.findall(r"`([^` ]+\.[^` ]+)`", row) == [each.root_cause_field for each in faults]
