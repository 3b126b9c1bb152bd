"""Edits of a run's files are read as the patch that they are."""

from __future__ import annotations

import ast
import re

import pytest

from domain.diagnosis import TextEdit
from domain.generator import generate
from domain.grading.edits.reading import EditReading, read_edits
from domain.grading.written_run import Declaration, run_of
from domain.scenario import Truth
from tests.domain.grading.edits.minimal import edits_between, repair, unified_diff
from tests.domain.grading.truths import ALL_FAULTS, truth_of
from tests.domain.scenarios import planted
from tests.profiles import seeds, smoke

SOME_FAULTS = smoke(ALL_FAULTS, lambda fault: sorted(ALL_FAULTS).index(fault) % 3 == 0)
SEEDS = seeds(range(20))


def read(truth: Truth, file: str, find: str, replace: str) -> EditReading:
    return read_edits((TextEdit(file=file, find=find, replace=replace),), run_of(truth))


@pytest.mark.parametrize("fault", SOME_FAULTS)
def test_the_minimal_edit_is_read_as_the_true_patch(fault: str) -> None:
    for seed in SEEDS:
        truth = truth_of(fault, seed)
        edits = edits_between(*repair(truth))
        assert len(edits) <= 2
        assert read_edits(edits, run_of(truth)) == EditReading(truth.patch), (seed, edits)


@pytest.mark.parametrize("fault", SOME_FAULTS)
def test_the_minimal_diff_is_read_as_the_true_patch(fault: str) -> None:
    for seed in SEEDS:
        truth = truth_of(fault, seed)
        diff = unified_diff(*repair(truth))
        assert read_edits(diff, run_of(truth)) == EditReading(truth.patch), (seed, diff)


@pytest.mark.parametrize("fault", SOME_FAULTS)
def test_a_comment_is_read_as_nothing(fault: str) -> None:
    for seed in SEEDS:
        truth = truth_of(fault, seed)
        file, old, new = repair(truth)
        commented = old.replace("\n", "\n# looked at\n", 1) if not file.endswith(".py") else old + "# looked at\n"
        assert read_edits(unified_diff(file, old, commented), run_of(truth)) == EditReading(())


@pytest.mark.parametrize("fault", SOME_FAULTS)
def test_other_blanks_and_quotation_marks_are_read_as_nothing(fault: str) -> None:
    for seed in SEEDS:
        truth = truth_of(fault, seed)
        file, old, new = repair(truth)
        assert read_edits(unified_diff(file, old, reformatted(file, old)), run_of(truth)).patch == ()
        assert read_edits(unified_diff(file, old, reformatted(file, new)), run_of(truth)).patch == truth.patch


def reformatted(file: str, text: str) -> str:
    """The file with other blanks and quotation marks, which mean the same."""
    if not file.endswith(".py"):
        return re.sub(r"(?m)^([^#\n]*: )(\w[\w.+-]*)$", r"\1  \2  # the same", text)
    return ast.unparse(ast.parse(text)) + "\n"


@pytest.mark.parametrize("fault", SOME_FAULTS)
def test_a_renamed_variable_is_no_patch(fault: str) -> None:
    for seed in SEEDS:
        truth = truth_of(fault, seed)
        file, run = "preprocessing.py", run_of(truth)
        local = re.search(r"(?m)^ {4,}([a-z]\w*) = ", run.text(file))
        assert local is not None
        renamed = re.sub(rf"\b{local[1]}\b", "something_else", run.text(file))
        found = read_edits(unified_diff(file, run.text(file), renamed), run)
        assert found.patch == () and "no value of a field" in found.problems[0]


def test_a_harmless_edit_beside_the_repair_is_named_and_the_repair_is_read() -> None:
    truth = truth_of("exploding_lr", 0)
    (edit,) = edits_between(*repair(truth))
    other = TextEdit(file="preprocessing.py", find="import numpy as np", replace="import numpy as np\nprint()")
    found = read_edits((edit, other), run_of(truth))
    assert found.patch == truth.patch
    assert found.problems == (
        "preprocessing.py: the edited code is what no value of a field gives (1 changed statement)",
    )


def test_two_fields_of_one_call_are_two_entries() -> None:
    truth = truth_of("group_leakage", 0, "train")
    run = run_of(truth)
    wanted = {
        Declaration("preprocessing.py", "train_test_split.groups"): "customer_id",
        Declaration("preprocessing.py", "train_test_split.test_size"): 0.22,
    }
    diff = unified_diff("preprocessing.py", run.text("preprocessing.py"), run.rendered("preprocessing.py", wanted))
    found = read_edits(diff, run)
    assert {Declaration(one.file, one.field): one.value for one in found.patch} == wanted  # type: ignore[arg-type]


def test_more_than_two_fields_are_not_read() -> None:
    truth = truth_of("exploding_lr", 0, "train")
    run = run_of(truth)
    config = Declaration("config.yaml", "training.epochs"), Declaration("config.yaml", "training.batch_size")
    text = run.rendered(
        "config.yaml", {config[0]: 9, config[1]: 64, Declaration("config.yaml", "model.hidden_units"): 9}
    )
    found = read_edits(unified_diff("config.yaml", run.text("config.yaml"), text), run)
    assert found == EditReading((), ("the edits change 3 fields, 2 at most",))


