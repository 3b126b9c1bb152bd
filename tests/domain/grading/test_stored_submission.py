"""The stored form of a submission: short, and worth what the long one was."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from pydantic import ValidationError

from domain.chain import canonical
from domain.diagnosis import Diagnosis, PatchEntry, PatchValue
from domain.events import DiagnosisSubmitted, EncodedEvent, MalformedEventError, decode, encode
from domain.grade import VERDICT_TEXT, PatchVerdict
from domain.grader import grade
from domain.rubric import RUBRIC, UnknownRubricError
from tests.domain.compositions import answer_to, composed, composition, grade_all
from tests.domain.grading.edits.minimal import edits_between, repair, unified_diff
from tests.domain.grading.truths import truth_of
from tests.domain.scenarios import THOROUGH

VERSION_2: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "golden" / "submit_2.json").read_text())
"""Submissions as the program stored them before version 3, and the grade that it had computed for each."""


def _decoded(payload: str | bytes, version: int) -> DiagnosisSubmitted:
    event = decode(EncodedEvent("submit", version, payload.encode() if isinstance(payload, str) else payload))
    assert isinstance(event, DiagnosisSubmitted)
    return event


@pytest.mark.parametrize("recorded", VERSION_2)
def test_an_old_submission_gives_the_grade_that_was_recorded(recorded: dict[str, Any]) -> None:
    grade = _decoded(recorded["payload"], 2).grade.model_dump(mode="json")
    del grade["credits"]
    assert grade == recorded["grade"]


@pytest.mark.parametrize("recorded", VERSION_2)
def test_stored_again_it_gives_the_same_event_in_fewer_bytes(recorded: dict[str, Any]) -> None:
    event = _decoded(recorded["payload"], 2)
    stored = encode(event).payload
    assert _decoded(stored, 3) == event
    assert len(stored) < 0.6 * len(recorded["payload"].encode())


def test_the_figures_of_bytes_are_printed() -> None:
    before = [len(each["payload"].encode()) for each in VERSION_2]
    after = [len(encode(_decoded(each["payload"], 2)).payload) for each in VERSION_2]
    print(
        f"bytes of a submit payload, mean of {len(before)}: {fmean(before):.0f} in version 2, {fmean(after):.0f} in 3"
    )
    assert fmean(after) < 0.55 * fmean(before)


@pytest.mark.parametrize("fault", ["none", "frozen_column", "row_multiplying_join+undeclared_thinning"])
def test_a_list_of_diagnoses_survives_its_stored_form(fault: str) -> None:
    scenario = composed(3, fault)
    truths = [answer_to(one, confidence=0.7) for one in composition(scenario).faults]
    blunder = Diagnosis(root_cause_field="learning rate", proposed_fix="Set batch_size to 64.", confidence=0.25)
    for said in ([], truths, [blunder], [blunder, *truths][:2], [Diagnosis(), blunder]):
        grade = grade_all(scenario, said)
        event = DiagnosisSubmitted(diagnoses=tuple(said), grade=grade, reported=None, observation_digest="d")
        assert _decoded(encode(event).payload, 3) == event


def test_no_sentence_number_or_name_of_the_rubric_is_stored() -> None:
    scenario = composed(3, "row_multiplying_join+undeclared_thinning")
    said = tuple(answer_to(one) for one in composition(scenario).faults)
    event = DiagnosisSubmitted(diagnoses=said, grade=grade_all(scenario, said), reported=None, observation_digest="d")
    stored = encode(event).payload.decode()
    assert not [sentence for sentence in VERDICT_TEXT.values() if sentence in stored]
    assert "possible" not in stored and "null" not in stored


def test_a_grade_of_an_unknown_rubric_is_refused() -> None:
    stored = json.loads(encode(_decoded(VERSION_2[0]["payload"], 2)).payload) | {"rubric": "the next"}
    with pytest.raises(UnknownRubricError):
        _decoded(canonical(stored), 3)
    assert RUBRIC.version != "the next"


@pytest.mark.parametrize(
    "change",
    [
        {"entries": []},
        {"entries": [{"diagnosis": {}}] * 2},
        {"score": "high"},
        {"more": 1},
        {"entries": [{"points": []}]},
    ],
)
def test_a_stored_form_of_another_shape_is_refused(change: dict[str, Any]) -> None:
    stored = json.loads(encode(_decoded(VERSION_2[0]["payload"], 2)).payload) | change
    with pytest.raises((ValidationError, ValueError)):
        _decoded(canonical(stored), 3)


@pytest.mark.parametrize("payload", [b"{}", b'{"grade":null,"verdict":null,"diagnosis":{}}', b"[]"])
def test_an_old_payload_of_another_shape_is_refused(payload: bytes) -> None:
    with pytest.raises(MalformedEventError):
        _decoded(payload, 2)


@pytest.mark.parametrize(
    ("field", "written", "meant"),
    [("training.epochs", 12.0, 12), ("optimizer.learning_rate", 1, 1.0), ("optimizer.learning_rate", "0.2", 0.2)],
)
def test_what_was_read_comes_back_from_the_store_to_the_byte(
    field: str, written: PatchValue, meant: PatchValue
) -> None:
    truth = truth_of("exploding_lr", 0, "train")
    said = Diagnosis(patch=(PatchEntry(file="config.yaml", field=field, value=written),))
    verdict = PatchVerdict(credit=0.0, explanation="Not repaired.")
    graded = grade(said, truth, THOROUGH, verdict, task_id="easy")
    event = DiagnosisSubmitted(diagnoses=(said,), grade=graded, reported=None, observation_digest="0")
    again = _decoded(encode(event).payload, 4)
    assert again.grade.model_dump_json() == graded.model_dump_json()
    (read,) = graded.only_breakdown.proposed_fix.read_as
    assert read.value == meant and type(read.value) is type(meant)


def test_edits_come_back_from_the_store() -> None:
    truth = truth_of("exploding_lr", 0, "train")
    for edits in (edits_between(*repair(truth)), unified_diff(*repair(truth))):
        said = Diagnosis(edits=edits)
        verdict = PatchVerdict(credit=1.0, explanation="Repaired.")
        graded = grade(said, truth, THOROUGH, verdict, task_id="easy")
        event = DiagnosisSubmitted(diagnoses=(said,), grade=graded, reported=None, observation_digest="0")
        assert _decoded(encode(event).payload, 4) == event
