"""Calibration of the heuristic: measured probabilities of being right, interpolated from a table.

``python -m bench.calibrate_heuristic --only one-table`` prints the table, on seeds that no other measurement uses. Do so when rules
or faults are added.
"""

from __future__ import annotations

from itertools import pairwise

MEASURED: tuple[tuple[float, float], ...] = (
    (0.0, 0.027),
    (0.03, 0.027),
    (0.037, 0.034),
    (0.148, 0.284),
    (0.602, 0.719),
    (0.851, 0.966),
    (0.932, 0.966),
    (0.951, 0.999),
    (1.0, 0.999),
)
"""Softmax share of the best hypothesis, and how often it was right; both increase."""


MEASURED_ALONE: tuple[tuple[float, float], ...] = (
    (0.0, 0.001),
    (2.5, 0.05),
    (3.5, 0.72),
    (4.5, 0.87),
    (5.5, 0.996),
    (9.0, 0.998),
)
"""Score of a hypothesis where none, one or two faults may be planted, and how often it was right; both rise. Measured on 300
seeds of the expert task of generator 4, the last that planted two faults on one table."""


def calibrate(share: float) -> float:
    """The probability that category, file and field are right, by linear interpolation."""
    return _between(MEASURED, share)


def calibrate_alone(score: float) -> float:
    """The same for one hypothesis by itself, if several faults are possible."""
    return _between(MEASURED_ALONE, score)


def _between(measured: tuple[tuple[float, float], ...], share: float) -> float:
    for (low, right_at_low), (high, right_at_high) in pairwise(measured):
        if share <= high:
            part = (max(share, low) - low) / (high - low)
            return round(right_at_low + part * (right_at_high - right_at_low), 4)
    return measured[-1][1]
