"""Where to look in data_slices.json: columns that the checks find odd, and sources that a column's overview finds odd."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from statistics import median

from mlops_debug_env.agents.declared.blocks import CODES, Block, cell_of, factor_of, quantities, reference
from mlops_debug_env.agents.declared.checks import Checks
from mlops_debug_env.agents.declared.reading import Declared

ODD = 1.0
"""From here on a column or a source is worth a look."""
HAS_EMPTY = 1.05
"""How odd a column with empty cells is at least: only its overview shows whether its codes are the declared ones."""
STALE = 2.0
"""How odd a column of the second table is at most, where empty cells are all that is odd about it."""
NEAR_CONSTANT = 0.32
"""Share of a value from which on it is the usual one of a column: codes and frozen months of one source make up less."""
MORE_FROZEN = 1.5
"""How much more often than declared a value is repeated where another source is frozen as well."""
HAVE_NO_PARTNER = 0.03
"""Share of the rows that the second table usually lacks."""
USUAL_RATIO = 1.0
"""Log ratio of the mean of a column to its spread, about."""
LAST_MONTH = 2.4
"""Rows of the month that was scored, over those of a labelled month, where all sources are served."""


def odd_columns(declared: Declared, checks: Checks) -> dict[str, float]:
    """How odd every column is."""
    frequent = checks.by_name("feature_statistics", "most_frequent_share")
    empty = checks.by_name("feature_statistics", "empty_share")
    between = {
        name: checks.by_name("feature_statistics", name)
        for name in ("source_association", "source_and_month_association")
    }
    stale = _stale(declared, checks, empty)
    found = {}
    for column in declared.columns:
        oddness = [0.0]
        most = frequent.get(column, 0.0)
        unexplained = (most - empty.get(column, 0.0)) / 0.045 * (most < NEAR_CONSTANT)
        if _is_frozen_as_declared(declared, column) and most < MORE_FROZEN * _frozen_share(declared, checks, column):
            unexplained = min(HAS_EMPTY, unexplained)
        oddness.append(unexplained)
        if empty.get(column, 0.0) > 0.025:
            oddness.append(HAS_EMPTY + between["source_association"].get(column, 0.0))
            if not _is_frozen_as_declared(declared, column):
                oddness.append(HAS_EMPTY + 5.0 * (most - _of_codes(declared, column)) * (most < NEAR_CONSTANT))
        if column == stale[0]:
            oddness.append(min(STALE, stale[1] / 0.04))
        for name, limit in (("source_association", 0.2), ("source_and_month_association", 0.05)):
            usual = median(between[name].values()) if between[name] else 0.0
            oddness.append((between[name].get(column, 0.0) - 0.5 * usual) / limit)
        found[column] = max(oddness)
    return found


def _stale(declared: Declared, checks: Checks, empty: Mapping[str, float]) -> tuple[str, float]:
    """The column of the second table with fewest empty cells, and their share that no missing partner explains.

    A snapshot that is too old empties all columns of the second table.
    """
    column = min(declared.joined, key=lambda name: empty.get(name, 0.0), default="")
    joined = [share for share in checks.get("join.rows", "joined_share") or [] if share is not None]
    alone = 1.0 - min(joined) if joined else HAVE_NO_PARTNER
    return column, empty.get(column, 0.0) - alone


def _of_codes(declared: Declared, column: str) -> float:
    """The share of the most frequent declared code, about."""
    codes = [declared.facts.get(f"sources.{source}.columns.{column}.missing_code") for source in declared.sources]
    return 0.16 * max((codes.count(code) for code in codes if code is not None), default=0) / max(1, len(codes))


def _is_frozen_as_declared(declared: Declared, column: str) -> bool:
    return any(
        declared.facts.get(f"sources.{source}.columns.{column}.used_until") is not None for source in declared.sources
    )


def _frozen_share(declared: Declared, checks: Checks, column: str) -> float:
    """The largest share of the cells of a column that one source repeats, as it is declared."""
    rows = {source: checks.rows_of(source, "read") for source in declared.sources}
    months = max(1, len(declared.months))
    found = [0.0]
    for source, count in rows.items():
        until = declared.facts.get(f"sources.{source}.columns.{column}.used_until")
        if until in declared.months:
            found.append(count / sum(rows.values()) * (months - 1 - declared.months.index(str(until))) / months)
    return max(found)


def odd_sources(declared: Declared, column: str, overview: Block) -> dict[str, float]:
    """How odd a column is at every source."""
    return {
        str(source): max(_oddness(declared, column, overview, place))
        for place, source in enumerate(overview["sources"])
    }


def _oddness(declared: Declared, column: str, overview: Block, place: int) -> Iterator[float]:
    source = overview["sources"][place]
    path = f"sources.{source}.columns.{column}"
    low, high, share = (overview[name][place] for name in ("min", "max", "most_frequent_share"))
    is_code = any(code in (low, high) for code in (*CODES, declared.facts.get(f"{path}.missing_code")))
    # Codes are never so frequent: what is, does not move any more.
    shares = [other or 0.0 for other in overview["most_frequent_share"]]
    is_explained = share is None or (is_code and share < 0.28) or declared.facts.get(f"{path}.used_until") is not None
    is_explained |= median(shares) > NEAR_CONSTANT
    yield 0.0 if is_explained else share / 0.08
    if column in declared.joined:
        excess = [
            (value or 0.0) - _not_covered(declared, str(name))
            for name, value in zip(overview["sources"], overview["missing_share"], strict=True)
        ]
        others = [value for at, value in enumerate(excess) if at != place]
        yield (excess[place] - median(others)) / 0.1
    cell = cell_of(overview, place)
    for units in quantities(declared, column)[:1]:
        usual = reference(declared, column, units, overview, but=source)
        if cell is None or usual[0] is None:
            continue
        # Codes hide how the values spread: where all sources have them, only the means are compared.
        is_spread_known = usual[1] is not None
        spreads = usual[1] if usual[1] is not None else usual[0] - USUAL_RATIO
        level, spread = _expected(declared, declared.text(f"{path}.unit"), units, (usual[0], spreads))
        of_level = (cell.level - level) / (0.2 if is_spread_known else 0.3)
        if cell.spread is None or not is_spread_known:
            yield abs(of_level)
            continue
        of_spread = (cell.spread - spread) / 0.2
        yield abs(of_spread)
        # A unit moves both to the same side; a source that lies elsewhere spreads as before.
        yield min(abs(of_level), abs(of_spread)) if of_level * of_spread > 0 else 0.0


def _not_covered(declared: Declared, source: str) -> float:
    """Share of the months after the declared snapshot of a source."""
    taken = declared.facts.get(f"sources.{source}.snapshot")
    months = declared.months
    return (len(months) - 1 - months.index(str(taken))) / len(months) if taken in months else 0.0


def _expected(
    declared: Declared, unit: str, units: Mapping[str, float], usual: tuple[float, float]
) -> tuple[float, float]:
    """Mean and spread of a source, as logarithms, where its unit may change at a month."""
    factors = [factor_of(unit, units, month) or 1.0 for month in declared.months]
    weights = [*([1.0] * (len(factors) - 1)), LAST_MONTH]
    total = sum(weights)
    mean, spread = (math.exp(value) for value in usual)
    first = sum(weight * factor for weight, factor in zip(weights, factors, strict=True)) / total
    second = sum(weight * factor**2 for weight, factor in zip(weights, factors, strict=True)) / total
    variance = second * (mean**2 + spread**2) - (first * mean) ** 2
    return math.log(first * mean), 0.5 * math.log(max(1e-12, variance))


# One month of a source.

ODD_UNIT = 0.3
"""How far, as a logarithm, mean and spread of a month move together only where they are in another unit."""


def last_month(declared: Declared) -> str:
    """The last labelled month; empty: not known."""
    return declared.months[-2] if len(declared.months) > 1 else ""


def odd_cells(declared: Declared, blocks: Mapping[str, Block]) -> set[tuple[str, str]]:
    """Source and column of what the last labelled month, where it was looked at, does not show as declared.

    A column that is frozen has one value; one whose snapshot is too old has none; one in another unit lies elsewhere than at other sources.
    """
    month = last_month(declared)
    of_month = {source: block for source in declared.sources if (block := blocks.get(f"{source}.{month}")) is not None}
    found = set()
    for column in declared.columns:
        found |= {(source, column) for source in _in_another_unit(declared, column, month, of_month)}
        for source, block in of_month.items():
            path, low = f"sources.{source}.columns.{column}", block["min"].get(column)
            is_one_value = low is not None and low == block["max"].get(column) and (block["rows"] or 0) >= 5
            is_covered = str(declared.facts.get(f"sources.{source}.snapshot")) >= month
            is_empty = column in declared.joined and (block["missing_share"].get(column) or 0.0) > 0.8
            if (is_one_value and declared.facts.get(f"{path}.used_until") is None) or (is_empty and is_covered):
                found.add((source, column))
    return found


def _in_another_unit(declared: Declared, column: str, month: str, of_month: Mapping[str, Block]) -> list[str]:
    """Sources whose mean and spread, in one unit, are both off by the same side from those of the others."""
    cells: dict[str, tuple[float, float]] = {}
    for units in quantities(declared, column)[:1]:
        for source, block in of_month.items():
            path = f"sources.{source}.columns.{column}"
            factor = factor_of(declared.text(f"{path}.unit"), units, month)
            mean, spread, low, high = (block[name].get(column) or 0.0 for name in ("mean", "spread", "min", "max"))
            is_plain = not {low, high} & set(CODES) and declared.facts.get(f"{path}.used_until") is None
            if factor and is_plain and mean > 0 and spread > 0:
                cells[source] = math.log(mean / factor), math.log(spread / factor)
    found = []
    for source, cell in cells.items():
        others = [other for name, other in cells.items() if name != source]
        gaps = [value - median(other[at] for other in others) for at, value in enumerate(cell)] if others else [0.0]
        if min(gaps) > ODD_UNIT or max(gaps) < -ODD_UNIT:
            found.append(source)
    return found
