"""The briefing is honest and names no candidate."""

from __future__ import annotations

import pytest

from domain.fields.registry import registry_json
from domain.tasks.table import TASKS, tasks_json
from domain.types import ARTIFACT_NAMES, FAILURE_CATEGORIES, TASK_IDS, TaskId


def test_tasks_are_listed_with_their_limits() -> None:
    assert [(task["task_id"], task["max_steps"]) for task in tasks_json()] == [
        ("easy", 20),
        ("medium", 30),
        ("hard", 40),
        ("expert", 50),
    ]


@pytest.mark.parametrize("task_id", TASK_IDS)
def test_no_candidate_is_named(task_id: TaskId) -> None:
    said = TASKS[task_id].description.lower()
    fields = {entry["field"].lower() for entry in registry_json() if "." in entry["field"]}
    named = [word for word in (*fields, *FAILURE_CATEGORIES, *ARTIFACT_NAMES) if word in said]
    assert named == []
