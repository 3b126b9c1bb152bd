"""Runs the corpus of labelled diagnoses through the grader."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from bench.validity.words import ACCEPTED, CREDITED, Entry, awarded, load
from domain.diagnosis import Diagnosis
from domain.grade import Grade
from domain.grader import grade, read_fix, verify_patch
from domain.scenario import Scenario
from tests.domain.scenarios import THOROUGH

FOLDER = Path(__file__).parent
HELD_OUT = [path for path in sorted(FOLDER.glob("diagnoses-*.jsonl")) if path.stem in ("diagnoses-g", "diagnoses-h")]
"""Texts that were never used for tuning, frozen before: easy and medium, and hard and expert."""
FRESH = FOLDER / "frozen-w.jsonl"
"""Texts of a further author, read once when the reader was final."""
LEARNED = [path for path in sorted(FOLDER.glob("diagnoses*.jsonl")) if path not in HELD_OUT]
"""What the weights are trained on."""


@cache
def entries_of(*paths: Path) -> tuple[Entry, ...]:
    return tuple(load(paths))


@cache
def _awarded(entry: Entry, with_field: bool) -> float:
    return awarded(entry, with_field=with_field)


def rate(entries: Sequence[Entry], label: str, *, with_field: bool) -> float:
    """Of right texts those that are credited, of wrong and empty ones those that are accepted; printed."""
    labels = ("right",) if label == "right" else ("wrong", "none")
    own = [entry for entry in entries if entry.label in labels and (entry.is_field_right or not with_field)]
    points = [_awarded(entry, with_field) for entry in own]
    hits = sum(each >= CREDITED if label == "right" else each > ACCEPTED for each in points)
    print(f"{label}, {'with the field' if with_field else 'words only'}: {hits}/{len(own)}")
    return hits / len(own)


def grade_answer(diagnosis: Diagnosis, scenario: Scenario) -> Grade:
    """Read, verify and grade one diagnosis."""
    patch = read_fix(diagnosis, scenario.truth).patch
    verdict = verify_patch(scenario.truth, patch) if patch else None
    return grade(diagnosis, scenario.truth, THOROUGH, verdict, task_id=scenario.task_id)
