"""The four tasks and the descriptions that agents read at a reset. Names no candidate fault."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Mapping

from domain.rubric import RUBRIC, Rubric
from domain.tasks.categories import CATEGORY_MEANING
from domain.types import COMPOSED_TASK, TASK_IDS, TaskId

_EVIDENCE = (
    "Read artifacts, query their fields and run sanity checks; every artifact and every check was computed from a run "
    "that really happened, and unusual but harmless details occur in every run. "
)
_MEASURING_TASKS = frozenset({"hard", "expert"})
"""Tasks on which a check gives its numbers and no flag."""
_OPENING = (
    "You are given the artifacts of a finished machine-learning training run in which exactly one thing was changed "
    "for the worse. Find it. "
)
_CLOSING = (
    "Then submit one diagnosis: the category of the failure, the file and the field of its root cause, a fix in words and, best, "
    "as a patch (file, field, value), and your confidence that category, file and field are right. The patch is "
    "judged by running the training again with it. "
)


_DECLARATIONS = (
    "The run learns from several sources of data. Config, code and the description of the sources declare how things are; what is wrong is a declaration that "
    "does not agree with the data as they are, because it was changed or because the data were. The same declaration is right in other runs, so compare what is "
    "declared with what is measured. The statistics of the slices are a warehouse: reading it shows its table of contents, a query shows one block. A field is "
    "the path of a declaration, with the names of the run. Steps do not suffice to look at everything. "
)
"""What runs of several sources are, on the tasks that have them."""


_TRAINED_AGAIN = (
    "The rows of each set stay those of the recorded run where the patch does not change them; accuracy is that of the kept checkpoint on "
    "all rows of a set, while train_acc in a log is counted during the epoch. "
)


def _evidence(task_id: TaskId, rubric: Rubric) -> str:
    """How a run can be investigated. Without experiments in the words from before there were any."""
    count = rubric.max_experiments[task_id]
    if not count:
        return _EVIDENCE
    measuring = (
        f"{_DECLARATIONS}On this task checks measure and do not judge: they show the data as stored and raise no flag. "
        if task_id in _MEASURING_TASKS
        else ""
    )
    times = f"{count} experiments" if count > 1 else "1 experiment"
    return (
        f"{_EVIDENCE}{measuring}You can also run up to {times}: each trains the run again with a patch of at most two "
        "entries and another training seed, and shows the end of its log and its metrics on the rows of training and validation. "
        f"{_TRAINED_AGAIN if task_id in _MEASURING_TASKS else ''}An experiment takes a step. "
    )


_EDITS = "Instead of a patch you can give edits of the files as they are shown: one or two of file, find, replace, or one unified diff. "


def _costs(rubric: Rubric) -> str:
    """What takes points off, apart from being wrong."""
    few, share = rubric.few_reads_below, rubric.one_extra_field_share
    return (
        f" Fewer than {few} artifacts read cost {rubric.few_reads_penalty:.2f}. One wrong field named beside the right one leaves "
        f"{share:.0%} of the field's points, a list of fields none. A change that was not needed leaves {rubric.unneeded_entry_share:.0%} of the fix's "
        f"points, a fix of another field than the one named {rubric.contradicting_fix_share:.0%}, and words of the fix that propose another change "
        f"than its patch {rubric.contradicting_words_share:.0%}."
    )


_PLAUSIBLE = "On this task every file is plausible by itself."


def _composed_brief(rubric: Rubric) -> str:
    lowest, highest = f"{rubric.lowest_score:.2f}", f"{rubric.highest_score:.2f}"
    return (
        "You are given the artifacts of a finished machine-learning training run. Nothing may be wrong with it, or one "
        "thing, or two different things were changed for the worse; some are loud, some silent, and each may cover traces of the other. "
        f"You have {rubric.max_steps[COMPOSED_TASK]} steps. "
        + _evidence(COMPOSED_TASK, rubric)
        + "Then submit diagnoses, a list of 0 to 2 entries, one for each thing that is wrong and none for a healthy run. Each "
        "entry holds the category of the failure, the file and the field of its root cause, a fix in words and, best, as a "
        "patch (file, field, value) that mends this one thing, and your confidence that its category, file and field are "
        "right. A patch is judged by running the training again with it, beside the other thing that is wrong. "
        + (_EDITS if rubric.reads_meaning else "")
        + "The score is "
        f"the mean over what was planted of its best matching entry, minus {rubric.unmatched_penalty:.2f} for each entry that "
        f"matches nothing. An empty list scores {highest} on a healthy run and {lowest} on any other; an entry on a healthy "
        f"run scores {lowest}." + (_costs(rubric) if rubric.reads_meaning else "")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What the agent is asked to do."""

    task_id: TaskId
    name: str
    symptom: str
    """How the damage shows. Empty: the task's words all follow from the rubric."""

    @property
    def description(self) -> str:
        """The description under the present rubric."""
        return self.describe(RUBRIC)

    def describe(self, rubric: Rubric) -> str:
        """The description that an agent of an episode under this rubric reads."""
        if self.task_id == COMPOSED_TASK:
            return _composed_brief(rubric)
        symptom = _PLAUSIBLE if self.task_id in _MEASURING_TASKS and self.max_experiments(rubric) else self.symptom
        edits, costs = (_EDITS, _costs(rubric)) if rubric.reads_meaning else ("", "")
        brief = f"{_OPENING}{_evidence(self.task_id, rubric)}{_CLOSING}{edits}{symptom}{costs}"
        if self.task_id not in rubric.low_score_tasks:
            return brief
        share, threshold = rubric.low_score_share_in_words, f"{rubric.low_score_threshold:.2f}"
        return f"{brief} A score below {threshold} is reduced by {share} of what is missing."

    @property
    def family(self) -> str:
        """The family of its runs; runs from before there were two are of ``single_table`` on every task."""
        return "multi_source" if self.task_id in _MEASURING_TASKS else "single_table"

    def max_experiments(self, rubric: Rubric = RUBRIC) -> int:
        return rubric.max_experiments[self.task_id]

    def max_steps(self, rubric: Rubric = RUBRIC) -> int:
        return rubric.max_steps[self.task_id]


TASKS: Mapping[TaskId, Task] = MappingProxyType(
    {
        "easy": Task(
            task_id="easy",
            name="Loud failure",
            symptom="On this task the damage is loud: the run's own log and results look plainly bad.",
        ),
        "medium": Task(
            task_id="medium",
            name="Quiet failure",
            symptom="On this task the run looks ordinary at a glance: the damage is quiet, and comparing artifacts or "
            "running the right check shows it.",
        ),
        "hard": Task(
            task_id="hard",
            name="Silent failure",
            symptom="On this task training looks healthy and nothing complains: the damage is silent, and only artifacts "
            "that contradict each other give it away.",
        ),
        "expert": Task(
            task_id="expert",
            name="None, one or two",
            symptom="",
        ),
    }
)


def categories_json() -> dict[str, str]:
    """The wire form of the categories: each with the sentence that defines it."""
    return {str(name): meaning for name, meaning in CATEGORY_MEANING.items()}


def tasks_json() -> list[dict[str, Any]]:
    """The wire form of all tasks."""
    return [
        {
            "task_id": task_id,
            "name": TASKS[task_id].name,
            "difficulty": task_id,
            "description": TASKS[task_id].description,
            "max_steps": TASKS[task_id].max_steps(),
            "max_experiments": TASKS[task_id].max_experiments(),
        }
        for task_id in TASK_IDS
    ]
