"""What the task of none, one or two faults plants: how many, which go together, and that each is a fault of its own."""

from __future__ import annotations

from collections import Counter
from statistics import fmean

import pytest

from domain.families.multi_source import COUNTS, FAULTS, QUIET_FAULTS, UnknownSourceFaultError, draw_faults, draw_truth
from domain.generator import can_plant, generate, scenario_seed
from domain.scenario import Composition
from domain.training.multi_source.agreements import BY_FAULT, broken
from domain.training.multi_source.case import FAMILY, State
from domain.training.multi_source.loudness import QUIET, SOURCE_LOUDNESS
from domain.types import TaskId
from tests.domain.compositions import composed
from tests.profiles import seeds

SEEDS = seeds(range(300), quick=60)


def _truth(seed: int) -> Composition:
    truth = draw_truth("expert", scenario_seed("expert", seed), fault=None, split="train")
    assert isinstance(truth, Composition)
    return truth


def _broken(state: State) -> set[str]:
    return set(broken(state.layout, state.world, state.declared))


def test_a_run_has_none_one_or_two_faults_as_often_as_stated() -> None:
    drawn = Counter(len(draw_faults("expert", seed, None)) for seed in range(4000))
    for count in (0, 1, 2):
        share = COUNTS.count(count) / len(COUNTS)
        print(f"{count} faults: {drawn[count] / 4000:.3f} of 4000 draws, {share} stated")
        assert drawn[count] / 4000 == pytest.approx(share, abs=0.03)


def test_a_task_of_one_fault_plants_one() -> None:
    assert {len(draw_faults("hard", seed, None)) for seed in range(200)} == {1}


def test_every_fault_is_drawn_alone_and_beside_others() -> None:
    drawn = [draw_faults("expert", seed, None) for seed in range(4000)]
    assert {names[0] for names in drawn if len(names) == 1} == set(QUIET_FAULTS)
    assert {name for names in drawn if len(names) == 2 for name in names} == set(QUIET_FAULTS)
    assert all(names == tuple(sorted(set(names))) for names in drawn)


def test_the_task_of_several_faults_plants_what_log_and_results_show_in_few_runs() -> None:
    assert set(SOURCE_LOUDNESS) == set(FAULTS)
    assert {fault for fault, row in SOURCE_LOUDNESS.items() if row.shown <= QUIET} == set(QUIET_FAULTS)
    assert len(QUIET_FAULTS) >= 12
    assert {name for seed in range(2000) for name in draw_faults("hard", seed, None)} == set(FAULTS)


def test_the_task_of_one_fault_plants_a_quiet_one_three_times_as_often_as_a_loud_one() -> None:
    drawn = Counter(name for seed in range(6000) for name in draw_faults("hard", seed, None))
    quiet = [drawn[fault] for fault in QUIET_FAULTS]
    loud = [drawn[fault] for fault in FAULTS if fault not in QUIET_FAULTS]
    assert fmean(quiet) / fmean(loud) == pytest.approx(3.0, rel=0.15)
    assert max(loud) < min(quiet)


def test_one_of_two_faults_is_of_a_source_or_a_column() -> None:
    drawn = [draw_faults("expert", seed, None) for seed in range(2000)]
    pairs = [names for names in drawn if len(names) == 2]
    assert pairs and all("{" in BY_FAULT[one].pattern or "{" in BY_FAULT[other].pattern for one, other in pairs)


@pytest.mark.parametrize("seed", SEEDS)
def test_repairing_one_fault_leaves_the_other_and_repairing_both_leaves_none(seed: int) -> None:
    truth = _truth(seed)
    state = State.from_json(truth.pipeline)
    paths = {str(fault.root_cause_field) for fault in truth.faults}
    assert _broken(state) == paths and len(paths) == len(truth.faults)
    for fault in truth.faults:
        repair = {entry.field: entry.value for entry in fault.patch}
        assert fault.pipeline == truth.pipeline
        assert fault.twin == {"family": FAMILY, "declared": repair}
        assert _broken(state.declaring(repair)) == paths - {str(fault.root_cause_field)}
    assert not _broken(state.declaring(truth.twin["declared"]))


@pytest.mark.parametrize("seed", seeds(range(12), quick=6))
def test_naming_the_faults_that_a_seed_draws_gives_the_same_bytes(seed: int) -> None:
    drawn = composed(seed)
    (*names,) = reversed(drawn.truth.fault_id.split("+"))
    assert drawn.truth.fault_id == "none" or composed(seed, "+".join(names)).body == drawn.body
    assert composed(seed, "none").truth.planted == ()


@pytest.mark.parametrize(
    ("task_id", "name"),
    [
        ("expert", "gremlins"),
        ("expert", "frozen_column+exploding_lr"),
        ("expert", "frozen_column+frozen_column"),
        ("expert", "source_unit_changed+frozen_column+stale_snapshot"),
        ("expert", "label_encoder_mismatch"),
        ("expert", "day_month_exchanged+frozen_column"),
        ("expert", "group_leakage+sentinel_impute"),
        ("expert", ""),
        ("hard", "frozen_column+stale_snapshot"),
    ],
)
def test_what_a_task_cannot_plant_is_refused(task_id: TaskId, name: str) -> None:
    assert not can_plant(task_id, name)
    with pytest.raises(UnknownSourceFaultError):
        generate(task_id, 1, fault=name)
