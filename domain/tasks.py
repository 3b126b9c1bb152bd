"""The three tasks: what an agent is told before it starts. Names no candidate fault."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Mapping

from domain.rubric import RUBRIC, Rubric
from domain.types import TASK_IDS, TaskId

_BRIEF = (
    "You are given the artifacts of a finished machine-learning training run in which exactly one thing was changed "
    "for the worse. Find it. Read artifacts, query their fields and run sanity checks; every artifact and every check "
    "was computed from a run that really happened, and unusual but harmless details occur in every run. Then submit "
    "one diagnosis: the category of the failure, the file and the field of its root cause, a fix in words and, best, "
    "as a patch (file, field, value), and your confidence that category, file and field are right. The patch is "
    "judged by running the training again with it. "
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What the agent is asked to do."""

    task_id: TaskId
    name: str
    description: str

    def max_steps(self, rubric: Rubric = RUBRIC) -> int:
        return rubric.max_steps[self.task_id]


TASKS: Mapping[TaskId, Task] = MappingProxyType(
    {
        "easy": Task(
            task_id="easy",
            name="Loud failure",
            description=_BRIEF + "On this task the damage is loud: the run's own log and results look plainly bad.",
        ),
        "medium": Task(
            task_id="medium",
            name="Quiet failure",
            description=_BRIEF
            + "On this task the run looks ordinary at a glance: the damage is quiet, and comparing artifacts or "
            "running the right check shows it.",
        ),
        "hard": Task(
            task_id="hard",
            name="Silent failure",
            description=_BRIEF
            + "On this task training looks healthy and nothing complains: the damage is silent, and only artifacts "
            "that contradict each other give it away. A score below 0.70 is reduced by half of what is missing.",
        ),
    }
)


def tasks_json() -> list[dict[str, Any]]:
    """The wire form of all tasks."""
    return [
        {
            "task_id": task_id,
            "name": TASKS[task_id].name,
            "difficulty": task_id,
            "description": TASKS[task_id].description,
            "max_steps": TASKS[task_id].max_steps(),
        }
        for task_id in TASK_IDS
    ]
