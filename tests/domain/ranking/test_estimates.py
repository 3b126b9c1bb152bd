"""Means, intervals, tests and rates, against values worked out by hand and against laws."""

from __future__ import annotations

import math
from itertools import combinations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ranking.estimates import (
    MIN_OBSERVATIONS,
    Estimate,
    Stratum,
    calibration,
    calibration_error,
    estimate_difference,
    estimate_mean,
    p_value,
    pass_all,
    pass_at,
    rank_sets,
    rate,
    score_confidence,
    t_quantile,
    t_tail,
)

LOWEST, HIGHEST = 0.01, 0.99
SCORES = st.lists(st.floats(LOWEST, HIGHEST), min_size=1, max_size=40)


def estimate(*tasks: list[float], share: float = 1.0) -> Estimate:
    total = sum(len(each) for each in tasks)
    strata = [Stratum(len(each) / total, each, share) for each in tasks]
    return estimate_mean(strata, lowest=LOWEST, highest=HIGHEST)


@pytest.mark.parametrize(("freedom", "expected"), [(3, 3.182), (5, 2.571), (8, 2.306), (27, 2.052)])
def test_the_quantiles_are_those_of_the_tables_or_up_to_2_percent_wider(freedom: int, expected: float) -> None:
    assert expected * 0.999 <= t_quantile(freedom) <= expected * 1.02
    assert t_tail(t_quantile(freedom), freedom) == pytest.approx(0.05, abs=1e-9)


@given(st.lists(SCORES, min_size=1, max_size=4))
def test_an_interval_holds_its_mean_and_lies_within_what_scores_can_be(tasks: list[list[float]]) -> None:
    found = estimate(*tasks)
    if found.interval is not None:
        low, high = found.interval
        assert LOWEST <= low <= found.mean + 1e-4
        assert found.mean - 1e-4 <= high <= HIGHEST


@given(SCORES)
def test_there_is_no_interval_below_the_min_number_of_scenarios(scores: list[float]) -> None:
    found = estimate(scores)
    assert (found.interval is None) == (len(scores) < MIN_OBSERVATIONS)
    assert (found.detectable is None) == (found.interval is None)


def test_equal_scores_do_not_prove_that_all_would_be_equal() -> None:
    """Twelve right answers leave room for an agent that fails once in twenty."""
    low, high = estimate([0.97] * 12).interval or (0.0, 0.0)
    assert low < 0.95 * 0.97 + 0.05 * 0.2 < 0.97 < high


def test_what_was_never_attempted_counts_with_the_lowest_score() -> None:
    assert estimate([0.9] * 6, share=0.5).mean == pytest.approx((0.9 + 0.01) / 2)
    strata = [Stratum(0.5, [0.9] * 10), Stratum(0.5, [])]
    assert estimate_mean(strata, lowest=LOWEST, highest=HIGHEST).mean == pytest.approx((0.9 + 0.01) / 2)


def test_differences_between_tasks_are_no_chance() -> None:
    within = estimate([0.5] * 10, [0.9] * 10).interval or (0.0, 0.0)
    mixed = estimate([0.5] * 10 + [0.9] * 10).interval or (0.0, 0.0)
    assert within[1] - within[0] < 0.7 * (mixed[1] - mixed[0])


def _drawn(luck: Random, known: dict[int, bool], number: int) -> list[float]:
    """Scores of an agent that knows some faults, each a draw of its own."""
    return [
        min(HIGHEST, max(LOWEST, luck.gauss(0.95 if known[luck.randrange(20)] else 0.2, 0.05))) for _ in range(number)
    ]


@pytest.mark.parametrize("number", [9, 12, 36])
def test_the_interval_covers_the_expected_score_of_an_agent_that_knows_some_faults(number: int) -> None:
    covered = total = 0
    for seed in range(400):
        luck = Random(seed)
        known = {fault: luck.random() < 0.6 for fault in range(20)}
        truth = sum(0.945 if each else 0.2 for each in known.values()) / 20
        low, high = estimate(_drawn(luck, known, number)).interval or (0.0, 0.0)
        covered += low <= truth <= high
        total += 1
    print(f"{number} scenarios: covered in {covered / total:.3f} of {total} rounds")
    assert covered / total > 0.92


