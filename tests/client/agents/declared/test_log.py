"""What the agent reads of train.log, and how the run compares with the last good one."""

from __future__ import annotations

import math
from typing import Any

import pytest

from mlops_debug_env.agents.declared.baseline import (
    accuracy_change,
    class_growth,
    first_epoch,
    gap_change,
    growth_over_others,
    last_epoch,
    least_growth,
)
from mlops_debug_env.agents.declared.checks import PREVIOUS, RESULTS, STATISTICS, Checks
from mlops_debug_env.agents.declared.log import LOG, parse_log
from mlops_debug_env.agents.declared.reading import Declared, read_declarations
from mlops_debug_env.agents.declared.rows import validation_ids

TEXT = """2024-05-09 10:10:18.607 INFO tabular 2.2 textkit 1.9 numpy backend
2024-05-09 10:10:19.100 WARNING source mill: connection was reset, attempt 2 of 5
2024-05-09 10:10:19.541 INFO source mill: read=700 outside_window=70 dropped=90 used=540
2024-05-09 10:10:24.605 INFO epoch 1 1/3 loss=0.9846 rows/s=4531
2024-05-09 10:10:24.959 INFO epoch 1 train_loss=0.7855 train_acc=0.6228 grad_norm=0.3464 lr=0.12
2024-05-09 10:10:25.324 INFO epoch 2 train_loss=0.4856 train_acc=0.8268 grad_norm=0.2739 lr=1e-3
"""
SOURCES = ("mill", "quay", "weir")
DECLARED = Declared(sources=SOURCES)


def test_versions_and_the_numbers_of_whole_epochs_are_read_from_the_log() -> None:
    found = parse_log(TEXT)
    assert found["versions"] == {"tabular": "2.2", "textkit": "1.9"}
    assert [epoch["train_loss"] for epoch in found["epochs"]] == [0.7855, 0.4856]
    assert found["epochs"][1]["lr"] == 0.001
    assert found["sources"] == {"mill": {"read": 700, "outside_window": 70, "dropped": 90, "used": 540}}


@pytest.mark.parametrize("text", ["", "no log", "epoch x train_loss=1", "epoch 1 train_loss=", "\x00" * 50])
def test_a_log_that_says_nothing_is_empty(text: str) -> None:
    assert parse_log(text) == {"versions": {}, "sources": {}, "epochs": []}


def test_the_log_declares_versions_where_the_config_was_not_read() -> None:
    assert read_declarations({LOG: TEXT}).facts["environment.textkit"] == "1.9"


def _checks(*, now: dict[str, int], before: dict[str, int], **more: Any) -> Checks:
    """Rows of each source, all of them for training and half of them of each class."""
    halves = {name: {"rows": rows, "classes": {"a": rows / 2, "b": rows / 2}} for name, rows in before.items()}
    total = sum(now.values()) / 2
    empty = {"sources": dict.fromkeys(now, 0), "classes": {"a": 0, "b": 0}}
    splits = {"train": {"sources": now, "classes": {"a": total, "b": total}}, "validation": empty, "test": empty}
    return Checks({STATISTICS: {"classes": ["a", "b"], "splits": splits}, PREVIOUS: {"sources": halves}, **more})


def test_rows_grow_over_those_of_the_other_sources() -> None:
    checks = _checks(now={"mill": 720, "quay": 600, "weir": 600}, before=dict.fromkeys(SOURCES, 600))
    assert growth_over_others(DECLARED, checks, "mill") == pytest.approx(math.log(1.2), abs=0.01)
    assert growth_over_others(DECLARED, checks, "quay") == pytest.approx(-0.5 * math.log(1.2), abs=0.01)
    assert least_growth(DECLARED, checks) == pytest.approx(0.0)


def test_a_class_grows_over_the_rows_of_all() -> None:
    checks = _checks(now=dict.fromkeys(SOURCES, 900), before=dict.fromkeys(SOURCES, 600))
    assert class_growth(checks) == pytest.approx([0.0, 0.0], abs=0.01)


