"""Worlds and declarations: a healthy case agrees in everything, a fault breaks exactly what was planted, text is the same."""

from __future__ import annotations

import pytest

from domain.training.multi_source.agreements import AGREEMENTS, broken
from domain.training.multi_source.artifacts import (
    render_changes,
    render_code,
    render_config,
    render_sources,
    render_train,
)
from domain.training.multi_source.case import FREE, MIN_TRAINING, Case, State, draw_case, healthy_twin
from domain.training.multi_source.pools import PAIRS, QUIET_FAULTS
from domain.training.style import SEED_SPLITS
from tests.profiles import seeds

FAULTS = [agreement.fault_id for agreement in AGREEMENTS]


def _broken(state: State) -> frozenset[str]:
    return broken(state.layout, state.world, state.declared)


def _texts(case: Case) -> list[str]:
    return [
        *(render(case.now) for render in (render_config, render_code, render_sources, render_train)),
        render_changes(case),
    ]


@pytest.mark.parametrize("split", SEED_SPLITS)
@pytest.mark.parametrize("seed", seeds(range(60), quick=5))
def test_a_healthy_case_agrees_now_and_before(seed, split):
    case = draw_case(seed, split, ())
    assert not _broken(case.now)
    assert not _broken(case.before)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("seed", seeds(range(40), quick=3))
def test_a_fault_breaks_exactly_what_was_planted(fault, seed):
    case = draw_case(seed, "train", (fault,))
    assert _broken(case.now) == {one.path for one in case.planted}
    assert not _broken(case.before)
    assert not _broken(case.twin)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("seed", seeds(range(40), quick=3))
def test_the_repair_makes_everything_agree(fault, seed):
    case = draw_case(seed, "train", (fault,))
    (planted,) = case.planted
    repaired = case.now.declaring({planted.path: planted.repair})
    assert not _broken(repaired)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("seed", seeds(range(20), quick=2))
def test_the_healthy_twin_reads_the_same_in_every_static_text(fault, seed):
    case = draw_case(seed, "validation", (fault,))
    twin = healthy_twin(case)
    assert _texts(case) == _texts(twin)
    assert case.now.world != twin.now.world


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_comes_by_the_declaration_and_by_the_world(fault):
    origins = {draw_case(seed, "train", (fault,)).planted[0].origin for seed in range(24)}
    assert origins == {"declaration", "world"}


def test_a_guilty_change_stands_in_half_of_the_diffs():
    origins = [draw_case(seed, "train", (fault,)).planted[0].origin for fault in FAULTS for seed in range(8)]
    assert 0.43 <= origins.count("declaration") / len(origins) <= 0.57


@pytest.mark.parametrize("seed", range(12))
def test_a_healthy_case_is_settled_and_changed_as_one_with_faults_that_expert_plants(seed):
    healthy = draw_case(seed, "train", ())
    named = [(one,) for one in QUIET_FAULTS] + [tuple(sorted(pair)) for pair in PAIRS]
    broken = (draw_case(seed, "train", faults) for faults in named)
    assert any(one.changed == healthy.changed and one.now.declared == healthy.now.declared for one in broken)
    assert not healthy.planted and not _broken(healthy.now)


@pytest.mark.parametrize("seed", seeds(range(40), quick=5))
def test_what_changed_since_the_last_good_run_is_what_differs_from_it(seed):
    case = draw_case(seed, "train", ("exchanged_label_codes",))
    differing = {path for path, value in case.now.declared.items() if case.before.declared[path] != value}
    assert set(case.changed) == differing - {"training.seed"}
    assert 3 <= len(case.changed) <= 7


@pytest.mark.parametrize("seed", seeds(range(40), quick=5))
def test_two_faults_of_a_case_are_of_two_kinds(seed):
    pair = (FAULTS[seed % len(FAULTS)], FAULTS[(seed + 7) % len(FAULTS)])
    case = draw_case(seed, "train", pair)
    assert _broken(case.now) == {one.path for one in case.planted}
    assert len({one.path for one in case.planted}) == 2


def test_a_state_survives_its_json():
    state = draw_case(3, "test", ("stale_snapshot",)).now
    assert State.from_json(state.to_json()) == state


@pytest.mark.parametrize("seed", seeds(range(200), quick=30))
def test_gradient_steps_suffice_now_and_before(seed):
    case = draw_case(seed, "train", ())
    for state in (case.now, case.before):
        names = ("optimizer.learning_rate", "training.epochs", "training.batch_size", "optimizer.momentum")
        rate, epochs, batch, momentum = (state.declared[name] for name in names)
        assert rate * epochs / (batch * (1 - momentum)) >= MIN_TRAINING


@pytest.mark.parametrize("seed", range(20))
def test_a_test_of_one_source_is_of_a_large_one(seed):
    case = draw_case(seed, "train", ("test_from_one_source",))
    for state in (case.now, case.before, case.twin):
        assert state.declared["evaluation.sources"] in ("all", *state.layout.large_sources)


def test_where_one_source_is_wrongly_tested_mostly_another_one_is_served_and_sometimes_all():
    served = []
    for seed in range(40):
        case = draw_case(seed, "train", ("test_from_one_source",))
        (tested, world) = case.now.declared["evaluation.sources"], case.now.world["evaluation.sources"]
        assert tested != world and case.twin.world["evaluation.sources"] == tested
        served.append(world)
    assert 5 <= served.count("all") <= 22


def test_free_declarations_never_break_an_agreement():
    case = draw_case(11, "train", ())
    for name, values in FREE:
        for value in values:
            assert not _broken(case.now.declaring({name: value}))


def _emptied(state: State) -> list[str]:
    """Declarations by which columns have empty cells; what is joined is left to `join.how`."""
    ends = [
        path for path, value in state.declared.items() if ".columns." in path and path.endswith(".used_until") and value
    ]
    last, is_left = state.layout.months[-1], state.declared["join.how"] == "left"
    return ends + [
        path for path, value in state.declared.items() if path.endswith(".snapshot") and is_left and value != last
    ]


def _has_late_rows(state: State) -> bool:
    months, is_inner = state.layout.months, state.declared["join.how"] == "inner"
    ends = ((name, state.declared[f"sources.{name}.used_until"]) for name in state.layout.source_names)
    late = [name for name, until in ends if until is None]
    return any(not is_inner or state.declared[f"sources.{name}.snapshot"] == months[-1] for name in late)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("seed", seeds(range(700, 760), quick=8))
def test_the_last_good_run_fills_nothing_with_a_constant_and_has_late_rows_where_it_is_split_by_month(fault, seed):
    before = draw_case(seed, "train", (fault,)).before
    assert before.declared["imputer.fill"] != -999 or not _emptied(before)
    assert before.declared["split.by"] != "month" or _has_late_rows(before)
