"""The targets of the benchmark, compared with its figures."""

from __future__ import annotations

import pytest

from bench.targets import Target


@pytest.mark.parametrize(
    ("measured", "is_least", "verdict"),
    [
        (3.0, True, "aim"),
        (2.5, True, "must"),
        (1.9, True, "missed"),
        (None, True, "not measured"),
        (1.9, False, "must"),
        (3.1, False, "missed"),
    ],
)
def test_a_figure_reaches_its_aim_or_what_must_hold_or_is_missed(
    measured: float | None, is_least: bool, verdict: str
) -> None:
    aim = 3.0 if is_least else 1.0
    assert Target("a figure", measured, 2.0, aim, is_least=is_least).verdict == verdict
