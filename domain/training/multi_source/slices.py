"""data_slices.json: statistics of the tables by source and month, as stored. It is queried block by block."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

import numpy as np

from domain.training.artifacts.numbers import all_to_json
from domain.training.multi_source.details import ABOUT, BLOCKS, details
from domain.training.multi_source.layout import LABELLED_MONTHS, Layout
from domain.training.multi_source.measuring import Measured, Repeats, measure
from domain.training.multi_source.run import Run
from domain.training.randomness import Floats, Ints

STATISTICS = ("mean", "spread", "min", "max", "missing_share", "most_frequent_share")
"""Of the stored cells that are not empty; `missing_share` is the share of empty ones, `most_frequent_share` that of the value
that occurs most often."""

AS_STORED = "cells as stored, each source in its own unit, codes of missing values included; missing_share and most_frequent_share: 0 to 1"
AS_READ = "rows of a month as dated by the pipeline; shares of them, 0 to 1, by class as the pipeline reads the labels"
"""What the numbers of a block are."""


def render_slices(run: Run, found: Measured | None = None) -> str:
    """The text of data_slices.json."""
    return json.dumps(slices(run, found), separators=(",", ":")) + "\n"


def slices(run: Run, found: Measured | None = None) -> dict[str, Any]:
    """Table of contents and blocks."""
    found = found or measure(run)
    layout = run.state.layout
    months = len(layout.months)
    inside = np.flatnonzero((run.reading.month >= 0) & (run.reading.month <= LABELLED_MONTHS))
    month, origin, label = run.reading.month[inside], run.tables.source[inside], run.reading.label[inside]
    values = run.tables.values[inside]
    group = origin * months + month
    groups = len(layout.sources) * months
    rows = np.bincount(group, minlength=groups)
    kept = np.full(len(run.tables.row), -1)
    kept[inside] = np.arange(len(inside))
    repeats = [_kept_repeats(one, kept) for one in found.repeats]
    shown, by_source = _statistics(values, repeats, ((group, groups), (origin, len(layout.sources))))
    blocks: dict[str, Any] = {}
    shares = _class_shares(layout, label, group, groups)
    for number, source in enumerate(layout.source_names):
        own = slice(number * months, (number + 1) * months)
        for place, column in enumerate(layout.column_names):
            blocks[f"{source}.{column}"] = {
                ABOUT: AS_STORED,
                "months": list(layout.months),
                "rows": rows[own].tolist(),
                **{name: shown[place][kind][own] for kind, name in enumerate(STATISTICS)},
            }
        for at, name in enumerate(layout.months):
            blocks[f"{source}.{name}"] = {
                ABOUT: AS_STORED,
                "rows": int(rows[number * months + at]),
                **{
                    STATISTICS[kind]: {
                        column: shown[place][kind][number * months + at]
                        for place, column in enumerate(layout.column_names)
                    }
                    for kind in range(5)
                },
            }
        blocks[f"{source}.classes"] = {
            ABOUT: AS_READ,
            "months": list(layout.months),
            "rows": rows[own].tolist(),
            **{name: shares[place][own] for place, name in enumerate(layout.classes)},
        }
    for place, column in enumerate(layout.column_names):
        blocks[f"all.{column}"] = {
            ABOUT: AS_STORED,
            "sources": list(layout.source_names),
            **{name: by_source[place][kind] for kind, name in enumerate(STATISTICS)},
        }
    total = _class_shares(layout, label, month, months)
    blocks["all.classes"] = {
        ABOUT: AS_READ,
        "months": list(layout.months),
        "rows": np.bincount(month, minlength=months).tolist(),
        **{name: total[place] for place, name in enumerate(layout.classes)},
    }
    blocks |= details(run, found)
    return {"contents": _contents(layout), "blocks": blocks}


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


def _class_shares(layout: Layout, label: Ints, group: Ints, groups: int) -> list[list[float | None]]:
    """Share of each class among the rows of each group, labels as the pipeline reads them."""
    classes = len(layout.classes)
    counts = np.bincount(group * classes + label, minlength=groups * classes).reshape(groups, classes)
    total = counts.sum(1, keepdims=True)
    shares = np.where(total > 0, counts / np.maximum(total, 1), np.nan)
    return [all_to_json(shares[:, place]) for place in range(classes)]


def _kept_repeats(repeats: Repeats, kept: Ints) -> tuple[Ints, Ints]:
    """The rows with a value that occurs more than once, by their places among those that are kept, and the numbers of the values."""
    place = kept[repeats.row]
    return place[place >= 0], repeats.name[place >= 0]


def _statistics(
    values: Floats, repeats: list[tuple[Ints, Ints]], groupings: tuple[tuple[Ints, int], ...]
) -> list[list[list[list[float | None]]]]:
    """By grouping, by column, by statistic, by group. A grouping is the group of each row and how many groups there are."""
    is_known = ~np.isnan(values)
    found = []
    for group, groups in groupings:
        order = np.argsort(group, kind="stable")
        rows = np.bincount(group, minlength=groups)
        full = np.flatnonzero(rows)
        starts = (np.cumsum(rows) - rows)[full]
        sorted_values, sorted_known = values[order], is_known[order]
        zeroed = np.where(sorted_known, sorted_values, 0.0)
        counts = np.add.reduceat(sorted_known.astype(np.int64), starts)
        table = np.full((values.shape[1], len(STATISTICS), groups), np.nan)
        with np.errstate(all="ignore"):
            mean = np.add.reduceat(zeroed, starts) / counts
            centred = np.where(sorted_known, sorted_values - np.repeat(mean, rows[full], axis=0), 0.0)
            spread = np.sqrt(np.add.reduceat(centred * centred, starts) / counts)
            # Beyond rounding: the spread of a column that never moves is what is left of nothing.
            spread = np.where(spread < 1e-9 * np.abs(mean), 0.0, spread)
        low = np.minimum.reduceat(np.where(sorted_known, sorted_values, np.inf), starts)
        high = np.maximum.reduceat(np.where(sorted_known, sorted_values, -np.inf), starts)
        missing = 1.0 - counts / rows[full][:, None]
        for kind, part in enumerate((mean, spread, low, high, missing)):
            table[:, kind, full] = part.T
        for place, (again, name) in enumerate(repeats):
            most = np.zeros(groups)
            most[full] = counts[:, place] > 0
            if len(again):
                names = int(name[-1]) + 1
                often = np.bincount(group[again] * names + name, minlength=groups * names).reshape(groups, names)
                most = np.maximum(most, often.max(1))
            with np.errstate(all="ignore"):
                table[place, 5, full] = most[full] / counts[:, place]
        numbers = iter(all_to_json(table))
        found.append([[list(islice(numbers, groups)) for _ in STATISTICS] for _ in repeats])
    return found
