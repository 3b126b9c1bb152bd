"""data_slices.json: statistics of the tables by source and month, as stored. A warehouse: it is queried block by block."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from domain.training.artifacts.numbers import to_json
from domain.training.multi_source.layout import LABELLED_MONTHS, Layout
from domain.training.multi_source.run import Run
from domain.training.randomness import Floats, Ints

STATISTICS = ("mean", "spread", "min", "max", "missing_share", "most_frequent_share")
"""Of the stored cells that are not empty; `missing_share` is the share of empty ones, `most_frequent_share` that of the value
that occurs most often."""


def render_slices(run: Run) -> str:
    """The text of data_slices.json."""
    return json.dumps(slices(run), separators=(",", ":")) + "\n"


def slices(run: Run) -> dict[str, Any]:
    """Table of contents and blocks."""
    layout = run.state.layout
    months = len(layout.months)
    month = np.clip(run.reading.month, 0, LABELLED_MONTHS)
    group = run.tables.source * months + month
    groups = len(layout.sources) * months
    rows = np.bincount(group, minlength=groups)
    shown = _statistics(run.tables.values, group, rows)
    by_source = _statistics(
        run.tables.values, run.tables.source, np.bincount(run.tables.source, minlength=len(layout.sources))
    )
    blocks: dict[str, Any] = {}
    shares = _class_shares(run, group, groups)
    for number, source in enumerate(layout.source_names):
        own = slice(number * months, (number + 1) * months)
        for place, column in enumerate(layout.column_names):
            blocks[f"{source}.{column}"] = {
                "months": list(layout.months),
                "rows": rows[own].tolist(),
                **{name: shown[place][kind][own] for kind, name in enumerate(STATISTICS)},
            }
        for at, name in enumerate(layout.months):
            blocks[f"{source}.{name}"] = {
                "rows": int(rows[number * months + at]),
                **{
                    STATISTICS[kind]: {
                        column: shown[place][kind][number * months + at]
                        for place, column in enumerate(layout.column_names)
                    }
                    for kind in (0, 1, 4)
                },
            }
        blocks[f"{source}.classes"] = {
            "months": list(layout.months),
            "rows": rows[own].tolist(),
            **{name: shares[place][own] for place, name in enumerate(layout.classes)},
        }
    for place, column in enumerate(layout.column_names):
        blocks[f"all.{column}"] = {
            "sources": list(layout.source_names),
            **{name: by_source[place][kind] for kind, name in enumerate(STATISTICS)},
        }
    total = _class_shares(run, month, months)
    blocks["all.classes"] = {
        "months": list(layout.months),
        "rows": np.bincount(month, minlength=months).tolist(),
        **{name: total[place] for place, name in enumerate(layout.classes)},
    }
    return {"contents": _contents(layout), "blocks": blocks}


def _contents(layout: Layout) -> dict[str, Any]:
    return {
        "about": "Statistics of the joined tables as stored, before anything is converted, filled or dropped. Query one block.",
        "sources": list(layout.source_names),
        "columns": list(layout.column_names),
        "months": list(layout.months),
        "scored_after_training": layout.months[-1],
        "statistics": list(STATISTICS),
        "blocks": {
            "<source>.<column>": "one column of one source, by month",
            "<source>.<month>": "mean, spread and missing share of every column of one source in one month",
            "all.<column>": "one column of every source, over all months",
            "<source>.classes": "rows and shares of the classes of one source, by month",
            "all.classes": "rows and shares of the classes, by month",
        },
    }


def _class_shares(run: Run, group: Ints, groups: int) -> list[list[float | None]]:
    """Share of each class among the rows of each group, labels as the pipeline reads them."""
    classes = len(run.state.layout.classes)
    counts = np.bincount(group * classes + run.reading.label, minlength=groups * classes).reshape(groups, classes)
    total = counts.sum(1, keepdims=True)
    shares = np.where(total > 0, counts / np.maximum(total, 1), np.nan)
    return [[to_json(float(value)) for value in shares[:, place]] for place in range(classes)]


def _statistics(values: Floats, group: Ints, rows: Ints) -> list[list[list[float | None]]]:
    """By column, by statistic, by group."""
    groups = len(rows)
    found = []
    for place in range(values.shape[1]):
        column = values[:, place]
        known = np.flatnonzero(~np.isnan(column))
        order = known[np.lexsort((column[known], group[known]))]
        sorted_values, sorted_groups = column[order], group[order]
        counts = np.bincount(sorted_groups, minlength=groups)
        starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
        table = np.full((6, groups), np.nan)
        table[4] = np.where(rows > 0, 1.0 - counts / np.maximum(rows, 1), np.nan)
        full = np.flatnonzero(counts > 0)
        if len(full):
            at = starts[full]
            mean = np.add.reduceat(sorted_values, at) / counts[full]
            centred = sorted_values - np.repeat(mean, counts[full])
            table[0, full] = mean
            table[1, full] = np.sqrt(np.add.reduceat(centred * centred, at) / counts[full])
            table[2, full] = sorted_values[at]
            table[3, full] = sorted_values[at + counts[full] - 1]
            new = np.ones(len(order), dtype=bool)
            new[1:] = (sorted_values[1:] != sorted_values[:-1]) | (sorted_groups[1:] != sorted_groups[:-1])
            first = np.flatnonzero(new)
            length = np.diff(np.append(first, len(order)))
            run_start = np.searchsorted(first, at)
            table[5, full] = np.maximum.reduceat(length, run_start) / counts[full]
        # Beyond rounding: the spread of a column that never moves is what is left of nothing.
        with np.errstate(invalid="ignore"):
            table[1] = np.where(table[1] < 1e-9 * np.abs(table[0]), 0.0, table[1])
        found.append([[to_json(value) for value in line] for line in table.tolist()])
    return found
