"""False alarms of the sanity checks on fresh healthy runs, and the signal of each fault against healthy ranges."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cache

import numpy as np
import pytest

from domain.faults import CATALOGUE
from domain.training import checks
from domain.training.pipeline import draw_pipeline
from domain.training.simulator import simulate
from domain.training.thresholds import CALIBRATION
from domain.types import SANITY_CHECK_NAMES
from tests.domain.scenarios import FAULT_IDS, planted

FIRST, RUNS = 40_000_000, 2_000
REFERENCE_RUNS = 1_000
PLANTED = range(50)
"""The seeds of the other laws, so that each scenario is generated once."""
MANY = range(200)
MIN_SIGNAL = 0.85
FIRST_NINE = (
    "exploding_lr",
    "wrong_optimizer",
    "batch_size_overflow",
    "data_leakage_scaler",
    "data_leakage_overlap",
    "wrong_split_ratio",
    "label_encoder_mismatch",
    "silent_metric_swap",
    "tokenizer_version_drift",
)
"""Held to more, on more seeds."""
QUIET = {"eval_dropout_on": 0.5, "silent_metric_swap": 0.5}
"""What these are held to: some healthy runs evaluate the last epoch's weights, which may be worse than the best by as much."""
LOWEST, HIGHEST = 0.2, 0.97
"""Between chance plus the first and the second lies the test accuracy of a healthy run."""


@cache
def _healthy() -> tuple[dict[tuple[str, str], list[float]], Counter[str]]:
    """Numbers of the healthy runs, and how many runs raised each check."""
    numbers: dict[tuple[str, str], list[float]] = defaultdict(list)
    alarms: Counter[str] = Counter()
    for seed in range(FIRST, FIRST + RUNS):
        run = simulate(draw_pipeline(seed))
        alarms.update({check for check, _ in checks.raised(run)})
        if seed < FIRST + REFERENCE_RUNS:
            for key, value in _numbers(run_checks=checks.measure(run)).items():
                numbers[key].append(value)
    return numbers, alarms


def _numbers(run_checks: dict[str, checks.Measured]) -> dict[tuple[str, str], float]:
    return {
        (check, name): float(value)
        for check, measured in run_checks.items()
        for name, value in measured.items()
        if isinstance(value, (int, float))
    }


def test_the_seeds_are_not_those_of_the_calibration() -> None:
    used = range(CALIBRATION.first_seed, CALIBRATION.first_seed + CALIBRATION.seeds)
    assert FIRST not in used and FIRST + RUNS not in used


@pytest.mark.exhaustive
def test_each_check_raises_few_false_alarms() -> None:
    _, alarms = _healthy()
    shares = {check: alarms[check] / RUNS for check in SANITY_CHECK_NAMES}
    print(f"false alarms on {RUNS} fresh healthy seeds: {shares}")
    assert max(shares.values()) <= 0.065


def _signal(fault_id: str, seeds: range) -> float:
    """Share of seeds in which one of the declared numbers lies outside the 0.5 to 99.5 % range of healthy runs."""
    numbers, _ = _healthy()
    signals = CATALOGUE[fault_id].signals
    ranges = {key: np.quantile(numbers[key], (0.005, 0.995)) for key in signals}
    seen = 0
    for seed in seeds:
        results = planted(fault_id, seed).evidence.checks
        found = {(check, name): results[check].measured[name] for check, name in signals}  # type: ignore[index]
        seen += any(found[key] is None or not low <= found[key] <= high for key, (low, high) in ranges.items())
    share = seen / len(seeds)
    print(f"{fault_id}: outside the healthy 0.5 to 99.5 % range in {share:.3f} of {len(seeds)} seeds")
    return share


@pytest.mark.exhaustive
@pytest.mark.parametrize("fault_id", sorted(set(FAULT_IDS) - set(FIRST_NINE)))
def test_a_fault_shows_in_the_numbers_it_declares(fault_id: str) -> None:
    assert _signal(fault_id, PLANTED) >= QUIET.get(fault_id, MIN_SIGNAL)


@pytest.mark.exhaustive
@pytest.mark.parametrize("fault_id", FIRST_NINE)
def test_the_first_nine_show_in_nine_of_ten_seeds(fault_id: str) -> None:
    assert _signal(fault_id, MANY) >= QUIET.get(fault_id, MIN_SIGNAL if fault_id == "wrong_optimizer" else 0.9)


@pytest.mark.exhaustive
def test_healthy_runs_are_neither_at_chance_nor_perfect() -> None:
    is_within = []
    for seed in range(FIRST, FIRST + 500):
        test = simulate(draw_pipeline(seed)).m_test
        shares = test.confusion.sum(1) / test.rows
        is_within.append(float((shares * shares).sum()) + LOWEST <= test.accuracy <= HIGHEST)
    print(f"test accuracy within bounds in {np.mean(is_within):.3f} of 500 healthy runs")
    assert np.mean(is_within) >= 0.99
