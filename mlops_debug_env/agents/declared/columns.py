"""Where to look in data_slices.json: columns that the checks find odd, and sources that a column's overview finds odd."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import median

from mlops_debug_env.agents.declared.blocks import CODES, UNTIL, Block, cell_of, quantities, reference
from mlops_debug_env.agents.declared.measured import Checks
from mlops_debug_env.agents.declared.reading import Declared

ODD = 1.0
"""From here on a column or a source is worth a look."""


def odd_columns(declared: Declared, checks: Checks) -> list[tuple[float, str]]:
    """Every column with how odd it is, the oddest first."""
    found = []
    frequent = checks.by_name("feature_statistics", "most_frequent_share")
    empty = checks.by_name("feature_statistics", "empty_share")
    between = {
        name: checks.by_name("feature_statistics", name)
        for name in ("source_association", "source_and_month_association")
    }
    for column in declared.columns:
        oddness = [(frequent.get(column, 0.0) - empty.get(column, 0.0)) / 0.006]
        if column in declared.joined:
            oddness.append(empty.get(column, 0.0) / 0.3)
        for name, limit in (("source_association", 0.11), ("source_and_month_association", 0.05)):
            usual = median(between[name].values()) if between[name] else 0.0
            oddness.append((between[name].get(column, 0.0) - 0.5 * usual) / limit)
        if any(UNTIL in declared.text(f"sources.{source}.columns.{column}.unit") for source in declared.sources):
            oddness.append(0.8)
        found.append((max(oddness), column))
    return sorted(found, reverse=True)


def odd_sources(declared: Declared, column: str, overview: Block) -> list[tuple[float, str]]:
    """Every source with how odd its column is, the oddest first."""
    return sorted(
        (
            (max(_oddness(declared, column, overview, place)), str(source))
            for place, source in enumerate(overview["sources"])
        ),
        reverse=True,
    )


def _oddness(declared: Declared, column: str, overview: Block, place: int) -> Iterator[float]:
    source = overview["sources"][place]
    path = f"sources.{source}.columns.{column}"
    low, high, share, missing = (
        overview[name][place] for name in ("min", "max", "most_frequent_share", "missing_share")
    )
    is_code = declared.facts.get(f"{path}.missing_code") in (low, high) or any(code in (low, high) for code in CODES)
    yield 0.0 if is_code or share is None else share / 0.03
    if column in declared.joined:
        others = [value for at, value in enumerate(overview["missing_share"]) if at != place and value is not None]
        yield ((missing or 0.0) - (median(others) if others else 0.0)) / 0.1
    cell = cell_of(overview, place)
    if UNTIL in declared.text(f"{path}.unit"):
        yield 2.0
    for units in quantities(declared, column)[:1]:
        usual = reference(declared, column, units, overview, but=source)
        factor = units.get(declared.text(f"{path}.unit"), 0.0)
        if cell is None or not factor:
            continue
        if usual[0] is not None:
            yield abs(cell.level - math.log(factor) - usual[0]) / 0.2
        if usual[1] is not None and cell.spread is not None:
            yield abs(cell.spread - math.log(factor) - usual[1]) / 0.2
