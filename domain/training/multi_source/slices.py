"""data_slices.json: statistics of the tables by source and month, as stored. It is queried block by block."""

from __future__ import annotations

import json
from typing import Any, Sequence

import numpy as np

from domain.training.artifacts.numbers import all_to_json
from domain.training.multi_source.details import ABOUT, BLOCKS, details
from domain.training.multi_source.layout import LABELLED_MONTHS, Layout
from domain.training.multi_source.measuring import Measured, measure
from domain.training.multi_source.run import Run
from domain.training.randomness import Floats, Ints

STATISTICS = ("mean", "spread", "min", "max", "missing_share", "most_frequent_share")
"""Of the stored cells that are not empty; `missing_share` is the share of empty ones, `most_frequent_share` that of the value
that occurs most often."""

AS_STORED = "cells as stored, each source in its own unit, codes of missing values included; missing_share and most_frequent_share: 0 to 1"
AS_READ = "rows of a month as dated by the pipeline; shares of them, 0 to 1, by class as the pipeline reads the labels"
"""What the numbers of a block are."""


def slices(run: Run, found: Measured | None = None) -> dict[str, Any]:
    """Table of contents and blocks, as they are read from the text."""
    document: dict[str, Any] = json.loads(render_slices(run, found))
    return document


def render_slices(run: Run, found: Measured | None = None) -> str:
    """The text of data_slices.json."""
    found = found or measure(run)
    layout = run.state.layout
    blocks = _statistics_blocks(run, found)
    further = _json(details(run, found))[1:-1]
    return f'{{"contents":{_json(_contents(layout))},"blocks":{{{blocks},{further}}}}}\n'


def _json(value: Any) -> str:
    return _ENCODER.encode(value)


_ENCODER = json.JSONEncoder(separators=(",", ":"))


def _numbers(values: list[Any]) -> list[str]:
    """Each number as JSON."""
    return _json(values)[1:-1].split(",")


def _statistics_blocks(run: Run, found: Measured) -> str:
    """The blocks of statistics, joined of numbers that are written once: those of a month stand in the blocks of its columns as well.

    Names of sources, columns and months have nothing that JSON would escape.
    """
    layout = run.state.layout
    months, sources = len(layout.months), len(layout.sources)
    inside = np.flatnonzero((run.reading.month >= 0) & (run.reading.month <= LABELLED_MONTHS))
    month, origin, label = (one.take(inside) for one in (run.reading.month, run.tables.source, run.reading.label))
    values = run.tables.values.take(inside, axis=0)
    group = origin * months + month
    groups = sources * months
    rows = _numbers(np.bincount(group, minlength=groups).tolist())
    shown = _statistics(values, found.repeats.by_month, group, groups)
    by_source = _statistics(values, found.repeats.by_source, origin, sources)
    shares = _class_shares(layout, label, group, groups)
    listed_months, names = _json(list(layout.months)), [_json(name) for name in layout.column_names]
    of_month = [f'"{kind}":{{{",".join(f"{name}:%s" for name in names)}}}' for kind in STATISTICS[:5]]
    # By statistic and group, the numbers of all columns.
    by_month = [list(zip(*(statistics[kind] for statistics in shown), strict=True)) for kind in range(len(of_month))]
    of_column, of_class = _members(STATISTICS), _members(layout.classes)
    blocks = []
    stored, read = (f"{_json(ABOUT)}:{_json(text)}" for text in (AS_STORED, AS_READ))
    for number, source in enumerate(layout.source_names):
        first, last = number * months, (number + 1) * months
        head = f'"months":{listed_months},"rows":[{",".join(rows[first:last])}]'
        for column, statistics in zip(layout.column_names, shown, strict=True):
            lists = _lists(of_column, [one[first:last] for one in statistics])
            blocks.append(f'"{source}.{column}":{{{stored},{head},{lists}}}')
        for at, name in enumerate(layout.months, first):
            parts = [text % numbers[at] for text, numbers in zip(of_month, by_month, strict=True)]
            blocks.append(f'"{source}.{name}":{{{stored},"rows":{rows[at]},{",".join(parts)}}}')
        lists = _lists(of_class, [one[first:last] for one in shares])
        blocks.append(f'"{source}.classes":{{{read},{head},{lists}}}')
    listed_sources = _json(list(layout.source_names))
    for column, statistics in zip(layout.column_names, by_source, strict=True):
        lists = _lists(of_column, statistics)
        blocks.append(f'"all.{column}":{{{stored},"sources":{listed_sources},{lists}}}')
    total = _numbers(np.bincount(month, minlength=months).tolist())
    lists = _lists(of_class, _class_shares(layout, label, month, months))
    blocks.append(f'"all.classes":{{{read},"months":{listed_months},"rows":[{",".join(total)}],{lists}}}')
    return ",".join(blocks)