def test_equal_agents_are_told_apart_in_at_most_6_of_100_pairs_and_different_ones_are() -> None:
    apart = 0
    for seed in range(400):
        luck = Random(seed)
        known = {fault: luck.random() < 0.6 for fault in range(20)}
        one, other = (estimate(_drawn(luck, known, 24)) for _ in range(2))
        apart += p_value(one, other) <= 0.05
    print(f"equal agents are told apart in {apart / 4:.1f} of 100 pairs")
    assert apart / 400 <= 0.06
    assert p_value(estimate([0.9, 0.8, 0.95] * 12), estimate([0.3, 0.4, 0.2] * 12)) < 0.001


def test_a_rank_is_the_set_of_places_that_the_tests_leave_open() -> None:
    strong, weak = [0.9, 0.95, 0.97] * 12, [0.1, 0.2, 0.15] * 12
    found = rank_sets({"a": estimate(strong), "b": estimate([*strong[1:], 0.9]), "c": estimate(weak)})
    assert found == {"a": (1, 2), "b": (1, 2), "c": (3, 3)}
    assert rank_sets({"only": estimate(strong)}) == {"only": (1, 1)}
    assert rank_sets({}) == {}


def test_equal_agents_on_a_board_of_20_get_a_false_rank_on_at_most_6_of_100_boards() -> None:
    wrong = 0
    for seed in range(60):
        luck = Random(seed)
        known = {fault: luck.random() < 0.6 for fault in range(20)}
        found = rank_sets({str(n): estimate(_drawn(luck, known, 36)) for n in range(20)})
        wrong += any(each != (1, 20) for each in found.values())
    print(f"false ranks on {wrong} of 60 boards of 20 equal agents")
    assert wrong <= 6  # 3.6 expected at most; more than 6 has a chance below 10 %


def test_paired_differences_are_tested_on_the_entries_that_both_played() -> None:
    same = estimate_difference({"easy": [0.0] * 12}, widest=0.98)
    low, high = same.interval or (1.0, 1.0)
    assert (same.mean, low < 0 < high) == (0.0, True)
    better = estimate_difference({"easy": [0.3] * 6, "hard": [0.4] * 6}, widest=0.98)
    assert (better.interval or (0.0, 0.0))[0] > 0.1
    assert estimate_difference({"easy": [0.9]}, widest=0.98).interval is None


def test_a_pass_rate_has_the_interval_of_wilson() -> None:
    assert rate(8, 10) == pytest.approx((0.8, 0.4902, 0.9433), abs=1e-4)
    assert rate(1, MIN_OBSERVATIONS - 1) is None


@given(st.integers(1, 8).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_pass_at_k_is_the_share_of_all_choices_of_k_tries(drawn: tuple[int, int, int]) -> None:
    tries, successes, k = drawn
    outcomes = [True] * successes + [False] * (tries - successes)
    choices = list(combinations(outcomes, k))
    assert pass_at(k, tries=tries, successes=successes) == pytest.approx(sum(map(any, choices)) / len(choices))
    assert pass_all(k, tries=tries, successes=successes) == pytest.approx(sum(map(all, choices)) / len(choices))


def test_calibration_compares_what_was_stated_with_what_was_right() -> None:
    bins = calibration([(0.95, True), (0.95, False), (0.1, False), (1.0, True)])
    assert [(each.low, each.episodes, each.share_right) for each in bins] == [(0.1, 1, 0.0), (0.9, 3, 0.6667)]
    assert calibration_error(bins) == pytest.approx((1 * 0.1 + 3 * (0.9667 - 0.6667)) / 4, abs=1e-3)
    assert calibration_error(()) is None


def test_an_agent_that_is_always_wrong_and_says_so_has_no_skill() -> None:
    assert score_confidence([(0.0, False)] * 5) == (5, 0.0, 0.0, None)
    assert score_confidence([]) == (0, None, None, None)
    knows = score_confidence([(0.9, True), (0.1, False)] * 5)
    says_its_mean = score_confidence([(0.5, True), (0.5, False)] * 5)
    assert (knows.skill, says_its_mean.skill) == (pytest.approx(0.96), 0.0)
    assert math.isclose(knows.accuracy or 0, 0.5)
