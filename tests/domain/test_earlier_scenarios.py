"""Scenarios that generator 4 stored are judged as they were: its rules of drawing, splitting, resampling and checking still hold."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from domain.diagnosis import PatchEntry
from domain.grader import verify_patch
from domain.scenario import Truth
from domain.training.pipeline import Pipeline

STORED = json.loads(gzip.decompress((Path(__file__).parent / "golden" / "generator-4-verdicts.json.gz").read_bytes()))
"""Truths, patches and verdicts, as the last version of generator 4 gave them."""


@pytest.mark.parametrize("number", range(len(STORED)))
def test_a_patch_of_a_stored_scenario_gets_the_verdict_that_it_got(number: int) -> None:
    stored = STORED[number]
    patch = tuple(PatchEntry(file=file, field=field, value=value) for file, field, value in stored["patch"])
    assert verify_patch(Truth.model_validate(stored["truth"]), patch).model_dump(mode="json") == stored["verdict"]


def test_many_of_the_verdicts_come_from_running_again() -> None:
    assert sum("Run again" in stored["verdict"]["explanation"] for stored in STORED) >= 10


def test_a_stored_pipeline_that_names_no_rules_runs_under_those_of_generator_4() -> None:
    assert {Pipeline.from_json(stored["truth"]["pipeline"]).dataset.rules for stored in STORED} == {4}
