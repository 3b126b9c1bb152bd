"""The suites of the package: what they cover, and that they give nothing away."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from domain.faults import CATALOGUE, POOLS
from domain.faults.compositions import draw_faults
from domain.generator import GENERATOR_VERSION, generate, scenario_seed
from domain.training.randomness import Stream
from domain.types import SINGLE_FAULT_TASKS
from mlops_debug_env.suites import UnknownSuiteError, UnreadableSuiteError, read_suite, suite_names
from tests.client.draw_up import FOLDER, HEALTHY_RUNS, draw_up, draw_up_expert, planted

FEWEST_SEEDS = 8


def test_practice_1_plants_every_fault_of_the_catalogue_equally_often() -> None:
    suite = read_suite("practice-1")
    for task_id in SINGLE_FAULT_TASKS:
        counted = Counter(planted(task_id, each.seed) for each in suite.entries if each.task_id == task_id)
        assert set(counted) == set(POOLS[task_id]), "run python -m tests.client.draw_up practice-1"
        assert set(counted.values()) == {FEWEST_SEEDS}


def test_what_a_seed_is_said_to_plant_is_what_is_generated() -> None:
    first = {each.task_id: each for each in reversed(read_suite("practice-1").entries)}
    for task_id in SINGLE_FAULT_TASKS:
        seed = first[task_id].seed
        assert generate(task_id, seed).truth.fault_id == planted(task_id, seed)


def test_practice_1_is_as_it_was_drawn_up_for_this_generator() -> None:
    assert (FOLDER / "practice-1.json").read_text() == draw_up("practice-1", seeds_per_fault=FEWEST_SEEDS)
    assert read_suite("practice-1").generator_version == GENERATOR_VERSION


def test_expert_1_is_as_it_was_drawn_up_for_this_generator() -> None:
    assert (FOLDER / "expert-1.json").read_text() == draw_up_expert("expert-1", healthy=HEALTHY_RUNS)
    suite = read_suite("expert-1")
    assert suite.generator_version == GENERATOR_VERSION
    assert {each.task_id for each in suite.entries} == {"expert"}


def test_expert_1_holds_none_one_and_two_faults_in_the_stated_shares() -> None:
    drawn = [
        draw_faults(Stream(scenario_seed("expert", each.seed), "fault")) for each in read_suite("expert-1").entries
    ]
    counted = Counter(len(faults) for faults in drawn)
    assert counted == {0: HEALTHY_RUNS, 1: 2 * HEALTHY_RUNS, 2: 2 * HEALTHY_RUNS}
    first = read_suite("expert-1").entries[0].seed
    assert "+".join(drawn[0]) in (generate("expert", first).truth.fault_id, "")


@pytest.mark.parametrize("name", suite_names())
def test_a_suite_names_no_fault(name: str) -> None:
    text = (FOLDER / f"{name}.json").read_text()
    assert [fault for fault in CATALOGUE if fault in text] == []


def test_an_unknown_suite_is_reported_with_the_known_ones() -> None:
    with pytest.raises(UnknownSuiteError, match=r"no suite 'practise'; there are .*practice-1"):
        read_suite("practise")


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"name": "x", "generator_version": "1", "entries": []}', '{"entries": [{"task_id": "odd"}]}'],
)
def test_a_file_that_is_no_suite_is_reported(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(text)
    with pytest.raises(UnreadableSuiteError, match=r"mine\.json is no suite"):
        read_suite(str(path))
