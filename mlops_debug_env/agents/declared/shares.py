"""Clues from the shares of the classes: by month, by source, in the joined table."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from statistics import fmean, median, pstdev

from mlops_debug_env.agents.declared.baseline import growth_over_others
from mlops_debug_env.agents.declared.checks import PREVIOUS, Checks
from mlops_debug_env.agents.declared.labels import Matrix, confusions
from mlops_debug_env.agents.declared.reading import Declared
from mlops_debug_env.agents.declared.rows import rows_per_customer
from mlops_debug_env.agents.declared.suspicion import Suspicion

CAMPAIGN = 0.0, 0.2**2
"""Mean and variance of what a campaign adds to the log odds of the first class, at all sources."""
KEPT = 0.21, 0.286
"""What is answered of a share from 0.15 to 0.4: a repair may be too high or too low by the factor 1.4."""
SOURCES_DIFFER = 0.33
"""How far the log odds of the first class usually differ between sources."""


def maturity(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    """The first class is far more frequent in the last months that are used than before."""
    series = _first_class_by_month(checks)
    dropped = int(declared.number("labels.maturity_months", 0))
    shares = [float(value) for value in series[: len(series) - dropped] if value is not None]
    if len(shares) < 6:
        return
    for late in range(1, 4 - dropped):
        before = shares[:-late]
        rise = min(shares[-late:]) - fmean(before)
        score = rise / math.sqrt((pstdev(before) ** 2 + 0.015**2) * (1 + 1 / late))
        yield Suspicion("labels.maturity_months", dropped + late, min(score / 2.65, rise / 0.108))


def _first_class_by_month(checks: Checks) -> list[float | None]:
    """Share of the first class in the labelled months."""
    series = checks.get("all.classes", checks.classes[0]) if checks.classes else None
    return list(series or [])[:-1]


def dropped_class(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    """The joined table lacks rows of one class, which an inner join drops."""
    shares = [value for value in checks.get("join.rows", "joined_share") or [] if value is not None]
    if declared.text("join.how") == "inner" and shares:
        yield Suspicion("join.how", "left", (max(shares) - min(shares)) / 0.2)


def thinning(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    """The first class of a source is rarer, against the last month and the other sources, than its declared share explains."""
    labelled, recent = confusions(declared, checks)
    # Rows of one customer tend to one class: they count less.
    crowd = max(1.0, rows_per_customer(checks, declared.sources) / 1.35)
    shift: dict[str, tuple[float, float]] = {}
    level: dict[str, tuple[float, float]] = {}
    for source, table in labelled.items():
        before, after = [float(sum(row)) for row in table], [float(sum(row)) for row in recent[source]]
        rows = sum(before), sum(after)
        is_random = declared.facts.get(f"sources.{source}.used_until") is not None
        if rows[0] < 15 or is_random:
            continue
        kept = declared.number(f"sources.{source}.majority_kept", 1.0)
        added = _sent_again_before_labels_were_complete(checks, source) * rows[0]
        spoilt = (added / max(1.0, before[0])) ** 2
        before[0] = max(0.2 * before[0], before[0] - added)
        corrected = _logit(before) - math.log(kept)
        level[source] = corrected, _error(before) * crowd + SOURCES_DIFFER**2 + spoilt
        if rows[1] >= 15:
            error = (_error(before) + _error(after)) * crowd + spoilt
            shift[source] = corrected - _logit(after), error + 0.2**2
    for source in level:
        path = f"sources.{source}.majority_kept"
        # Campaigns move the shares of all sources alike.
        found = [_excess(level, source)] if len(level) > 1 else []
        found += [_excess({**shift, "": CAMPAIGN}, source)] if source in shift else []
        if not found:
            continue
        excess, _ = _pooled(found)
        error = math.sqrt(1.0 / sum(1.0 / variance for _, variance in found))
        kept = declared.number(path, 1.0) * math.exp(excess)
        nearest = 1.0 if kept > 0.6 else round(min(KEPT[1], max(KEPT[0], kept)), 3)
        score = abs(excess) / error
        strength = min(score / 3.2, abs(excess) / 0.6)
        remembered = _since_last_good_run(declared, checks, source, labelled[source])
        yield Suspicion(path, nearest, strength, source=source) if remembered is None else remembered


FOLLOWED = 0.08
"""How far, as a log ratio, the rows of a source may grow over those of others where nothing about them changed."""


def _since_last_good_run(declared: Declared, checks: Checks, source: str, table: Matrix) -> Suspicion | None:
    """Whether the share of the first class moved with its declaration since the last good run; None: not known.

    Where the declared share did not change, neither may the rows; where it changed, they must follow.
    """
    counts = checks.by_name(PREVIOUS, "sources", source, "classes")
    if sum(counts.values()) < 40.0:
        return None
    path = f"sources.{source}.majority_kept"
    moved = _logit([float(sum(row)) for row in table]) - _logit([counts.get(name, 0.0) for name in checks.classes])
    grown = growth_over_others(declared, checks, source)
    now, before = declared.number(path, 1.0), (declared.changed or {}).get(path)
    if isinstance(before, float):
        followed = moved / math.log(now / before)
        strength = 1.75 * (1.0 - max(0.0, followed)) * (0.5 if abs(grown) > FOLLOWED else 1.0)
        return Suspicion(path, before, strength, source=source)
    kept = now * math.exp(moved)
    nearest = 1.0 if kept > 0.6 else round(min(KEPT[1], max(KEPT[0], kept)), 3)
    strength = abs(moved) / 0.55 * (0.75 if grown * moved < 0.1 * abs(moved) else 1.2)
    return Suspicion(path, nearest, strength, source=source)


def _sent_again_before_labels_were_complete(checks: Checks, source: str) -> float:
    """Rows of the first class that bear earlier dates than their labels do, over the rows with complete labels.

    Labels of the last months may not be complete. Where such rows are sent again with earlier dates, they are counted there.
    """
    series = [float(value) for value in _first_class_by_month(checks) if value is not None]
    if len(series) < 6:
        return 0.0
    rise = fmean(series[-3:]) - median(series)
    copies = 0.5 * (checks.get(f"{source}.ids", "repeated_share") or 0.0)
    return max(0.0, rise) * copies / (0.75 + 0.25 * copies) if rise > 0.08 else 0.0


def _excess(values: Mapping[str, tuple[float, float]], source: str) -> tuple[float, float]:
    """How far the value of a source lies above those of the others, and the variance of that."""
    others = [pair for name, pair in values.items() if name != source]
    centre, _ = _pooled(others)
    value, variance = values[source]
    return value - centre, variance + 1.0 / sum(1.0 / each for _, each in others)


def _error(counts: list[float]) -> float:
    return 1 / (counts[0] + 0.5) + 1 / (sum(counts[1:]) + 0.5)


def _pooled(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    """Weighted mean of values with variances, and how far they scatter around it."""
    centre = sum(value / variance for value, variance in pairs) / sum(1 / variance for _, variance in pairs)
    return centre, sum((value - centre) ** 2 / variance for value, variance in pairs)


def _logit(counts: list[float]) -> float:
    return math.log((counts[0] + 0.5) / (sum(counts[1:]) + 0.5))
