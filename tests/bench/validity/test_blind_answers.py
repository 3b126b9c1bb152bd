"""Blind agents earn no more than the best constant answer."""

from __future__ import annotations

from functools import cache

import pytest

from bench.validity.blind_answers import BLIND, fresh_scenarios
from bench.validity.floor import LISTED_TASKS, blind_floor
from domain.faults import POOLS
from domain.scenario import Scenario
from domain.types import TaskId

TOLERANCE = 0.02


@cache
def _scenarios(task_id: TaskId) -> list[Scenario]:
    return list(fresh_scenarios(task_id, first_seed=62_000_000, seeds=1))


@cache
def _floor(task_id: TaskId) -> float:
    return blind_floor(task_id).score


def test_the_scenarios_hold_every_fault_once_and_no_seed_twice() -> None:
    for task_id in LISTED_TASKS:
        scenarios = _scenarios(task_id)
        assert [one.truth.fault_id for one in scenarios] == list(POOLS[task_id])
        assert len({one.seed for one in scenarios}) == len(scenarios)


@pytest.mark.exhaustive
@pytest.mark.parametrize("canary", [name for name in BLIND if name != "seed look-up table"])
@pytest.mark.parametrize("task_id", LISTED_TASKS)
def test_a_blind_agent_scores_no_more_than_the_floor(task_id: TaskId, canary: str) -> None:
    score = BLIND[canary](_scenarios(task_id))
    print(f"{task_id}: {canary} scores {score:.3f}, the floor is {_floor(task_id):.3f}")
    assert score <= _floor(task_id) + TOLERANCE


@pytest.mark.exhaustive
@pytest.mark.parametrize("task_id", LISTED_TASKS)
def test_remembered_seeds_are_worth_nothing_on_fresh_ones(task_id: TaskId) -> None:
    scenarios = [*_scenarios(task_id), *fresh_scenarios(task_id, first_seed=63_000_000, seeds=1)]
    score = BLIND["seed look-up table"](scenarios)
    print(f"{task_id}: seed look-up table scores {score:.3f}, the floor is {_floor(task_id):.3f}")
    assert score <= _floor(task_id) + TOLERANCE


@pytest.mark.parametrize("task_id", LISTED_TASKS)
def test_doing_nothing_scores_next_to_nothing(task_id: TaskId) -> None:
    assert BLIND["nop"](_scenarios(task_id)) <= 0.05
