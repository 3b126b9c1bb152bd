"""The briefing is honest and names no candidate."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from domain.fields.registry import registry_json
from domain.rubric import rubric_of
from domain.tasks.table import TASKS, tasks_json
from domain.types import ARTIFACT_NAMES, FAILURE_CATEGORIES, TASK_IDS, TaskId

GOLDEN = Path(__file__).parents[1] / "golden"


def test_tasks_are_listed_with_their_limits() -> None:
    assert [(task["task_id"], task["max_steps"], task["max_experiments"]) for task in tasks_json()] == [
        ("easy", 20, 1),
        ("medium", 30, 2),
        ("hard", 16, 3),
        ("expert", 16, 3),
    ]


def test_a_description_says_how_many_experiments_there_are() -> None:
    assert "You can also run up to 1 experiment: " in TASKS["easy"].description
    assert "You can also run up to 3 experiments: " in TASKS["expert"].description
    measuring = [task_id for task_id in TASK_IDS if "checks measure and do not judge" in TASKS[task_id].description]
    assert measuring == ["hard", "expert"]


def test_episodes_of_the_first_rubric_keep_their_words() -> None:
    recorded = json.loads((GOLDEN / "descriptions_1.json").read_text())
    assert {task_id: TASKS[task_id].describe(rubric_of("1")) for task_id in TASK_IDS} == recorded


@pytest.mark.parametrize("task_id", TASK_IDS)
def test_no_candidate_is_named(task_id: TaskId) -> None:
    said = TASKS[task_id].description.lower()
    fields = {entry["field"].lower() for entry in registry_json() if "." in entry["field"]}
    named = [word for word in (*fields, *FAILURE_CATEGORIES, *ARTIFACT_NAMES) if word in said]
    assert named == []
