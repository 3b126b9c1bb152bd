"""What a fix in words is read as. The corpus measures how well; this says what has to hold."""

from __future__ import annotations

import time

import pytest

from bench.validity.words import truth_of
from domain.diagnosis import Diagnosis, PatchEntry
from domain.families.multi_source import FAULTS
from domain.fields.registry import find
from domain.grading.declarations import state_of
from domain.grading.free_text.clauses import split
from domain.grading.free_text.fixes import read_words
from domain.grading.reading import Reading, read_fix, words_contradict
from domain.grading.written_run import Declaration, run_of
from domain.rubric import RUBRIC, rubric_of
from domain.scenario import Truth
from tests.domain.scenarios import FAULT_IDS


def read(text: str, fault: str, *, field: bool = True, family: str = "single_table") -> Reading:
    truth = truth_of(family, fault, 0)
    return read_fix(Diagnosis(root_cause_field=truth.root_cause_field if field else None, proposed_fix=text), truth)


def proposes_the_repair(reading: Reading, truth: Truth) -> bool:
    safe = {entry.field: entry.value for entry in truth.patch}
    return len(reading.patch) == 1 and reading.patch[0].field in safe


ACCEPTED = (
    ("scaler_refit_eval", "Call scaler.transform(x) with the scaler fitted on train instead of StandardScaler().fit_transform(x)"),
    ("data_leakage_scaler", "Call fit_transform on X_train and transform on X_val and X_test"),
    ("weight_decay_too_large", "Weaken the L2 regularisation by roughly a factor of 500"),
    ("missing_output_unit", "Give the output layer one unit per class"),
    ("missing_output_unit", "Add one more output neuron"),
    ("eval_on_train", "held_out = test"),
    ("eval_dropout_on", "set_mode = model.eval"),
)  # fmt: skip
REFUSED = (
    ("double_softmax", "Keep the softmax, logits are not what the loss expects"),
    ("eval_dropout_on", "Don't call model.eval()"),
    ("data_leakage_scaler", "Fit the scaler on all of the records, training rows alone are too few"),
    ("exploding_lr", "It begins at 269 times chance"),
    ("exploding_lr", "The loss is 4,800x what it should be"),
)


@pytest.mark.parametrize(("fault", "text"), ACCEPTED)
def test_what_an_engineer_means_is_read(fault: str, text: str) -> None:
    truth = truth_of("single_table", fault, 0)
    reading = read(text, fault)
    assert [entry.field for entry in reading.patch] == [truth.patch[0].field]
    if find(truth.patch[0].file, truth.patch[0].field).type not in ("number",):
        assert reading.patch == truth.patch


@pytest.mark.parametrize(("fault", "text"), REFUSED)
def test_what_an_engineer_does_not_mean_is_not_read(fault: str, text: str) -> None:
    truth = truth_of("single_table", fault, 0)
    assert truth.patch[0] not in read(text, fault).patch
    assert read(text, fault).direction_hints == ()


NEGATED = (
    ("exploding_lr", "It is not the learning rate that has to change; 0.2 would make training crawl."),
    ("group_leakage", "Splitting by customer isn't what we want, rows are independent."),
    ("data_leakage_overlap", "Using the same seed for both splits isn't needed, random rows are random rows."),
    ("eval_wrong_checkpoint", "Evaluating the best checkpoint would be cheating; keep the first."),
    ("weight_decay_too_large", "Don't touch weight_decay; lowering it to 1e-5 invites overfitting."),
    ("shuffle_off_sorted", "Should we shuffle the rows? No, leave it as it is."),
    ("no_scaling", "You could standardise the inputs, but that would hide the problem."),
)  # fmt: skip


@pytest.mark.parametrize("field", [True, False])
@pytest.mark.parametrize(("fault", "text"), NEGATED)
def test_what_is_called_harmful_or_unneeded_is_not_read(fault: str, text: str, field: bool) -> None:
    assert read(text, fault, field=field) == Reading(())


