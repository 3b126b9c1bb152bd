"""Scores, intervals and ranks: what a board says, and what it must not say."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ranking.statistics import (
    Estimate,
    Outcome,
    brier,
    calibration,
    estimate_score,
    is_better,
    pareto,
    pass_all,
    pass_rate,
    rank,
    t_quantile,
)
from domain.tasks.suites import RANKED_1

FAULTS = [(task_id, fault) for task_id, faults in RANKED_1.mix.items() for fault in faults]


def outcome(entry: int, score: float, *, fault: int = 0, attempt: int = 1, **beside: object) -> Outcome:
    task_id = RANKED_1.task_of(entry)
    fault_id = RANKED_1.mix[task_id][fault]
    return Outcome(  # type: ignore[arg-type]
        entry=entry, attempt=attempt, task_id=task_id, fault_id=fault_id, score=score, steps=5, **beside
    )


def played(score_of: object, seed: int = 1, attempts: int = 4) -> list[Outcome]:
    """A whole round of an agent whose score depends on the fault, with the faults drawn."""
    draw = random.Random(seed)
    found = []
    for attempt in range(1, attempts + 1):
        for entry in range(1, 10):
            fault = draw.randrange(3)
            score = score_of(RANKED_1.task_of(entry), fault, draw)  # type: ignore[operator]
            found.append(outcome(entry, score, fault=fault, attempt=attempt))
    return found


@pytest.mark.parametrize(("freedom", "expected"), [(1, 12.706), (5, 2.571), (8, 2.306), (27, 2.052), (1000, 1.962)])
def test_the_quantiles_are_those_of_the_tables(freedom: int, expected: float) -> None:
    assert t_quantile(freedom) == pytest.approx(expected, abs=0.002)


def test_luck_with_the_draw_does_not_move_the_score() -> None:
    rounds = [played(lambda task, fault, draw: (0.2, 0.5, 0.8)[fault], seed) for seed in range(60)]
    rounds = [outcomes for outcomes in rounds if len({each.fault_id for each in outcomes}) == 9]
    plain = {round(sum(each.score for each in outcomes) / 36, 4) for outcomes in rounds}
    print(f"{len(rounds)} rounds: plain means from {min(plain)} to {max(plain)}")
    assert {estimate_score(outcomes, RANKED_1).mean for outcomes in rounds} == {0.5}
    assert max(plain) - min(plain) > 0.1


def test_what_was_never_attempted_counts_with_the_floor() -> None:
    only_easy = [outcome(1, 0.9), outcome(4, 0.9)]
    assert estimate_score(only_easy, RANKED_1).mean == pytest.approx((2 * 0.9 + 7 * 0.01) / 9, abs=1e-4)
    assert estimate_score([], RANKED_1).mean == 0.01


def test_where_nothing_was_met_twice_the_largest_spread_is_assumed() -> None:
    once = [outcome(n, 0.9) for n in (1, 2, 3)]
    low, high = estimate_score(once, RANKED_1).interval
    assert high - low > 0.2
    assert rank(
        {"whole": estimate_score(played(lambda *_: 0.9), RANKED_1), "once": estimate_score(once, RANKED_1)}
    ) == {
        "whole": 1,
        "once": 2,
    }


def test_the_interval_covers_the_truth_in_about_95_of_100_rounds() -> None:
    def noisy(task: str, fault: int, draw: random.Random) -> float:
        return min(0.99, max(0.01, draw.gauss((0.3, 0.5, 0.7)[fault], 0.12)))

    covered = 0
    for seed in range(400):
        low, high = estimate_score(played(noisy, seed), RANKED_1).interval
        covered += low <= 0.5 <= high
    print(f"the 95 % interval covered the truth in {covered / 4:.1f} of 100 rounds")
    assert 0.92 <= covered / 400 <= 0.98


def test_equal_agents_are_seldom_separated_and_different_ones_always() -> None:
    def skilled(skill: float) -> object:
        return lambda task, fault, draw: min(0.99, max(0.01, draw.gauss(skill, 0.15)))

    apart = 0
    for seed in range(300):
        one, other = (estimate_score(played(skilled(0.5), seed * 2 + n), RANKED_1) for n in (0, 1))
        apart += is_better(one, other) or is_better(other, one)
    print(f"equal agents were told apart in {apart / 3:.1f} of 100 pairs")
    assert apart / 300 < 0.09
    strong, weak = (estimate_score(played(skilled(skill), 5), RANKED_1) for skill in (0.8, 0.3))
    assert rank({"weak": weak, "strong": strong}) == {"strong": 1, "weak": 2}


def test_what_does_not_differ_significantly_is_tied() -> None:
    near = {"a": Estimate(0.60, 0.01, 20), "b": Estimate(0.58, 0.01, 20), "c": Estimate(0.05, 0.0001, 20)}
    assert rank(near) == {"a": 1, "b": 1, "c": 3}


@given(st.lists(st.floats(0.01, 0.99), min_size=1, max_size=36))
def test_an_estimate_lies_within_its_interval_and_within_what_scores_can_be(scores: list[float]) -> None:
    estimate = estimate_score([outcome(n % 9 + 1, score, fault=n % 3) for n, score in enumerate(scores)], RANKED_1)
    low, high = estimate.interval
    assert 0.01 <= low <= estimate.mean + 1e-4
    assert estimate.mean - 1e-4 <= high <= 0.99


def test_pass_rates() -> None:
    outcomes = [outcome(1, 0.9, attempt=1), outcome(1, 0.9, attempt=2), outcome(1, 0.1, attempt=3), outcome(2, 0.1)]
    assert pass_rate(outcomes) == 0.5
    assert (pass_all(outcomes, 1), pass_all(outcomes, 2)) == (
        pytest.approx(1 / 3, abs=1e-4),
        pytest.approx(1 / 3, abs=1e-4),
    )
    assert (pass_all(outcomes, 3), pass_all(outcomes, 4), pass_rate([])) == (0.0, None, None)


def test_calibration_and_brier() -> None:
    outcomes = [
        outcome(1, 0.9, confidence=1.0, is_right=True),
        outcome(1, 0.9, confidence=0.95, is_right=False),
        outcome(1, 0.9, confidence=0.0, is_right=False),
        outcome(1, 0.9),
    ]
    assert [(each.low, each.attempts, each.mean_confidence, each.share_right) for each in calibration(outcomes)] == [
        (0.0, 1, 0.0, 0.0),
        (0.9, 2, 0.975, 0.5),
    ]
    assert brier(outcomes) == pytest.approx(0.9025 / 3, abs=1e-4)
    assert brier([outcome(1, 0.9)]) is None


def test_the_frontier_holds_what_nothing_beats_in_both() -> None:
    points = {"cheap": (1.0, 0.3), "dear": (5.0, 0.9), "worse": (5.0, 0.8), "twin": (1.0, 0.3)}
    assert pareto(points) == {"cheap", "dear", "twin"}
