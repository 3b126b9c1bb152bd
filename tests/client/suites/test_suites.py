"""The suites of the package: what they cover, and that they give nothing away."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import pytest

from domain.families.multi_source import COUNTS, FAULTS, QUIET_FAULTS
from domain.faults import CATALOGUE, POOLS
from domain.generator import GENERATOR_VERSION, generate
from domain.scenario import Composition
from domain.types import SINGLE_FAULT_TASKS, TASK_IDS, TaskId
from mlops_debug_env.suites import UnknownSuiteError, UnreadableSuiteError, read_suite, suite_names
from tests.client.draw_up import FOLDER, draw_up, stratum, wanted

SEEDS_PER_FAULT = 4
OF_GENERATOR_4 = {
    "practice-1": "917a193fdec08ec60bd3f7739f223707d3a390d76a51971a850730d976b61460",
    "expert-1": "a78b752af484a4d9c093c62bf38b8fcbf0e277849908257bb6572512d923df9f",
}
"""SHA-256 of the suites that another generator drew up: results are compared by their names, so they never change."""


@pytest.mark.parametrize("name", OF_GENERATOR_4)
def test_a_suite_of_generator_4_keeps_its_bytes(name: str) -> None:
    assert hashlib.sha256((FOLDER / f"{name}.json").read_bytes()).hexdigest() == OF_GENERATOR_4[name]
    assert read_suite(name).generator_version == "4"


def test_practice_2_is_as_it_was_drawn_up_for_this_generator() -> None:
    assert (FOLDER / "practice-2.json").read_text() == draw_up("practice-2", seeds_per_fault=SEEDS_PER_FAULT), (
        "run python -m tests.client.draw_up practice-2"
    )
    assert read_suite("practice-2").generator_version == GENERATOR_VERSION


@pytest.mark.parametrize("task_id", SINGLE_FAULT_TASKS)
def test_practice_2_plants_every_fault_of_a_task_as_often_as_the_task_does(task_id: TaskId) -> None:
    of_hard = {fault: 6 if fault in QUIET_FAULTS else 2 for fault in FAULTS}
    expected = of_hard if task_id == "hard" else dict.fromkeys(POOLS[task_id], SEEDS_PER_FAULT)
    assert counted_in_practice_2(task_id) == expected


def test_a_quarter_of_its_expert_runs_is_healthy_a_half_has_one_fault_and_a_quarter_two() -> None:
    assert COUNTS == (0, 1, 1, 2)
    assert counted_in_practice_2("expert") == {"0": 25, "1": 50, "2": 25} == wanted("expert", SEEDS_PER_FAULT)


@pytest.mark.parametrize("task_id", TASK_IDS)
def test_what_a_seed_is_drawn_up_for_is_what_is_generated(task_id: TaskId) -> None:
    seed = next(each.seed for each in read_suite("practice-2").entries if each.task_id == task_id)
    planted = planted_in(task_id, seed)
    assert stratum(task_id, seed) == (str(len(planted)) if task_id == "expert" else "".join(planted))


def counted_in_practice_2(task_id: TaskId) -> Counter[str]:
    return Counter(stratum(task_id, each.seed) for each in read_suite("practice-2").entries if each.task_id == task_id)


def planted_in(task_id: TaskId, seed: int) -> tuple[str, ...]:
    """The faults of the scenario itself."""
    truth = generate(task_id, seed).truth
    return tuple(fault.fault_id for fault in (truth.faults if isinstance(truth, Composition) else (truth,)))


@pytest.mark.parametrize("name", suite_names())
def test_a_suite_names_no_fault(name: str) -> None:
    text = (FOLDER / f"{name}.json").read_text()
    assert [fault for fault in {*CATALOGUE, *FAULTS} if fault in text] == []


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
