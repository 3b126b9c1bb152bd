"""Which part of a diagnosis is judged as its fix, and what it costs when its parts contradict each other."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from domain.diagnosis import Diagnosis, PatchEntry, TextEdit
from domain.grade import CONTRADICTING_WORDS, UNREAD_PART, PatchVerdict, without_notes
from domain.grader import grade, read_fix
from domain.rubric import RUBRIC, rubric_of
from domain.scenario import Truth
from tests.domain.grading.edits.minimal import edits_between, repair, unified_diff
from tests.domain.grading.truths import truth_of
from tests.domain.scenarios import THOROUGH

REPAIRED = PatchVerdict(credit=1.0, explanation="Repaired.")
OTHER = TextEdit(file="preprocessing.py", find="import numpy as np", replace="import numpy as np\nprint()")


def fix_of(truth: Truth, diagnosis: Diagnosis, version: str = RUBRIC.version):
    rubric = rubric_of(version)
    verdict = REPAIRED if read_fix(diagnosis, truth, rubric).patch else None
    graded = grade(diagnosis, truth, THOROUGH, verdict, task_id="easy", rubric=rubric)
    return graded.only_breakdown.proposed_fix


def test_edits_are_judged_as_the_patch_that_they_are() -> None:
    truth = truth_of("exploding_lr", 0)
    for edits in (edits_between(*repair(truth)), unified_diff(*repair(truth))):
        fix = fix_of(truth, Diagnosis(edits=edits))
        assert (fix.awarded, fix.read_as, fix.verdict) == (0.30, truth.patch, "Repaired.")


def test_edits_of_which_a_part_cannot_be_read_earn_half_and_say_why() -> None:
    truth = truth_of("exploding_lr", 0)
    fix = fix_of(truth, Diagnosis(edits=(*edits_between(*repair(truth)), OTHER)))
    assert fix.awarded == 0.15
    assert fix.verdict.startswith(f"Repaired.{UNREAD_PART} preprocessing.py: the edited code")
    assert without_notes(fix.verdict) == "Repaired."


def test_edits_that_cannot_be_read_say_why_and_leave_the_words() -> None:
    truth = truth_of("exploding_lr", 0)
    fix = fix_of(truth, Diagnosis(edits=(OTHER,)))
    assert fix.awarded == 0.0
    assert fix.verdict.startswith("The edits could not be read: preprocessing.py: the edited code is what no value")
    assert fix_of(truth, Diagnosis(edits=(OTHER,), proposed_fix=truth.proposed_fix)).read_as == truth.patch


def test_a_patch_and_edits_are_one_too_many() -> None:
    truth = truth_of("exploding_lr", 0)
    with pytest.raises(ValidationError, match="give patch or edits, not both"):
        Diagnosis(patch=truth.patch, edits=(OTHER,))


def test_words_that_propose_another_change_than_the_patch_cost_a_third() -> None:
    truth = truth_of("exploding_lr", 0)
    fix = fix_of(truth, Diagnosis(patch=truth.patch, proposed_fix="Set optimizer.momentum to 0.5."))
    assert fix.awarded == 0.20
    assert fix.verdict == "Repaired." + CONTRADICTING_WORDS


def test_words_that_go_the_other_way_cost_a_third() -> None:
    truth = truth_of("exploding_lr", 0)
    assert fix_of(truth, Diagnosis(patch=truth.patch, proposed_fix="Raise the learning rate.")).awarded == 0.20


@pytest.mark.parametrize("words", ["Lower the learning rate.", "Use a learning rate of about 0.3.", "Repair it.", None])
def test_words_that_agree_or_say_nothing_cost_nothing(words: str | None) -> None:
    truth = truth_of("exploding_lr", 0)
    assert fix_of(truth, Diagnosis(patch=truth.patch, proposed_fix=words)).awarded == 0.30


def test_under_the_first_rubric_words_beside_a_patch_are_not_read() -> None:
    truth = truth_of("exploding_lr", 0)
    said = Diagnosis(patch=truth.patch, proposed_fix="Set optimizer.momentum to 0.5.")
    assert fix_of(truth, said, "1").awarded == 0.30


def test_under_the_first_rubric_a_patch_is_judged_as_it_is_written() -> None:
    truth = truth_of("exploding_lr", 0)
    written = PatchEntry(file="config.yml", field="learning_rate", value="0.2")
    assert read_fix(Diagnosis(patch=(written,)), truth, rubric_of("1")).patch == (written,)
    meant = PatchEntry(file="config.yaml", field="optimizer.learning_rate", value=0.2)
    assert read_fix(Diagnosis(patch=(written,)), truth, RUBRIC).patch == (meant,)


def test_under_the_first_rubric_names_count_by_the_registry_alone() -> None:
    truth = truth_of("exploding_lr", 0)
    file, old, _ = repair(truth)
    line = next(at for at, one in enumerate(old.splitlines(), 1) if "learning_rate" in one)
    said = Diagnosis(root_cause_file="config.yml", root_cause_field=f"config.yaml:{line}")
    for version, points in (("1", 0.0), ("2", 0.55)):
        parts = grade(said, truth, THOROUGH, None, task_id="easy", rubric=rubric_of(version)).only_breakdown
        assert parts.root_cause_file.awarded + parts.root_cause_field.awarded == pytest.approx(points)
