"""Runs the corpus of hand-written diagnoses through the grader."""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from domain.diagnosis import Diagnosis
from domain.fields.registry import find
from domain.grade import Grade
from domain.grader import grade, verify_patch
from domain.grading.free_text.fixes import read_fix
from domain.scenario import Scenario, Truth
from domain.training.pipeline import FieldValue
from tests.domain.scenarios import THOROUGH, planted

CORPUS = sorted(Path(__file__).parent.glob("*.jsonl"))
SEEDS = 20


class Read(NamedTuple):
    """One entry of the corpus with the grade it got."""

    entry: dict[str, Any]
    text: str
    grade: Grade

    @property
    def field(self) -> float:
        return self.grade.breakdown.root_cause_field.awarded

    @property
    def fix(self) -> float:
        return self.grade.breakdown.proposed_fix.awarded


class Share(NamedTuple):
    """A share with its Wilson 95 % interval."""

    hits: int
    of: int

    @property
    def value(self) -> float:
        return self.hits / self.of

    def __str__(self) -> str:
        if self.of == 0:
            return "none to count"
        z, n, p = 1.96, self.of, self.value
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return f"{self.hits}/{self.of} = {p:.3f} [{middle - half:.3f}, {middle + half:.3f}]"


@cache
def entries() -> tuple[dict[str, Any], ...]:
    return tuple(json.loads(line) for path in CORPUS for line in path.read_text().splitlines())


def set_names() -> list[str]:
    return sorted({entry["set"] for entry in entries()})


@cache
def read_corpus() -> tuple[Read, ...]:
    """Every entry, graded on a scenario of its fault; the texts' placeholders take that scenario's two values."""
    return tuple(_read(entry, planted(entry["fault"], place % SEEDS)) for place, entry in enumerate(entries()))


def _read(entry: dict[str, Any], scenario: Scenario) -> Read:
    healthy, faulty = values(scenario.truth)
    answer = {
        key: text.format(healthy=healthy, faulty=faulty) if isinstance(text, str) else text
        for key, text in entry["answer"].items()
    }
    return Read(entry, str(answer["proposed_fix"]), grade_answer(Diagnosis.model_validate(answer), scenario))


def values(truth: Truth) -> tuple[FieldValue, FieldValue]:
    """The healthy and the faulty value of the planted field."""
    assert truth.root_cause_file is not None and truth.root_cause_field is not None
    spec = find(truth.root_cause_file, truth.root_cause_field)
    assert spec.attribute is not None
    section, name = spec.attribute.split(".")
    return spec.from_pipeline(truth.twin[section][name]), spec.from_pipeline(truth.pipeline[section][name])


def grade_answer(diagnosis: Diagnosis, scenario: Scenario) -> Grade:
    """Read, verify and grade one diagnosis."""
    patch = read_fix(diagnosis, scenario.truth).patch
    verdict = verify_patch(scenario.truth, patch) if patch else None
    return grade(diagnosis, scenario.truth, THOROUGH, verdict, task_id=scenario.task_id)


def field_recall(reads: list[Read]) -> Share:
    """Right fields that earn the field's points."""
    right = [read for read in reads if read.entry["field_right"]]
    return Share(sum(read.field >= 0.30 for read in right), len(right))


def field_false_accepts(reads: list[Read]) -> Share:
    """Wrong or listed fields that earn half of the field's points or more."""
    wrong = [read for read in reads if not read.entry["field_right"]]
    return Share(sum(read.field >= 0.15 for read in wrong), len(wrong))


def fix_recall(reads: list[Read]) -> Share:
    """Right fixes credited with 0.20 or more."""
    right = [read for read in reads if read.entry["fix"] == "right"]
    return Share(sum(read.fix >= 0.20 for read in right), len(right))


def fix_false_accepts(reads: list[Read]) -> Share:
    """Wrong or empty fixes credited with more than 0.10."""
    wrong = [read for read in reads if read.entry["fix"] in ("wrong", "none")]
    return Share(sum(read.fix > 0.10 for read in wrong), len(wrong))
