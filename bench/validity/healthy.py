"""Measures healthy runs of several sources: their accuracy, how often a check looks unusual in them, and twins of planted runs.

The checks of these runs judge nothing. What a number is worth follows from healthy runs: a check is unusual where its oddest number
lies farther from the median of healthy runs than in 95 of 100 of them. The bounds come from one half of the runs; on the other half
about as many must be unusual, or the bounds would mean nothing for fresh runs. Each half is judged by the bounds of the other: a half
whose bounds are narrow by chance is the one of which few runs lie beyond those of the other, so that the mean of both varies less.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bench.validity.features import Values, check_numbers, names_of
from domain.families.multi_source import FAULTS
from domain.faults.compositions import TWIN_OF
from domain.generator import generate
from domain.scenario import Scenario
from domain.training.randomness import Floats
from domain.training.style import SeedSplit
from domain.types import SANITY_CHECK_NAMES, ArtifactName

FIRST_SEED = 98_500_000
UNUSUAL = 0.05
"""Share of the healthy runs that lie beyond the bound of a check."""
MAX_UNUSUAL = 0.09
ABOVE_CHANCE, MAX_ACCURACY = 0.2, 0.97
"""Between chance plus the first and the second lies the test accuracy of a healthy run."""
_MEASURED: tuple[ArtifactName, ...] = ("train.log", "eval_results.json", "dataset_stats.json", "data_slices.json")


class Usual(NamedTuple):
    """What healthy runs show in one check."""

    numbers: dict[str, tuple[float, float]]
    """Name to median and width."""
    bound: float

    def distance(self, values: Values) -> float:
        """Of the oddest number."""
        known = ((values[name], *self.numbers[name]) for name in self.numbers.keys() & values.keys())
        return max((abs(value - middle) / width for value, middle, width in known), default=0.0)


class Healthy(NamedTuple):
    """What was measured."""

    runs: int
    accuracies: tuple[tuple[float, float], ...]
    """Chance and test accuracy of each run."""
    unusual: dict[str, tuple[float, float]]
    """Check to the share of healthy runs that lie beyond the bound of the other half, and of planted ones that lie beyond either."""
    twins: int
    equal: tuple[str, ...]
    """Faults of the planted runs that equal their twins in all that is measured."""

    @property
    def outside(self) -> int:
        """Runs whose test accuracy is not that of a usable task."""
        return sum(not chance + ABOVE_CHANCE <= found <= MAX_ACCURACY for chance, found in self.accuracies)

    @property
    def is_fine(self) -> bool:
        return (
            not self.outside and not self.equal and all(healthy <= MAX_UNUSUAL for healthy, _ in self.unusual.values())
        )


def measure_healthy(*, runs: int, twins: int, split: SeedSplit = "validation") -> Healthy:
    """Measure fresh runs.

    Args:
        runs: healthy ones, and as many planted ones.
        twins: planted runs of each fault that are compared with their twins.
        split: whose names and styles.
    """
    healthy, planted, accuracies = [], [], []
    for seed in range(FIRST_SEED, FIRST_SEED + runs):
        scenario = generate("hard", seed, fault=f"{TWIN_OF}{FAULTS[seed % len(FAULTS)]}", split=split)
        healthy.append(_by_check(scenario))
        accuracies.append((1.0 / len(names_of(scenario.truth).classes), _test_accuracy(scenario)))
        planted.append(_by_check(generate("hard", seed + runs, split=split)))
    unusual: dict[str, tuple[float, float]] = {
        check: shares_beyond([one[check] for one in healthy], [one[check] for one in planted])
        for check in SANITY_CHECK_NAMES
    }
    equal = [
        fault for fault in FAULTS for number in range(twins) if _equals_its_twin(fault, FIRST_SEED + number, split)
    ]
    return Healthy(runs, tuple(accuracies), unusual, twins * len(FAULTS), tuple(equal))


def shares_beyond(healthy: Sequence[Values], planted: Sequence[Values]) -> tuple[float, float]:
    """Shares of healthy and of planted runs that are beyond the bound, of bounds from either half of the healthy ones."""
    first, second = healthy[: len(healthy) // 2], healthy[len(healthy) // 2 :]
    usual_first, usual_second = usual_of(first), usual_of(second)
    fresh = (_beyond(usual_first, second) + _beyond(usual_second, first)) / len(healthy)
    return fresh, (_beyond(usual_first, planted) + _beyond(usual_second, planted)) / (2 * len(planted))


def usual_of(values: Sequence[Values]) -> Usual:
    """Bounds of one check from healthy runs."""
    columns: dict[str, list[float]] = defaultdict(list)
    for one in values:
        for name, value in one.items():
            columns[name].append(value)
    numbers = {name: _middle_and_width(np.array(column)) for name, column in columns.items()}
    usual = Usual(numbers, 0.0)
    return usual._replace(bound=float(np.quantile([usual.distance(one) for one in values], 1.0 - UNUSUAL)))


def render_healthy(found: Healthy) -> str:
    """Text with a table in Markdown."""
    accuracy = np.array([one for _, one in found.accuracies])
    lines = [
        f"Test accuracy of {found.runs} healthy runs: {accuracy.min():.3f} to {accuracy.max():.3f}, median {np.median(accuracy):.3f}; "
        f"{found.outside} lie outside of chance + {ABOVE_CHANCE} to {MAX_ACCURACY}.",
        f"Planted runs that equal their twin in all that is measured: {len(found.equal)} of {found.twins}.",
        "",
        "| check | beyond the 5 % bound, fresh healthy runs | hard runs |",
        "| --- | ---: | ---: |",
    ]
    lines += [f"| `{check}` | {healthy:.3f} | {planted:.3f} |" for check, (healthy, planted) in found.unusual.items()]
    return "\n".join(lines)


def _beyond(usual: Usual, values: Sequence[Values]) -> int:
    return sum(usual.distance(one) > usual.bound for one in values)


def _middle_and_width(column: Floats) -> tuple[float, float]:
    low, middle, high = np.quantile(column, (UNUSUAL / 2, 0.5, 1 - UNUSUAL / 2))
    return float(middle), float(max(high - low, 1e-6))


def _by_check(scenario: Scenario) -> dict[str, dict[str, float]]:
    """Check to its numbers, of lists over sources, columns and months the order statistics."""
    found: dict[str, dict[str, float]] = {check: {} for check in SANITY_CHECK_NAMES}
    for key, value in check_numbers(scenario.evidence, names_of(scenario.truth)).values().items():
        found[key.split(" ")[0]][key] = value
    return found


def _test_accuracy(scenario: Scenario) -> float:
    return float(json.loads(scenario.evidence.artifacts["eval_results.json"])["metrics"]["test_accuracy"])


def _equals_its_twin(fault: str, seed: int, split: SeedSplit) -> bool:
    run, twin = (generate("hard", seed, fault=name, split=split).evidence for name in (fault, f"{TWIN_OF}{fault}"))
    return run.checks == twin.checks and all(run.artifacts[name] == twin.artifacts[name] for name in _MEASURED)
