"""Runs with a fault and their look-alikes, told apart by the evidence."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from bench.validity.__main__ import cli
from bench.validity.heuristic_play import play
from bench.validity.told_apart import (
    Told,
    look_alike,
    mean_of,
    names_the_kind,
    planted_run,
    render_told_apart,
    tell_all_apart,
    tell_apart,
    total_of,
)
from domain.diagnosis import Diagnosis
from domain.families.multi_source import FAULTS, QUIET_FAULTS
from domain.generator import generate
from domain.ranking.estimates import rate
from domain.types import TaskId

TASKS: tuple[TaskId, ...] = ("hard", "expert")
SEED = 93_900_000


@pytest.mark.parametrize("task_id", TASKS)
def test_runs_are_those_that_the_generator_makes(task_id: TaskId) -> None:
    fault_id = "frozen_column"
    assert planted_run(fault_id, SEED, "test", task_id) == generate(task_id, SEED, fault=fault_id, split="test")
    assert look_alike(fault_id, SEED, "test", task_id) == generate(
        task_id, SEED, fault=f"none:{fault_id}", split="test"
    )


def test_a_fault_that_expert_does_not_draw_is_planted_there_alone() -> None:
    fault_id = next(one for one in FAULTS if one not in QUIET_FAULTS)
    scenario = planted_run(fault_id, SEED, "validation")
    assert scenario.task_id == "expert"
    assert [one.fault_id for one in scenario.truth.planted] == [fault_id]
    assert look_alike(fault_id, SEED, "validation").truth.planted == ()


def test_a_look_alike_is_taken_for_the_fault_at_whichever_source_it_is_named() -> None:
    fault_id = "tokenizer_version_drift"
    broken, healthy = (make(fault_id, SEED, "validation") for make in (planted_run, look_alike))
    (truth,) = broken.truth.planted
    named = Diagnosis(
        failure_category=truth.failure_category,
        root_cause_file=truth.root_cause_file,
        root_cause_field=truth.root_cause_field,
    )
    declared = healthy.truth.pipeline["declared"]
    places = [path for path in declared if path.endswith(".tokenizer")]
    assert len(places) > 1
    for path in places:
        assert names_the_kind([named.model_copy(update={"root_cause_field": path})], fault_id, healthy, "validation")
    others = ({"root_cause_field": "split.by"}, {"root_cause_file": "train.log"}, {"failure_category": "data_leakage"})
    assert not any(
        names_the_kind([named.model_copy(update=other)], fault_id, healthy, "validation") for other in others
    )
    assert not names_the_kind([], fault_id, healthy, "validation")


def test_what_the_heuristic_names_in_planted_runs_would_be_recognised_in_look_alikes() -> None:
    fault_id = "stale_snapshot"
    runs = [planted_run(fault_id, seed, "validation") for seed in range(SEED, SEED + 4)]
    played = [play(run) for run in runs]
    found = [fault_id in one.found for one in played]
    assert sum(found) >= 3
    assert found == [
        names_the_kind(one.entries, fault_id, run, "validation") for run, one in zip(runs, played, strict=True)
    ]


def test_every_run_is_played_to_its_end() -> None:
    found = tell_apart("source_unit_changed", runs=3, split="validation", task_id="expert", first_seed=SEED)
    assert (found.planted, found.look_alikes) == (3, 3)
    assert found.named >= 2 and found.not_named >= 2
    assert found.empty <= found.not_named


def test_faults_that_are_told_apart_worst_come_first() -> None:
    found = tell_all_apart(["shuffle_off_sorted", "source_unit_changed"], runs=8, split="validation", first_seed=SEED)
    assert sorted(one.fault_id for one in found) == ["shuffle_off_sorted", "source_unit_changed"]
    assert found[0].accuracy.share <= found[1].accuracy.share


def test_an_interval_has_a_width_where_every_run_is_recognised_and_holds_the_mean() -> None:
    whole = mean_of(rate(20, 20), rate(20, 20))
    assert whole.share == whole.high == 1.0 and 0.85 < whole.low < 0.95
    half = mean_of(rate(30, 40), rate(40, 40))
    assert half.share == 0.875 and half.low < 0.875 < half.high
    assert mean_of(rate(300, 400), rate(400, 400)).low > half.low, "more runs, a narrower interval"
    with pytest.raises(ValueError, match="8 runs"):
        mean_of(rate(3, 3), rate(20, 20))


def test_all_runs_together_head_the_table() -> None:
    found = [Told("a", 10, 8, 10, 9, 7), Told("b", 10, 10, 10, 10, 10)]
    assert total_of(found) == ("all", 20, 18, 20, 19, 17)
    head, first = render_told_apart(found).splitlines()[2:4]
    assert head.startswith("| all | 18/20 | 19/20 | 17/20 | 0.925 (")
    assert first.startswith("| `a` | 8/10 | 9/10 | 7/10 | 0.850 (")


@pytest.mark.parametrize(("named", "exit_code"), [(16, 0), (15, 1)])
def test_a_fault_that_is_told_apart_in_fewer_than_nine_of_ten_runs_ends_in_exit_1(
    named: int, exit_code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [Told("frozen_column", 20, named, 20, 20, 20), Told("stale_snapshot", 20, 20, 20, 20, 20)]
    monkeypatch.setattr("bench.validity.__main__.tell_all_apart", lambda *arguments, **options: found)
    shown = CliRunner().invoke(cli, ["told-apart"])
    assert (shown.exit_code, shown.stdout.strip()) == (exit_code, render_told_apart(found))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--task", "easy"], "only hard and expert"),
        (["--fault", "dropout_too_high"], "no fault of hard and expert"),
        (["--runs", "3"], "equal to 8"),
    ],
)
def test_what_has_no_look_alikes_is_refused(arguments: list[str], said: str) -> None:
    refused = CliRunner().invoke(cli, ["told-apart", *arguments])
    assert (refused.exit_code, said in refused.stderr) == (2, True)
