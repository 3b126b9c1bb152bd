"""The scores of blind lists of diagnoses on the expert task."""

from __future__ import annotations

import pytest

from bench.validity.command import FLOOR_BOUNDS, TOLERANCE
from bench.validity.composed_blind_answers import COMPOSED_BLIND, ComposedJudge, composed_scenarios
from bench.validity.composed_floor import ComposedFloor, composed_floor
from domain.scenario import Scenario


@pytest.fixture(scope="module")
def scenarios() -> list[Scenario]:
    return list(composed_scenarios(first_seed=61_000_000, healthy=4))


@pytest.fixture(scope="module")
def floor() -> ComposedFloor:
    return composed_floor()


@pytest.mark.slow
def test_the_floor_is_low_and_what_the_list_scores(floor: ComposedFloor, scenarios: list[Scenario]) -> None:
    print(f"blind floor {floor.score}, of lists of 0, 1, 2 entries {floor.by_length}")
    assert floor.score == max(floor.by_length) <= FLOOR_BOUNDS["expert"]
    assert floor.by_length[0] == pytest.approx(0.99 / 5 + 0.01 * 4 / 5)
    judge = ComposedJudge()
    assert sum(judge.score(floor.answer, one) for one in scenarios) / len(scenarios) == pytest.approx(floor.score)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPOSED_BLIND)
def test_a_blind_agent_stays_at_the_floor(name: str, floor: ComposedFloor, scenarios: list[Scenario]) -> None:
    score = COMPOSED_BLIND[name](scenarios)
    print(f"{name}: {score:.4f}, floor {floor.score}")
    assert score <= floor.score + TOLERANCE
