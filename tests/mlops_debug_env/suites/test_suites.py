"""The suites of the package: what they cover, and that they give nothing away."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from domain.faults import CATALOGUE, POOLS
from domain.generator import GENERATOR_VERSION, generate
from domain.types import TASK_IDS
from mlops_debug_env.suites import UnknownSuiteError, UnreadableSuiteError, read_suite, suite_names
from tests.mlops_debug_env.draw_up import FOLDER, draw_up, planted

FEWEST_SEEDS = 8


def test_practice_1_plants_every_fault_of_the_catalogue_equally_often() -> None:
    suite = read_suite("practice-1")
    for task_id in TASK_IDS:
        counted = Counter(planted(task_id, each.seed) for each in suite.entries if each.task_id == task_id)
        assert set(counted) == set(POOLS[task_id]), "run python -m tests.mlops_debug_env.draw_up practice-1"
        assert set(counted.values()) == {FEWEST_SEEDS}


def test_what_a_seed_is_said_to_plant_is_what_is_generated() -> None:
    first = {each.task_id: each for each in reversed(read_suite("practice-1").entries)}
    for task_id in TASK_IDS:
        seed = first[task_id].seed
        assert generate(task_id, seed).truth.fault_id == planted(task_id, seed)


def test_practice_1_is_as_it_was_drawn_up_for_this_generator() -> None:
    assert (FOLDER / "practice-1.json").read_text() == draw_up("practice-1", seeds_per_fault=FEWEST_SEEDS)
    assert read_suite("practice-1").generator_version == GENERATOR_VERSION


@pytest.mark.parametrize("name", suite_names())
def test_a_suite_names_no_fault(name: str) -> None:
    text = (FOLDER / f"{name}.json").read_text()
    assert [fault for fault in CATALOGUE if fault in text] == []


def test_an_unknown_suite_is_told_with_the_known_ones() -> None:
    with pytest.raises(UnknownSuiteError, match=r"no suite 'practise'; there are .*practice-1"):
        read_suite("practise")


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"name": "x", "generator_version": "1", "entries": []}', '{"entries": [{"task_id": "odd"}]}'],
)
def test_a_file_that_is_no_suite_is_told(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(text)
    with pytest.raises(UnreadableSuiteError, match=r"mine\.json is no suite"):
        read_suite(str(path))
