"""Where a grade is computed: what takes milliseconds to read never runs on the event loop."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

from domain.actions import SubmitDiagnosis
from domain.diagnosis import Diagnosis, PatchEntry, TextEdit
from domain.rubric import RUBRIC
from server.scenarios.grading import grade_with_reruns
from server.scenarios.simulation import InProcessSimulation

PATCH = (PatchEntry(file="config.yaml", field="optimizer.learning_rate", value=0.1),)
EDIT = (TextEdit(file="config.yaml", find="momentum: 0.9", replace="momentum: 0.5"),)


class Computed(Exception):
    """Raised in place of a grade."""


class Recording(InProcessSimulation):
    """Records the threads that read and grade."""

    def __init__(self) -> None:
        self.threads: set[str] = set()

    def patch_to_verify(self, *_: Any, **__: Any) -> tuple[PatchEntry, ...]:
        self.threads.add(threading.current_thread().name)
        return ()

    def grade(self, *_: Any, **__: Any) -> Any:
        self.threads.add(threading.current_thread().name)
        raise Computed


def threads_of(said: Diagnosis) -> set[str]:
    simulation = Recording()
    state: Any = SimpleNamespace(
        rubric=RUBRIC, reset=SimpleNamespace(task_id="easy", round=None), investigation=lambda: None
    )
    cached: Any = SimpleNamespace(scenario=SimpleNamespace(truth=SimpleNamespace(planted=(None,))))
    action = SubmitDiagnosis(diagnoses=(said,), reported=None, is_list=False)
    with suppress(Computed):
        asyncio.run(grade_with_reruns(simulation, state, action, cached))
    return simulation.threads


@pytest.mark.parametrize(
    "said",
    [
        Diagnosis(root_cause_field="held out"),
        Diagnosis(proposed_fix="Lower the learning rate."),
        Diagnosis(proposed_fix="Lower the learning rate.", patch=PATCH),
        Diagnosis(diagnosis="The learning rate is too high."),
        Diagnosis(edits=EDIT),
    ],
    ids=["a short name", "words", "words beside a patch", "words of a diagnosis", "edits"],
)
def test_what_is_searched_for_or_read_is_graded_in_the_thread(said: Diagnosis) -> None:
    assert {name.partition("_")[0] for name in threads_of(said)} == {"grading"}


def test_a_bare_patch_is_graded_where_it_arrives() -> None:
    assert threads_of(Diagnosis(failure_category="config_error", patch=PATCH)) == {threading.current_thread().name}
