"""Proposes the thresholds of the sanity checks from healthy runs: ``python -m bench.calibrate_checks``.

Each check raises a flag in about one healthy run of twenty, and a number that is clearly unusual in one of a hundred; both are
shared evenly among its measured bounds. The numbers it prints go into `domain/training/thresholds.py`, with the date and the seeds.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter, defaultdict

import numpy as np

from domain.training import checks
from domain.training.pipeline import draw_pipeline
from domain.training.randomness import Floats
from domain.training.simulator import simulate
from domain.training.thresholds import CALIBRATION, MEASURED_BOUNDS

FLAG_SHARE, CLEAR_SHARE = 0.05, 0.01


def outward(value: float, *, up: bool) -> float:
    """Rounded to three significant digits, away from the healthy runs."""
    if value == 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - 2)
    steps = math.ceil(value / unit) if up else math.floor(value / unit)
    return float(f"{steps * unit:.6g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=CALIBRATION.first_seed)
    parser.add_argument("--count", type=int, default=CALIBRATION.seeds)
    arguments = parser.parse_args()
    numbers: dict[tuple[str, str], list[float]] = defaultdict(list)
    for seed in range(arguments.first, arguments.first + arguments.count):
        for check, measured in checks.measure(simulate(draw_pipeline(seed))).items():
            for name, value in measured.items():
                if isinstance(value, (int, float)):
                    numbers[check, name].append(float(value))
    bounds_of_check = Counter(check for check, _, _ in MEASURED_BOUNDS)
    for check, name, side in MEASURED_BOUNDS:
        flag, clear = (
            bound(np.array(numbers[check, name]), share / bounds_of_check[check], up=side == "high")
            for share in (FLAG_SHARE, CLEAR_SHARE)
        )
        print(f'    ("{check}", "{name}", "{side}", {flag}, {clear}),')


def bound(values: Floats, share: float, *, up: bool) -> float:
    """The number that this share of the healthy runs lie beyond."""
    found = float(np.quantile(values, 1 - share if up else share, method="higher" if up else "lower"))
    return outward(found, up=up)


if __name__ == "__main__":
    main()
