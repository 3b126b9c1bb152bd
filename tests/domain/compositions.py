"""Scenarios and grades of the expert task, shared by the domain tests."""

from __future__ import annotations

from functools import cache
from typing import Sequence

from domain.diagnosis import Diagnosis
from domain.generator import generate
from domain.grade import Grade, Investigation
from domain.grader import grade_diagnoses, read_fix, verify_patch
from domain.scenario import Composition, Scenario, Truth
from tests.domain.scenarios import THOROUGH


@cache
def composed(seed: int, fault: str | None = None) -> Scenario:
    """A scenario of the expert task."""
    return generate("expert", seed, fault=fault)


def composition(scenario: Scenario) -> Composition:
    assert isinstance(scenario.truth, Composition)
    return scenario.truth


def answer_to(fault: Truth, **changes: object) -> Diagnosis:
    """The revealed truth of one fault, with changes."""
    revealed = fault.reveal()
    keys = ("failure_category", "root_cause_file", "root_cause_field", "proposed_fix")
    return Diagnosis.model_validate({key: revealed[key] for key in keys} | {"patch": fault.patch} | changes)


def grade_all(scenario: Scenario, diagnoses: Sequence[Diagnosis], investigation: Investigation = THOROUGH) -> Grade:
    """The grade of a list of diagnoses, with every verdict that it needs."""
    faults = composition(scenario).faults
    verdicts = []
    for one in diagnoses:
        patches = [read_fix(one, fault).patch for fault in faults]
        verdicts.append(
            [verify_patch(fault, patch) if patch else None for fault, patch in zip(faults, patches, strict=True)]
        )
    return grade_diagnoses(diagnoses, scenario.truth, investigation, verdicts, task_id="expert")