@pytest.mark.parametrize("family", ["single_table", "multi_source"])
@pytest.mark.parametrize("separator", ["; ", ", ", ". ", "\n- ", ", and "])
def test_a_list_of_the_repairs_of_several_faults_reads_as_nothing(family: str, separator: str) -> None:
    faults = FAULTS[::4] if family == "multi_source" else ("exploding_lr", "wrong_optimizer", "bottleneck", "zero_init")
    repairs = [truth_of(family, fault, 0).patch[0] for fault in faults]
    text = separator.join(f"set {one.field} to {one.value}" for one in repairs)
    for fault in faults:
        for field in (True, False):
            assert read(text, fault, field=field, family=family) == Reading(())


def test_four_values_of_one_field_are_a_list() -> None:
    text = "Set missing_code to -1, -9, -99 or -999, one of them will fit."
    assert read(text, "undeclared_missing_code", family="multi_source").patch == ()


def test_a_month_may_be_written_out_and_be_the_last_that_is_used() -> None:
    truth = truth_of("multi_source", "random_labels_from_source", 0)
    (entry,) = truth.patch
    year, month = str(entry.value).split("-")
    name = "January February March April May June July August September October November December".split()[
        int(month) - 1
    ]
    text = f"Do not use {entry.field.split('.')[1]} after {name} {year}."
    assert read(text, "random_labels_from_source", family="multi_source").patch == truth.patch


def test_a_number_that_is_evidence_is_no_proposal() -> None:
    text = "Go from 1 to 32 hidden units: one unit squeezes 5 classes through one number"
    assert [entry.value for entry in read(text, "bottleneck").patch] == [32]


def test_fields_that_are_ruled_out_do_not_take_the_subject() -> None:
    text = "Momentum and batch size are fine. The learning rate has to come down to 0.2."
    assert [(entry.field, entry.value) for entry in read(text, "exploding_lr", field=False).patch] == [
        ("optimizer.learning_rate", 0.2)
    ]


def test_a_list_of_ten_changes_reads_as_nothing() -> None:
    text = (
        "Set lr to 0.2; set momentum to 0.9; set batch_size to 64; set dropout to 0.1; set weight decay to 1e-4; set test_size to 0.2; "
        "set patience to 10; set init to he; set hidden_units to 16; shuffle the training rows."
    )
    for fault in ("exploding_lr", "wrong_optimizer", "bottleneck", "zero_init"):
        for field in (True, False):
            assert read(text, fault, field=field) == Reading(())


@pytest.mark.parametrize("frame", ["Do not {}", "Never {}", "It would be wrong to {}", "There is no need to {}"])
@pytest.mark.parametrize("fault", FAULT_IDS)
def test_the_negated_repair_earns_nothing(fault: str, frame: str) -> None:
    truth = truth_of("single_table", fault, 1)
    fix = str(truth.proposed_fix)
    text = frame.format(fix[0].lower() + fix[1:])
    reading = read_fix(Diagnosis(root_cause_field=truth.root_cause_field, proposed_fix=text), truth)
    assert truth.patch[0] not in reading.patch


@pytest.mark.parametrize("fault", FAULTS)
def test_an_assignment_of_a_declaration_is_read(fault: str) -> None:
    truth = truth_of("multi_source", fault, 2)
    (entry,) = truth.patch
    shown = "null" if entry.value is None else entry.value
    text = f"Set {entry.field} to {shown}."
    assert read_fix(Diagnosis(root_cause_field=entry.field, proposed_fix=text), truth).patch == truth.patch