def test_the_file_may_be_named_with_a_folder_and_another_ending() -> None:
    truth = truth_of("exploding_lr", 0)
    (edit,) = edits_between(*repair(truth))
    for name in ("./config.yaml", "config.yml", "/repo/CONFIG.YAML"):
        assert read_edits((edit.model_copy(update={"file": name}),), run_of(truth)).patch == truth.patch


@pytest.mark.parametrize(
    ("find", "replace", "problem"),
    [
        (
            "not in it",
            "x",
            "config.yaml: the text to be replaced does not occur in the file as it is shown: `not in it`",
        ),
        ("e", "x", "config.yaml: the text to be replaced occurs"),
        ("run_id:", "run_id: [", "config.yaml is no YAML after the edit"),
        ("run_id:", "run_id: &a b\nc: *a\nd:", "config.yaml: anchors and tags are not read"),
        ("run_id:", "run_id: *a\nd:", "config.yaml: anchors and aliases are not read"),
        ("run_id:", "run_id: !!python/name:os.system x\nd:", "config.yaml: anchors and tags are not read"),
        ("run_id:", "run_id: " + "[" * 40 + "]" * 40 + "\nd:", "config.yaml is nested too deeply after the edit"),
        ("run_id:", "run_id: a\nrun_id:", "config.yaml: run_id is given twice"),
        ("run_id:", "run: ", "config.yaml: run_id is no field that can be set"),
    ],
)
def test_what_cannot_be_read_says_why(find: str, replace: str, problem: str) -> None:
    found = read(truth_of("exploding_lr", 0, "train"), "config.yaml", find, replace)
    assert found.patch == ()
    assert found.problems[0].startswith(problem)


def test_a_value_that_the_field_cannot_take_says_so() -> None:
    truth = truth_of("exploding_lr", 0)
    run = run_of(truth)
    line = next(one for one in run.text("config.yaml").splitlines() if "momentum:" in one)
    found = read(truth, "config.yaml", line, line.partition(":")[0] + ": 7,"[: 3 + line.endswith(",")])
    assert found.problems == ("optimizer.momentum takes a number from 0 to 0.9999, not 7.0",)


def test_code_that_does_not_parse_says_in_which_line() -> None:
    truth = truth_of("no_scaling", 0)
    found = read(truth, "preprocessing.py", "import numpy as np", "import numpy as np as np")
    assert re.fullmatch(r"preprocessing\.py does not parse after the edit: line \d+", found.problems[0])


def test_a_file_that_is_measured_cannot_be_edited() -> None:
    found = read(truth_of("exploding_lr", 0), "train.log", "epoch", "x")
    assert found.problems == ("train.log is no file that can be edited; config.yaml, preprocessing.py are",)


def test_edits_that_overlap_are_refused() -> None:
    truth = truth_of("exploding_lr", 0, "train")
    edits = tuple(TextEdit(file="config.yaml", find=find, replace="x") for find in ("run_id:", "n_id: run"))
    assert read_edits(edits, run_of(truth)) == EditReading((), ("config.yaml: two edits overlap",))


@pytest.mark.parametrize(
    ("diff", "problem"),
    [
        ("nothing", "the edits are no unified diff: no hunk with a changed line could be read"),
        ("@@ -1 +1 @@\n-a\n+b\n", "the diff names no file"),
        ("--- a/config.yaml\n+++ b/config.yaml\n@@ -1 +1 @@\n+b\n", "config.yaml: a hunk that only adds lines needs"),
        (
            "--- a/config.yaml\n+++ b/config.yaml\n@@ -1 +1 @@\n-a\n+b\n",
            "config.yaml: the text to be replaced does not",
        ),
    ],
)
def test_a_diff_that_cannot_be_applied_says_why(diff: str, problem: str) -> None:
    found = read_edits(diff, run_of(truth_of("exploding_lr", 0)))
    assert found.patch == ()
    assert found.problems[0].startswith(problem)


def test_a_diff_may_lack_line_numbers_and_stand_in_a_fence() -> None:
    truth = truth_of("exploding_lr", 0)
    diff = unified_diff(*repair(truth))
    bare = re.sub(r"@@ .* @@", "@@", diff)
    assert read_edits(f"```diff\n{bare}```\n", run_of(truth)).patch == truth.patch


def test_edits_are_applied_to_what_the_agent_was_shown() -> None:
    for fault in ("exploding_lr", "no_scaling", "silent_metric_swap"):
        scenario = planted(fault, 3)
        run = run_of(scenario.only_fault)
        assert {file: scenario.evidence.artifacts[file] for file in run.files} == {
            file: run.text(file) for file in run.files
        }
    hard = generate("hard", 3, fault="frozen_column")
    run = run_of(hard.only_fault)
    assert {file: hard.evidence.artifacts[file] for file in run.files} == {file: run.text(file) for file in run.files}