def _members(names: Sequence[str]) -> list[str]:
    """How the lists of an object begin."""
    return [f"{_json(name)}:[" for name in names]


def _lists(members: list[str], numbers: list[list[str]]) -> str:
    """Members of an object: a list of numbers for each name."""
    return "],".join([f"{head}{','.join(own)}" for head, own in zip(members, numbers, strict=True)]) + "]"


def _contents(layout: Layout) -> dict[str, Any]:
    return {
        "about": "Statistics of the joined tables as stored, before anything is converted, filled or dropped. Every run reads an export "
        "of all months: a source may correct or convert closed months. Query one block.",
        "sources": list(layout.source_names),
        "columns": list(layout.column_names),
        "months": list(layout.months),
        "scored_after_training": layout.months[-1],
        "statistics": list(STATISTICS),
        "blocks": {
            "<source>.<column>": "one column of one source, by month",
            "<source>.<month>": "mean, spread, minimum, maximum and missing share of every column of one source in one month",
            "all.<column>": "one column of every source, over all months",
            "<source>.classes": "rows and shares of the classes of one source, by month",
            "all.classes": "rows and shares of the classes, by month",
            **{path: ", ".join(name for name in numbers if name != "classes") for path, numbers in BLOCKS.items()},
        },
    }


def _class_shares(layout: Layout, label: Ints, group: Ints, groups: int) -> list[list[str]]:
    """As JSON, share of each class among the rows of each group, labels as the pipeline reads them."""
    classes = len(layout.classes)
    counts = np.bincount(group * classes + label, minlength=groups * classes).reshape(groups, classes)
    total = counts.sum(1, keepdims=True)
    shares = np.where(total > 0, counts / np.maximum(total, 1), np.nan)
    numbers = _numbers(all_to_json(shares.T))
    return [numbers[at : at + groups] for at in range(0, len(numbers), groups)]


def _statistics(values: Floats, most: Ints, group: Ints, groups: int) -> list[list[list[str]]]:
    """Numbers as JSON by column, by statistic, by group.

    Args:
        most: (columns, groups), how often the most frequent value occurs.
        group: of each row.
    """
    # Few groups: small integers are sorted by counting.
    order = np.argsort(group.astype(np.int16), kind="stable")
    rows = np.bincount(group, minlength=groups)
    full = np.flatnonzero(rows)
    starts = (np.cumsum(rows) - rows)[full]
    # One column after the other: sums run along memory.
    ordered = np.ascontiguousarray(values.take(order, axis=0).T)
    is_empty = np.isnan(ordered)
    counts = rows[full] - np.add.reduceat(is_empty.astype(np.int64), starts, axis=1)

    def summed(numbers: Floats) -> Floats:
        """Sums of the cells that are not empty; overwrites the empty ones."""
        np.copyto(numbers, 0.0, where=is_empty)
        found: Floats = np.add.reduceat(numbers, starts, axis=1)
        return found

    with np.errstate(all="ignore"):
        mean = summed(ordered.copy()) / counts
        centred = ordered - np.repeat(mean, rows[full], axis=1)
        centred *= centred
        spread = np.sqrt(summed(centred) / counts)
        # Beyond rounding: the spread of a column that never moves is what is left of nothing.
        spread = np.where(spread < 1e-9 * np.abs(mean), 0.0, spread)
        frequent = most[:, full] / counts
    # They pass over NaN, and give it where there is nothing else.
    low, high = (extreme.reduceat(ordered, starts, axis=1) for extreme in (np.fmin, np.fmax))
    missing = 1.0 - counts / rows[full]
    table = np.full((values.shape[1], len(STATISTICS), groups), np.nan)
    for kind, part in enumerate((mean, spread, low, high, missing, frequent)):
        table[:, kind, full] = part
    numbers = _numbers(all_to_json(table))
    lists, kinds = [numbers[at : at + groups] for at in range(0, len(numbers), groups)], len(STATISTICS)
    return [lists[at : at + kinds] for at in range(0, len(lists), kinds)]