@pytest.mark.parametrize(
    "reason", ["version {} keeps only four words", "with {} the words are lost", "{} was a mistake of ours"]
)
def test_what_stands_behind_a_colon_is_a_reason(reason: str) -> None:
    truth = truth_of("multi_source", "vocabulary_default_changed", 2)
    (entry,) = truth.patch
    present = run_of(truth).declarations[Declaration(entry.file, entry.field)]  # type: ignore[arg-type]
    text = f"Set {entry.field} to {entry.value}: {reason.format(present)}."
    assert read_fix(Diagnosis(root_cause_field=entry.field, proposed_fix=text), truth).patch == truth.patch


def test_a_source_that_is_left_as_it_is_does_not_take_the_value_of_another() -> None:
    truth = truth_of("multi_source", "undeclared_missing_code", 0)
    (entry,) = truth.patch
    _, source, _, column, _ = entry.field.split(".")
    other = next(name for name in sorted(state_of(truth).layout.source_names) if name != source)
    for text in (
        f"Write {entry.value} as the missing code of {column} at {other}; {source} is fine the way it is.",
        f"missing_code {entry.value} for {column} of {other}, {source} stays as declared",
    ):
        assert entry not in read_fix(Diagnosis(root_cause_field=entry.field, proposed_fix=text), truth).patch, text


@pytest.mark.parametrize("text", ["->; x", "-> , no", "- \n+ ", "?", "; ; ;", "not; not", "\x01\x02"])
def test_marks_without_words_are_read_as_nothing(text: str) -> None:
    assert read(text, "exploding_lr") == Reading(())


def test_another_source_is_not_the_one_that_is_named_as_the_cause() -> None:
    truth = truth_of("multi_source", "exchanged_label_codes", 0)
    (entry,) = truth.patch
    names = {one.field.split(".")[1] for one in run_of(truth).declarations if one.field.startswith("sources.")}
    other = sorted(names - {entry.field.split(".")[1]})[0]
    text = f"Set the label map of {other} to {entry.value}."
    assert entry not in read_fix(Diagnosis(root_cause_field=entry.field, proposed_fix=text), truth).patch


def test_the_diagnosis_is_read_where_no_fix_is_proposed() -> None:
    truth = truth_of("single_table", "exploding_lr", 0)
    said = Diagnosis(diagnosis="The loss explodes. Set the learning rate to 0.2.")
    assert [entry.value for entry in read_fix(said, truth).patch] == [0.2]
    assert read_fix(said, truth, rubric_of("1")).patch == ()


def test_episodes_of_rubric_1_are_read_by_the_reader_of_then() -> None:
    truth = truth_of("single_table", "missing_output_unit", 0)
    said = Diagnosis(root_cause_field="model.num_classes", proposed_fix="Give the output layer one unit per class")
    assert read_fix(said, truth, rubric_of("1")).patch == ()
    assert read_fix(said, truth, RUBRIC).patch == truth.patch


def test_words_that_propose_another_change_than_the_patch_contradict_it() -> None:
    truth = truth_of("single_table", "exploding_lr", 0)
    for field, value, contradicted in (
        ("optimizer.learning_rate", 0.25, False),
        ("optimizer.learning_rate", 2000.0, True),
        ("optimizer.momentum", 0.5, True),
    ):
        said = Diagnosis(
            proposed_fix="Set the learning rate to 0.2.",
            patch=(PatchEntry(file="config.yaml", field=field, value=value),),
        )
        assert words_contradict(said, read_fix(said, truth), truth) == contradicted, (field, value)


@pytest.mark.parametrize(
    "unit", ["not ", "a, ", "Set lr to 0.1. ", "(((((", "- x\n+ y\n", "replace ", "from 1 to ", "val, test "]
)
def test_a_text_of_any_length_is_read_in_bounded_steps(unit: str) -> None:
    segments = split(unit * 20_000)
    assert len(segments) <= 64
    assert sum(len(one.text) for one in segments) <= 2 * 1700
    started = time.process_time()
    truth = truth_of("single_table", "exploding_lr", 0)
    read_words(Diagnosis(proposed_fix=(unit * 600)[:600]), truth)
    assert time.process_time() - started < 2.0
