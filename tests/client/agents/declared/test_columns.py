"""Which columns of which sources are odd in the overview of a column."""

from __future__ import annotations

import pytest

from mlops_debug_env.agents.declared.columns import odd_sources
from mlops_debug_env.agents.declared.reading import Declared

SOURCES = ("mill", "quay", "annex")
MONTHS = tuple(f"2025-{month:02d}" for month in range(1, 13)) + ("2026-01",)


@pytest.mark.parametrize(
    ("mean", "spread", "is_odd"),
    [(44.1, 8.8, True), (44.1, 4.0, False), (20.5, 4.1, False)],
    ids=["both are twice as large", "only the mean", "neither"],
)
def test_a_unit_moves_mean_and_spread_and_a_source_that_lies_elsewhere_only_its_mean(
    mean: float, spread: float, is_odd: bool
) -> None:
    declared = Declared(
        facts={f"sources.{source}.columns.weight.unit": "kg" for source in SOURCES},
        sources=SOURCES,
        columns=("weight",),
        months=MONTHS,
    )
    overview = {
        "sources": list(SOURCES),
        "mean": [mean, 20.0, 21.0],
        "spread": [spread, 4.0, 4.2],
        "min": [1.0, 2.0, 2.0],
        "max": [90.0, 40.0, 41.0],
        "missing_share": [0.0, 0.0, 0.0],
        "most_frequent_share": [0.01, 0.01, 0.01],
    }
    assert (odd_sources(declared, "weight", overview)["mill"] > 1.5) is is_odd
