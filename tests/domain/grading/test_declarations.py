"""Grading of runs of several sources: what repairs, what a text names, what a fix in words proposes."""

from __future__ import annotations

import pytest

from domain.diagnosis import Diagnosis, PatchEntry
from domain.families.multi_source import FAULTS
from domain.grade import VERDICT_TEXT, Investigation
from domain.grader import grade, read_fix, verify_patch
from domain.grading.declarations import paths_named, state_of
from domain.scenario import Truth
from tests.domain import scenarios
from tests.profiles import seeds

LOOKED = Investigation(
    artifacts_read=("config.yaml", "data_sources.yaml", "train.py"),
    checks_run=(),
    duplicate_reads=0,
    refused=0,
    steps=4,
)


def truth_of(fault: str, seed: int = 5) -> Truth:
    truth = scenarios.truth_of("hard", seed, fault)
    assert isinstance(truth, Truth)
    return truth


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("seed", seeds(range(12), quick=1))
def test_the_revealed_truth_scores_in_full(fault, seed):
    truth = truth_of(fault, seed)
    diagnosis = Diagnosis(
        failure_category=truth.failure_category,
        root_cause_file=truth.root_cause_file,
        root_cause_field=truth.root_cause_field,
        patch=truth.patch,
    )
    verdict = verify_patch(truth, truth.patch)
    assert grade(diagnosis, truth, LOOKED, verdict, task_id="hard").score == 0.99


@pytest.mark.parametrize("fault", FAULTS)
def test_the_fix_in_the_revealed_words_is_read_as_the_patch(fault):
    truth = truth_of(fault)
    diagnosis = Diagnosis(root_cause_field=truth.root_cause_field, proposed_fix=truth.proposed_fix)
    assert read_fix(diagnosis, truth).patch == truth.patch


@pytest.mark.parametrize("fault", FAULTS)
def test_doing_nothing_as_a_patch_earns_nothing(fault):
    truth = truth_of(fault)
    (entry,) = truth.patch
    present = entry.model_copy(update={"value": state_of(truth).declared[entry.field]})
    assert present != entry
    assert verify_patch(truth, (present,)).credit == 0


@pytest.mark.parametrize("fault", FAULTS)
def test_an_empty_diagnosis_scores_the_floor(fault):
    assert grade(Diagnosis(), truth_of(fault), LOOKED, None, task_id="hard").score == 0.01


def test_a_patch_that_leaves_the_cause_earns_nothing():
    truth = truth_of("exchanged_label_codes")
    other = (PatchEntry(file="train.py", field="loader.shuffle", value=True),)
    assert verify_patch(truth, other).credit == 0
    assert verify_patch(truth, other).explanation == VERDICT_TEXT["unchanged"]


def test_a_wrong_value_of_the_right_declaration_earns_nothing():
    truth = truth_of("tokenizer_version_drift")
    state = state_of(truth)
    path = str(truth.root_cause_field)
    wrong = {"v1", "v2", "v3"} - {state.declared[path], truth.patch[0].value}
    for value in wrong:
        verdict = verify_patch(truth, (PatchEntry(file="data_sources.yaml", field=path, value=value),))
        assert verdict.credit == 0


def test_a_month_off_by_one_repairs():
    for seed in range(60):
        truth = truth_of("random_labels_from_source", seed)
        state, path = state_of(truth), str(truth.root_cause_field)
        last = state.world[path]
        if last is None:
            continue
        months = state.layout.months
        later = months[months.index(str(last)) + 1]
        patch = (PatchEntry(file="data_sources.yaml", field=path, value=later),)
        assert verify_patch(truth, patch).credit == 1
        too_late = months[months.index(str(last)) + 2]
        patch = (PatchEntry(file="data_sources.yaml", field=path, value=too_late),)
        assert verify_patch(truth, patch).credit == 0
        return
    raise AssertionError("no world with a last good month")


def test_leaving_the_source_out_from_the_month_on_repairs_a_frozen_column():
    truth = truth_of("frozen_column")
    state, path = state_of(truth), str(truth.root_cause_field)
    source = path.split(".")[1]
    patch = (PatchEntry(file="data_sources.yaml", field=f"sources.{source}.used_until", value=state.world[path]),)
    assert verify_patch(truth, patch).credit == 1


def test_an_entry_that_was_not_needed_halves_the_points():
    truth = truth_of("label_encoder_mismatch")
    patch = (*truth.patch, PatchEntry(file="config.yaml", field="optimizer.momentum", value=0.8))
    assert verify_patch(truth, patch).credit == 0.5


def test_a_patch_that_breaks_something_else_earns_nothing():
    truth = truth_of("label_encoder_mismatch")
    state = state_of(truth)
    path = f"sources.{state.layout.source_names[0]}.tokenizer"
    wrong = next(value for value in ("v1", "v2") if value != state.declared[path])
    patch = (*truth.patch, PatchEntry(file="data_sources.yaml", field=path, value=wrong))
    assert verify_patch(truth, patch).credit == 0


def test_a_patch_after_which_nothing_is_learned_earns_nothing():
    truth = truth_of("label_encoder_mismatch")
    patch = (*truth.patch, PatchEntry(file="config.yaml", field="optimizer.learning_rate", value=0.0001))
    assert verify_patch(truth, patch).credit == 0


@pytest.mark.parametrize(
    "written",
    [
        "sources.{source}.label_map",
        "data_sources.yaml: sources.{source}.label_map",
        "`sources.{source}.label_map`",
        "sources[{source}].label_map",
        "sources/{source}/label_map",
        "the label map of {source}",
        "label_map ({source})",
    ],
)
def test_a_declaration_is_named_by_path_or_by_its_words(written):
    truth = truth_of("exchanged_label_codes")
    state = state_of(truth)
    source = state.layout.source_names[0]
    assert paths_named(state, written.format(source=source)) == {f"sources.{source}.label_map"}


def test_two_declarations_are_two():
    state = state_of(truth_of("exchanged_label_codes"))
    assert paths_named(state, "join.how and join.keys") == {"join.how", "join.keys"}


def test_a_text_without_a_declaration_names_none():
    state = state_of(truth_of("exchanged_label_codes"))
    assert paths_named(state, "something about the data") == frozenset()
    assert paths_named(state, None) == frozenset()


@pytest.mark.parametrize(
    "words",
    [
        "Set join.how to left.",
        "join.how: left",
        "join.how = 'left'",
        "change join.how from inner to left, the table lacks lines",
        "join.how should be left",
        "join.how -> left",
    ],
)
def test_an_assignment_in_words_is_read(words):
    truth = truth_of("class_dropping_join")
    patch = read_fix(Diagnosis(proposed_fix=words), truth).patch
    assert patch == (PatchEntry(file="data_sources.yaml", field="join.how", value="left"),)
