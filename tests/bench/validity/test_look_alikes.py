"""Static texts of a planted run against those of its twin and of healthy runs."""

from __future__ import annotations

import re

import pytest

from domain.generator import scenario_seed
from domain.training.multi_source.agreements import AGREEMENTS
from domain.training.multi_source.case import draw_case, healthy_twin
from domain.training.multi_source.pools import PAIRS, QUIET_FAULTS
from domain.training.style import SeedSplit

pytest.importorskip("sklearn", reason="needs the extra bench: scikit-learn is missing")

from bench.validity.look_alikes import Read, draw_ordinary, separate, static_texts, told_apart

FAULTS = [agreement.fault_id for agreement in AGREEMENTS]


@pytest.mark.parametrize("fault_id", FAULTS)
def test_a_planted_run_and_its_twin_read_the_same(fault_id: str) -> None:
    splits: tuple[SeedSplit, ...] = ("train", "validation", "test")
    for number, split in enumerate((*splits, *splits)):
        case = draw_case(scenario_seed("hard", 97_000_000 + number, split), split, (fault_id,))
        twin = healthy_twin(case)
        assert case.now.world != twin.now.world, "the worlds differ"
        assert static_texts(case) == static_texts(twin)


def test_two_planted_faults_and_their_twin_read_the_same() -> None:
    for number in range(6):
        pair = (FAULTS[number], FAULTS[-1 - number])
        case = draw_case(scenario_seed("expert", 97_000_000 + number, "test"), "test", tuple(sorted(pair)))
        assert static_texts(case) == static_texts(healthy_twin(case))


def test_names_and_lengths_of_the_texts_are_those_of_the_twin_and_ids_tell_nothing() -> None:
    for number in range(8):
        seed = scenario_seed("hard", 98_000_000 + number, "test")
        planted, healthy = (static_texts(draw_case(seed, "test", faults)) for faults in ((FAULTS[number],), ()))
        assert list(planted) == list(healthy)
        ids = [sorted(set(re.findall(r"run-[0-9a-f]+", "".join(texts.values())))) for texts in (planted, healthy)]
        assert ids[0] == ids[1], "run ids come from the seed alone"


def test_a_healthy_run_looks_like_one_with_a_fault() -> None:
    seed = scenario_seed("expert", 97_000_100, "train")
    healthy = draw_case(seed, "train", ())
    texts = static_texts(healthy)
    pairs = [(one,) for one in QUIET_FAULTS] + [tuple(sorted(pair)) for pair in PAIRS]
    assert any(
        healthy.changed == other.changed and static_texts(other) == texts
        for other in (draw_case(seed, "train", pair) for pair in pairs)
    )


def test_a_declaration_that_only_planted_runs_have_would_be_noticed() -> None:
    runs = draw_ordinary(40)
    planted = [Read({**run.declared, "evaluation.sources = settled": 1.0}, run.words) for run in runs[:20]]
    by_declarations, _ = told_apart(planted, runs[20:])
    assert by_declarations > 0.75


def test_look_alikes_are_settled_as_planted_runs_are_and_ordinary_healthy_runs_are_not() -> None:
    found = separate("class_dropping_join", draw_ordinary(40), seeds=40)
    assert found.from_ordinary > 0.6
    assert all(tell.name not in ("join.how = inner", "join.how = left") for tell in found.tells)
