"""Simulated rounds: what the widening of small intervals is for."""

from __future__ import annotations

from bench.validity.coverage import KINDS, RARE_FAILURES, measure_coverage
from domain.ranking.estimates import PSEUDO_EPISODES

LEAST = 0.93


def covered(name: str, pseudo: float) -> float:
    found = measure_coverage(name, 9, rounds=200, boards=0, kinds=RARE_FAILURES, pseudo=pseudo).covered
    print(f"knows {name} of the faults, weight {pseudo:g}: {found:.3f} of 200 rounds covered")
    return found


def test_an_agent_that_rarely_fails_is_covered_with_the_weight_in_use_and_not_with_a_quarter_of_it() -> None:
    assert covered("0.8", PSEUDO_EPISODES) >= LEAST
    assert covered("0.8", PSEUDO_EPISODES / 4) < LEAST


def test_one_that_never_met_a_failure_is_covered_because_a_round_without_failures_is_likely() -> None:
    found = measure_coverage("near the ceiling", 9, rounds=200, boards=0, kinds=KINDS)
    assert found.covered > 0.98
    assert found.told_apart <= 0.06
