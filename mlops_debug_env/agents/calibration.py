"""How often the heuristic is right when its rules are so sure: measured, and read off a table.

``python -m bench.calibrate_heuristic`` prints the table anew, on seeds that no other measurement uses. Do so when rules
or faults are added.
"""

from __future__ import annotations

from itertools import pairwise

MEASURED: tuple[tuple[float, float], ...] = (
    (0.0, 0.04),
    (0.035, 0.04),
    (0.04, 0.047),
    (0.145, 0.221),
    (0.419, 0.38),
    (0.549, 0.467),
    (0.707, 0.772),
    (0.823, 0.938),
    (0.9, 0.975),
    (0.964, 0.998),
    (1.0, 0.998),
)
"""Share of belief of the best hypothesis, and how often it was right; both rise."""


def calibrate(share: float) -> float:
    """The probability that category, file and field are right, between the measured points on a straight line."""
    for (low, right_at_low), (high, right_at_high) in pairwise(MEASURED):
        if share <= high:
            part = (max(share, low) - low) / (high - low)
            return round(right_at_low + part * (right_at_high - right_at_low), 4)
    return MEASURED[-1][1]
