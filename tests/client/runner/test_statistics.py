"""Intervals, pass@k and calibration, against values worked out by hand and against laws."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_debug_env.runner.statistics import calibration, calibration_error, clustered_interval, pass_all, pass_at


def test_trials_of_one_entry_are_no_further_evidence() -> None:
    """Ten times the same answers narrow nothing: the interval is that of the entries."""
    scores = [0.1, 0.9, 0.4, 0.6, 0.2, 0.8]
    once = clustered_interval([[[score] for score in scores]])
    ten_times = clustered_interval([[[score] * 10 for score in scores]])
    assert once == ten_times
    as_if_independent = clustered_interval([[[score] for score in scores * 10]])
    assert as_if_independent.high - as_if_independent.low < 0.5 * (once.high - once.low)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    covered = 0
    for _ in range(60):
        values = random.beta(2, 3, size=40)
        interval = clustered_interval([[[float(value)] for value in values]])
        covered += interval.low <= 0.4 <= interval.high
    print(f"covered {covered} of 60")
    assert covered >= 52


def test_the_mix_of_tasks_is_the_same_in_every_resample() -> None:
    interval = clustered_interval([[[0.0]] * 5, [[1.0]] * 5])
    assert interval == (0.5, 0.5, 0.5)


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
