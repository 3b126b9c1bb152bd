"""Scenarios that generator 4 stored are judged as they were: its rules of drawing, splitting, resampling and checking still hold."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from domain.diagnosis import Diagnosis, PatchEntry
from domain.grade import Investigation
from domain.grader import grade_diagnoses, read_fix, verify_patch
from domain.rubric import rubric_of
from domain.scenario import Composition, Truth
from domain.training.pipeline import Pipeline

GOLDEN = Path(__file__).parent / "golden"


def _stored(name: str) -> Any:
    return json.loads(gzip.decompress((GOLDEN / f"generator-4-{name}.json.gz").read_bytes()))


STORED = _stored("verdicts")
"""Truths, patches and verdicts, as the last version of generator 4 gave them."""
GRADED = _stored("grades")
"""Truths of a run with two faults, with one, with none and with a swapped metric, what was submitted and the grade it got."""
READ = ("config.yaml", "train.log", "preprocessing.py")
INVESTIGATION = Investigation(artifacts_read=READ, checks_run=(), duplicate_reads=0, refused=0, steps=4)
"""Before each of the submissions."""


@pytest.mark.parametrize("number", range(len(STORED)))
def test_a_patch_of_a_stored_scenario_gets_the_verdict_that_it_got(number: int) -> None:
    stored = STORED[number]
    patch = tuple(PatchEntry(file=file, field=field, value=value) for file, field, value in stored["patch"])
    assert verify_patch(Truth.model_validate(stored["truth"]), patch).model_dump(mode="json") == stored["verdict"]


def test_many_of_the_verdicts_come_from_running_again() -> None:
    assert sum("Run again" in stored["verdict"]["explanation"] for stored in STORED) >= 10


def test_a_stored_pipeline_that_names_no_rules_runs_under_those_of_generator_4() -> None:
    assert {Pipeline.from_json(stored["truth"]["pipeline"]).dataset.rules for stored in STORED} == {4}


@pytest.mark.parametrize("stored", GRADED, ids=lambda stored: stored["truth"].get("fault_id", "composed"))
def test_what_is_submitted_to_a_stored_scenario_gets_the_grade_that_it_got(stored: dict[str, Any]) -> None:
    truth = (Composition if "faults" in stored["truth"] else Truth).model_validate_json(json.dumps(stored["truth"]))
    for each in stored["submissions"]:
        diagnoses = [Diagnosis.model_validate_json(json.dumps(entry)) for entry in each["diagnoses"]]
        rubric = rubric_of(each["grade"]["rubric_version"])
        verdicts = [
            [
                verify_patch(fault, patch, rubric=rubric) if (patch := read_fix(one, fault, rubric).patch) else None
                for fault in truth.planted
            ]
            for one in diagnoses
        ]
        graded = grade_diagnoses(diagnoses, truth, INVESTIGATION, verdicts, task_id=stored["task_id"], rubric=rubric)
        assert graded.model_dump(mode="json") == each["grade"]


def test_stored_scenarios_are_of_every_number_of_faults() -> None:
    assert [len(stored["truth"].get("faults", [stored])) for stored in GRADED] == [2, 1, 0, 1]


def test_either_name_of_a_swapped_metric_repairs_it_and_both_files_are_right() -> None:
    (swapped,) = [stored for stored in GRADED if stored["truth"].get("fault_id") == "silent_metric_swap"]
    *right, incomplete = [each["grade"] for each in swapped["submissions"]]
    assert [grade["score"] for grade in right] == [0.99] * 6
    assert incomplete["score"] == 0.25
