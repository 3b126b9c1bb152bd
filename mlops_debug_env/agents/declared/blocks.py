"""Clues from the blocks of data_slices.json: statistics of one column, as stored, by month or by source."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from statistics import fmean, median
from typing import Any, NamedTuple

from mlops_debug_env.agents.declared.reading import Declared
from mlops_debug_env.agents.declared.suspicion import Suspicion

UNITS: tuple[dict[str, float], ...] = (
    {"kg": 1.0, "lb": 2.205},
    {"t": 1.0, "kg": 1000.0},
    {"km": 1.0, "mi": 0.6214},
    {"m": 1.0, "ft": 3.281},
    {"h": 1.0, "min": 60.0},
    {"d": 1.0, "h": 24.0, "week": 0.1429},
    {"eur": 1.0, "keur": 0.001, "cent": 100.0},
    {"fraction": 1.0, "percent": 100.0},
    {"l": 1.0, "gal": 0.2642},
    {"mb": 1.0, "kb": 1000.0},
    {"km/h": 1.0, "m/s": 0.2778, "mph": 0.6214},
)
"""Units of one quantity, each with how many of it make one of the first."""
CODES = (-1, -9, -99, -999, 9999)
"""What tables often hold for a missing number."""
UNTIL = ", from "
SIMPLE = 0.95
"""Of two units that fit alike, the one that never changes is taken."""
LEVEL, SPREAD, STEP = 0.14, 0.12, 0.16
"""How far, as a logarithm, mean and spread of a column usually differ between sources; and between months of one."""
Block = Mapping[str, Any]


def clues_of_blocks(declared: Declared, blocks: Mapping[str, Block]) -> list[Suspicion]:
    """What the blocks queried so far contradict, one ``<source>.<column>`` each; the others of its column help."""
    found: list[Suspicion] = []
    for column in declared.columns:
        overview = blocks.get(f"all.{column}")
        for source in declared.sources:
            block = blocks.get(f"{source}.{column}")
            if block is None:
                continue
            found += _frozen(declared, source, column, block)
            found += _codes(declared, source, column, block)
            found += _snapshot(declared, source, column, block)
            if overview is not None:
                found += _units(declared, source, column, block, overview)
        if overview is not None:
            found += _codes_of_all(declared, column, overview)
    for source in declared.sources:
        for month in declared.months:
            if (block := blocks.get(f"{source}.{month}")) is not None:
                found += _codes_of_month(declared, source, block)
    return found


def factor_of(unit: str, units: Mapping[str, float], month: str) -> float | None:
    """How many of a declared unit, which may change at a month, make one of the first."""
    first, _, rest = unit.partition(UNTIL)
    if rest:
        onset, _, second = rest.partition(" ")
        first = second if month >= onset else first
    return units.get(first)


def quantities(declared: Declared, column: str) -> list[dict[str, float]]:
    """The sets of units that all declared units of a column are of."""
    used = set()
    for source in declared.sources:
        text = declared.text(f"sources.{source}.columns.{column}.unit")
        first, _, rest = text.partition(UNTIL)
        used |= {first} | ({rest.split(" ")[1]} if rest else set())
    return [units for units in UNITS if used <= set(units)]


def _numbers(block: Block, name: str) -> list[float]:
    return [math.nan if value is None else float(value) for value in block[name]]


def _frozen(declared: Declared, source: str, column: str, block: Block) -> Iterator[Suspicion]:
    """Nearly all values of a month are one value."""
    path = f"sources.{source}.columns.{column}.used_until"
    until = declared.facts.get(path)
    shares, rows = _numbers(block, "most_frequent_share"), _numbers(block, "rows")
    months = list(block["months"])
    last = months.index(until) if until in months else len(months)
    known = [place for place in range(len(months)) if rows[place] >= 5]
    # Rows that were sent again bear earlier dates: only what lasts to the end is frozen.
    moving = [place for place in known if not shares[place] > 0.6]
    frozen = [place for place in known if place > max(moving, default=-1) and place <= last]
    is_near_constant = bool(known) and shares[known[0]] > 0.4
    if len(frozen) > 1 and not is_near_constant:
        yield Suspicion(path, months[max(0, frozen[0] - 1)], 1.5 * len(frozen), source=source)


def _codes(declared: Declared, source: str, column: str, block: Block) -> Iterator[Suspicion]:
    """The lowest or highest value of most months is a code, and the most frequent one."""
    path = f"sources.{source}.columns.{column}.missing_code"
    if path not in declared.facts:
        return
    rows, shares = _numbers(block, "rows"), _numbers(block, "most_frequent_share")
    low, high = _numbers(block, "min"), _numbers(block, "max")
    months = [place for place in range(len(rows)) if rows[place] >= 10]
    for code in CODES:
        hits = sum((low[place] == code or high[place] == code) and 0.02 < shares[place] < 0.8 for place in months)
        if code != declared.facts[path]:
            yield Suspicion(path, code, hits / max(3.0, 0.5 * len(months)), source=source)


def _codes_of_all(declared: Declared, column: str, overview: Block) -> Iterator[Suspicion]:
    shares = _numbers(overview, "most_frequent_share")
    low, high = _numbers(overview, "min"), _numbers(overview, "max")
    for place, source in enumerate(overview["sources"]):
        path = f"sources.{source}.columns.{column}.missing_code"
        for code in CODES:
            is_there = code in (low[place], high[place])
            if path in declared.facts and code != declared.facts[path] and is_there:
                yield Suspicion(path, code, shares[place] / 0.03, source=source)


def _codes_of_month(declared: Declared, source: str, block: Block) -> Iterator[Suspicion]:
    """The lowest or highest value of a column is a code that is not declared."""
    for column in declared.columns:
        path = f"sources.{source}.columns.{column}.missing_code"
        for code in CODES:
            is_there = code in (block["min"].get(column), block["max"].get(column))
            if path in declared.facts and code != declared.facts[path] and is_there:
                yield Suspicion(path, code, 3.0, source=source)


def _snapshot(declared: Declared, source: str, column: str, block: Block) -> Iterator[Suspicion]:
    """A column of the second table is empty in months that its snapshot should cover."""
    path = f"sources.{source}.snapshot"
    months = list(block["months"])
    if column not in declared.joined or declared.facts.get(path) not in months:
        return
    taken = months.index(str(declared.facts[path]))
    missing, rows = _numbers(block, "missing_share"), _numbers(block, "rows")
    empty = [place for place in range(taken + 1) if missing[place] > 0.9 and rows[place] >= 5]
    if len(empty) > 1:
        yield Suspicion(path, months[max(0, empty[0] - 1)], 1.5 * len(empty), source=source)


# Units.


def _units(declared: Declared, source: str, column: str, block: Block, overview: Block) -> Iterator[Suspicion]:
    """Mean and spread of a source are both off by the factor between two units, for all months or from one on."""
    path = f"sources.{source}.columns.{column}.unit"
    now = declared.text(path)
    months = list(block["months"])
    parts = [cell_of(block, place) if (block["rows"][place] or 0) >= 8 else None for place in range(len(months))]
    for units in quantities(declared, column):
        usual = reference(declared, column, units, overview, but=source)
        for value in _candidates(now, units, months):
            gain = _gain(parts, months, units, now, value, usual) / 8.0
            yield Suspicion(path, value, SIMPLE * gain if UNTIL in value else gain, source=source)


class Cell(NamedTuple):
    """Mean and spread of some values, as logarithms."""

    level: float
    spread: float | None
    """None: a code among the values hides it."""
    rows: float


def cell_of(block: Block, place: int) -> Cell | None:
    """A month of one source, or a source of the overview; without the code that stands for missing ones."""
    mean, spread, share = (block[name][place] for name in ("mean", "spread", "most_frequent_share"))
    rows = block["rows"][place] if "rows" in block else 500
    if mean is None or share is None or share > 0.6:
        return None
    code = next((code for code in CODES if code in (block["min"][place], block["max"][place])), None)
    if code is None or share < 0.02:
        return Cell(math.log(mean), math.log(spread), rows) if mean > 0 and spread > 0 else None
    rest = (mean - share * code) / (1.0 - share)
    # Four digits of a mean that is mostly code leave little of the rest.
    is_known = rest > 0 and rest > 0.01 * abs(share * code)
    return Cell(math.log(rest), None, rows * (1.0 - share)) if is_known else None


def reference(
    declared: Declared, column: str, units: Mapping[str, float], overview: Block, *, but: str
) -> tuple[float | None, float | None]:
    """Mean and spread of a column in the first unit, over the other sources, as logarithms; None: they are not known."""
    levels, spreads = [], []
    for place, source in enumerate(overview["sources"]):
        unit = declared.text(f"sources.{source}.columns.{column}.unit")
        factor, cell = units.get(unit), cell_of(overview, place)
        # What a frozen column repeats is no code, and no level either.
        is_frozen = declared.facts.get(f"sources.{source}.columns.{column}.used_until") is not None
        if source == but or is_frozen or factor is None or cell is None:
            continue
        levels.append(cell.level - math.log(factor))
        if cell.spread is not None:
            spreads.append(cell.spread - math.log(factor))
    return median(levels) if levels else None, median(spreads) if spreads else None


def _gain(
    parts: list[Cell | None],
    months: list[str],
    units: Mapping[str, float],
    now: str,
    value: str,
    usual: tuple[float | None, float | None],
) -> float:
    """How much better another unit fits: months in which the two differ against the usual, and against the other months."""
    old = [math.log(factor_of(now, units, month) or 1.0) for month in months]
    new = [math.log(factor_of(value, units, month) or 1.0) for month in months]
    changed = [place for place, part in enumerate(parts) if part is not None and abs(old[place] - new[place]) > 1e-9]
    same = [place for place, part in enumerate(parts) if part is not None and place not in changed]
    if len(changed) < 2 or _is_one_sided(value, months, parts):
        return 0.0
    gains = []
    if usual[0] is not None or usual[1] is not None:
        gains.append(
            _misfit(parts, changed, old, usual, LEVEL, SPREAD) - _misfit(parts, changed, new, usual, LEVEL, SPREAD)
        )
    if len(same) > 1:
        own = _means(parts, same, old)
        gains.append(_misfit(parts, changed, old, own, STEP, STEP) - _misfit(parts, changed, new, own, STEP, STEP))
        return min(gains) if len(gains) > 1 else gains[0]
    return gains[0] if gains else 0.0


def _is_one_sided(unit: str, months: list[str], parts: list[Cell | None]) -> bool:
    """Whether a unit changes at a month that no rows of the source precede, or none follow."""
    _, _, rest = unit.partition(UNTIL)
    known = [month for month, part in zip(months, parts, strict=True) if part is not None]
    onset = rest.partition(" ")[0]
    return bool(rest) and (sum(month < onset for month in known) < 2 or sum(month >= onset for month in known) < 2)


def _means(parts: list[Cell | None], places: list[int], factors: list[float]) -> tuple[float | None, float | None]:
    levels = [part.level - factors[place] for place in places if (part := parts[place]) is not None]
    spreads = [
        part.spread - factors[place]
        for place in places
        if (part := parts[place]) is not None and part.spread is not None
    ]
    return fmean(levels) if levels else None, fmean(spreads) if spreads else None


def _misfit(
    parts: list[Cell | None],
    places: list[int],
    factors: list[float],
    usual: tuple[float | None, float | None],
    level_error: float,
    spread_error: float,
) -> float:
    level, spread = _means(parts, places, factors)
    total = 0.0
    if level is not None and usual[0] is not None:
        total += min(40.0, ((level - usual[0]) / level_error) ** 2)
    if spread is not None and usual[1] is not None:
        total += min(40.0, ((spread - usual[1]) / spread_error) ** 2)
    return total


def _candidates(now: str, units: Mapping[str, float], months: list[str]) -> Iterator[str]:
    for unit in units:
        if unit != now:
            yield unit
        for month in months[3:10]:
            for other in units:
                value = f"{unit}{UNTIL}{month} {other}"
                if other != unit and value != now:
                    yield value
