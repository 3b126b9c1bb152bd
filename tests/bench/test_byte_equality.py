"""The same scenarios in other environments, each in a process of its own; the whole table is `python -m bench.byte_equality`."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.byte_equality import Drawn, Environment, differing, draw, environments, importable, row
from bench.environment_digests import cases
from domain.families.multi_source import FAULTS as FAULTS_OF_SOURCES
from domain.faults import POOLS

FAULTS = ["exploding_lr", "zero_init", "frozen_column", "drawn"]


def drawn_by(environment: Environment) -> Drawn:
    with importable() as directory:
        return draw(environment, directory=directory, seeds=1, faults=FAULTS)


def test_kernels_threads_and_simd_loops_do_not_show_in_the_bytes() -> None:
    """The two faults that rounding reaches first, one run is chaotic, the other has a gradient that is nothing but rounding; runs of
    several sources, whose table is drawn by other functions."""
    kinds = {"as it comes", "kernel Nehalem", "4 threads", "SIMD loops off"}
    first, *others = [drawn_by(each) for each in environments(sys.executable) if each.name in kinds]
    print("", *(row(each, first) for each in (first, *others)), sep="\n")
    assert len(others) == 3
    assert len(first.digests) == len(FAULTS)
    assert [differing(each, first) for each in others] == [[], [], []]


def test_a_scenario_that_differs_or_is_missing_is_named() -> None:
    environment, about = Environment("python", "x", {}), {"python": "3", "numpy": "2", "kernel": "k", "threads": 1}
    first = Drawn(environment, about, {"a/1": "0", "b/1": "1", "c/1": "2"})
    other = Drawn(environment, about, {"a/1": "0", "b/1": "9"})
    assert differing(other, first) == ["b/1", "c/1"]
    assert row(other, first).endswith("| 1 of 3 |")


def test_an_environment_that_cannot_generate_is_reported_and_stops_nothing() -> None:
    with importable() as directory:
        asked = Environment(sys.executable, "x", {})
        failed = draw(asked, directory=directory, seeds=1, faults=["no_such_fault"])
    assert failed.failure is not None and "no_such_fault" in failed.failure
    assert row(failed, Drawn(asked, {}, {"a/1": "0"})).endswith(f"| {failed.failure} |")


def test_another_interpreter_is_shown_the_generator_and_nothing_else() -> None:
    with importable() as directory:
        assert {path.name for path in directory.iterdir()} == {"domain", "bench"}
        assert (directory / "domain" / "generator.py").read_text().startswith('"""One seed')
    assert not Path(directory).exists()


def test_without_a_choice_every_fault_of_every_task_is_compared() -> None:
    asked = cases([])
    assert {fault for task_id, fault in asked if task_id == "hard"} == set(FAULTS_OF_SOURCES)
    assert {task_id: tuple(fault for task, fault in asked if task == task_id) for task_id in POOLS} == POOLS
    assert ("expert", None) in asked
