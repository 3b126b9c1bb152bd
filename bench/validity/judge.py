"""Grades answers with the grader of the server, and computes what an answer is worth before it is known what was planted."""

from __future__ import annotations

from collections.abc import Sequence

from domain.diagnosis import Diagnosis
from domain.grade import Investigation
from domain.grader import grade_diagnoses, read_fix, verify_patch
from domain.scenario import Composition, Truth
from domain.types import ARTIFACT_NAMES, TaskId

INVESTIGATION = Investigation(artifacts_read=ARTIFACT_NAMES[:3], checks_run=(), duplicate_reads=0, refused=0, steps=4)
"""Three artifacts are read, since that costs nothing: no penalty for few reads."""


def score_of(answer: Sequence[Diagnosis], truth: Truth | Composition, task_id: TaskId) -> float:
    """The score of a list of diagnoses; of exactly one on a task that plants exactly one fault."""
    verdicts = []
    for diagnosis in answer:
        row = []
        for fault in truth.planted:
            patch = read_fix(diagnosis, fault).patch
            row.append(verify_patch(fault, patch) if patch else None)
        verdicts.append(row)
    return grade_diagnoses(answer, truth, INVESTIGATION, verdicts, task_id=task_id).score
