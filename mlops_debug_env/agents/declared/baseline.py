"""The run against the last good one: rows, classes and accuracies. What is not known is NaN.

Where nothing went wrong, the rows of a source grow as those of the other sources do, about as much as its declarations say.
"""

from __future__ import annotations

import math
from statistics import fmean, median
from typing import Any

from mlops_debug_env.agents.declared.checks import PREVIOUS, RESULTS, STATISTICS, Checks
from mlops_debug_env.agents.declared.log import LOG
from mlops_debug_env.agents.declared.reading import Declared

LABELLED = ("train", "validation", "test")


def growth(checks: Checks, source: str) -> float:
    """Log ratio of the rows of a source that the run used to those of the last good run."""
    before = checks.number(PREVIOUS, "sources", source, "rows")
    now = sum(checks.number(STATISTICS, "splits", name, "sources", source) for name in LABELLED)
    if math.isnan(now):
        now = checks.rows_of(source, "used")
    return math.log((now + 1.0) / (before + 1.0))


def growth_over_others(declared: Declared, checks: Checks, source: str) -> float:
    """The same, over the middle one of the other sources."""
    others = [growth(checks, name) for name in declared.sources if name != source]
    return growth(checks, source) - median(others) if others else math.nan


_MOVES_ROWS = ("majority_kept", "deduplicate", "used_until")
"""Declarations of a source that change how many of its rows are used."""


def least_growth(declared: Declared, checks: Checks) -> float:
    """Of the source that grew least, of those whose rows no change explains; of all where none is left."""
    changed = declared.changed or {}
    names = [
        name for name in declared.sources if not any(f"sources.{name}.{one}" in changed for one in _MOVES_ROWS)
    ] or declared.sources
    grown = [growth(checks, name) for name in names]
    return min(grown) if grown and not any(map(math.isnan, grown)) else math.nan


def class_growth(checks: Checks) -> list[float]:
    """Log ratio of the share of each class to that in the last good run, in the order of the model's outputs."""
    before = checks.get(PREVIOUS, "sources") or {}
    old = [sum(float(each.get("classes", {}).get(name, 0)) for each in before.values()) for name in checks.classes]
    new = [
        sum(checks.number(STATISTICS, "splits", split, "classes", name) for split in LABELLED)
        for name in checks.classes
    ]
    if math.isnan(sum(new)):
        # A third of the labelled rows were scored.
        scored = [checks.get(RESULTS, "confusion", split) or {} for split in ("validation", "test")]
        new = [
            sum(map(float, (row for each in scored for row in each.get(name, [math.nan])))) for name in checks.classes
        ]
    if not sum(old) or math.isnan(sum(new)):
        return []
    total = math.log((sum(new) + 1.0) / (sum(old) + 1.0))
    return [math.log((now + 1.0) / (then + 1.0)) - total for now, then in zip(new, old, strict=True)]


def accuracy_change(declared: Declared, checks: Checks, source: str) -> float:
    """How the accuracy on the labelled rows of a source moved, over the middle one of the sources."""
    moved = {name: _accuracy(checks, RESULTS, name) - _accuracy(checks, PREVIOUS, name) for name in declared.sources}
    known = [value for value in moved.values() if not math.isnan(value)]
    return moved[source] - median(known) if known else math.nan


def _accuracy(checks: Checks, report: str, source: str) -> float:
    found = checks.by_name(report, "accuracy_by_source", source)
    labelled = [found[name] for name in ("validation", "test") if name in found]
    return fmean(labelled) if labelled else math.nan


def gap_change(checks: Checks) -> float:
    """How the accuracy on validation and test rows moved over that on rows of the last month, which know nothing of the class."""
    return _gap(checks, RESULTS) - _gap(checks, PREVIOUS)


NOT_COMPARABLE = 0.15
"""Difference of the accuracies of validation and test rows beyond which the test is of other rows, or its labels are read wrongly."""


def _gap(checks: Checks, report: str) -> float:
    validation, test, recent = (
        checks.number(report, "metrics", f"{name}_accuracy") for name in ("validation", "test", "recent")
    )
    held_out = fmean((validation, test)) if abs(validation - test) < NOT_COMPARABLE else validation
    return held_out - recent


def last_epoch(checks: Checks, name: str, report: str = LOG) -> float:
    """A number of the last epoch of the log, or of the last good run."""
    return _of_epoch(checks, report, -1, name)


def first_epoch(checks: Checks, name: str) -> float:
    """A number of the first epoch of the log."""
    return _of_epoch(checks, LOG, 0, name)


def _of_epoch(checks: Checks, report: str, place: int, name: str) -> float:
    epochs: list[dict[str, Any]] = checks.get(report, "epochs") or [{}]
    value = epochs[place].get(name)
    return math.nan if value is None else float(value)


def log_ratio(one: float, other: float) -> float:
    """NaN where one of them is not known or not above 0."""
    return math.log(one / other) if one > 0.0 and other > 0.0 else math.nan