def test_an_accuracy_that_fell_at_one_source_is_told_from_one_that_fell_at_all() -> None:
    def report(*accuracy: float) -> dict[str, Any]:
        found = dict(zip(SOURCES, accuracy, strict=True))
        return {"accuracy_by_source": {name: {"validation": one, "test": one} for name, one in found.items()}}

    checks = Checks({PREVIOUS: report(0.9, 0.9, 0.9), RESULTS: report(0.4, 0.7, 0.7)})
    assert accuracy_change(DECLARED, checks, "mill") == pytest.approx(-0.3)
    assert accuracy_change(DECLARED, checks, "quay") == pytest.approx(0.0)


def test_the_gap_to_the_last_month_is_compared_with_that_of_the_last_good_run() -> None:
    def report(validation: float, recent: float) -> dict[str, Any]:
        return {"metrics": {"validation_accuracy": validation, "recent_accuracy": recent}}

    assert gap_change(Checks({PREVIOUS: report(0.8, 0.8), RESULTS: report(0.9, 0.75)})) == pytest.approx(0.15)


def test_what_was_not_read_is_not_a_number() -> None:
    checks = Checks({})
    assert class_growth(checks) == []
    unknown = [growth_over_others(DECLARED, checks, "mill"), least_growth(DECLARED, checks), gap_change(checks)]
    unknown += [accuracy_change(DECLARED, checks, "mill"), last_epoch(checks, "train_loss")]
    unknown += [first_epoch(checks, "grad_norm")]
    assert all(map(math.isnan, unknown))


def test_rows_of_sources_and_classes_are_known_without_the_statistics() -> None:
    log = {
        "sources": {name: {"read": 900.0, "used": used} for name, used in zip(SOURCES, (720, 600, 600), strict=True)}
    }
    scored = {"a": [300, 100], "b": [0, 400]}
    results = {"confusion": {"validation": scored, "test": scored}}
    classes = {"a": 100, "b": 300}
    previous = {"sources": {name: {"rows": 600, "classes": classes} for name in SOURCES}}
    checks = Checks({LOG: log, RESULTS: results, PREVIOUS: previous})
    assert checks.rows_of("mill", "read") == 900.0
    assert checks.classes == ("a", "b")
    assert growth_over_others(DECLARED, checks, "mill") == pytest.approx(math.log(1.2), abs=0.01)
    assert class_growth(checks) == pytest.approx([math.log(2.0), math.log(2.0 / 3.0)], abs=0.01)


def test_rows_that_a_change_removes_say_nothing_of_a_join() -> None:
    log = {"sources": {name: {"used": used} for name, used in zip(SOURCES, (300, 720, 720), strict=True)}}
    checks = Checks({LOG: log, PREVIOUS: {"sources": {name: {"rows": 600} for name in SOURCES}}})
    thinned = Declared(sources=SOURCES, changed={"sources.mill.majority_kept": 1.0})
    assert least_growth(thinned, checks) == pytest.approx(math.log(1.2), abs=0.01)
    assert least_growth(DECLARED, checks) == pytest.approx(math.log(0.5), abs=0.01)


@pytest.mark.parametrize(("line", "touched"), [("divide_by='rows'", True), ("step=3", False)])
def test_a_change_of_a_file_that_was_not_read_is_known_by_its_name(line: str, touched: bool) -> None:
    diff = f"--- a/train.py\n+++ b/train.py\n@@ -1,2 +1,2 @@\n shuffle=True\n-{line}\n+other=1\n"
    assert read_declarations({"changes.diff": diff}).touched == ({"loss.divide_by"} if touched else set())
    assert read_declarations({"changes.diff": diff, "train.py": "shuffle=True\nother=1\n"}).touched == set()


@pytest.mark.parametrize(("scored", "is_other"), [(0.81, False), (0.77, True)])
def test_a_validation_that_the_log_knows_otherwise_is_of_other_rows(scored: float, is_other: bool) -> None:
    declared = Declared(facts={"evaluation.validation_ids": "a"})
    log = {"epochs": [{"val_acc": 0.81}, {"val_acc": 0.79}]}
    results = {"checkpoint_epoch": 1, "metrics": {"validation_accuracy": scored}}
    (found,) = validation_ids(declared, Checks({LOG: log, RESULTS: results}))
    assert (found.value, found.strength > 1.0) == ("b", is_other)
    assert not list(validation_ids(declared, Checks({RESULTS: results})))
