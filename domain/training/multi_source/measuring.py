"""Measurements of a run's own data that checks sum up and blocks of data_slices.json show in detail.

They are of the data as they are stored, before anything is dropped, weighted or encoded as it is declared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.training.artifacts.numbers import to_json
from domain.training.multi_source.agreements import TOKENIZERS
from domain.training.multi_source.layout import LABELLED_MONTHS, WORDS, Layout
from domain.training.multi_source.run import SETS, Run
from domain.training.multi_source.tables import Frame, order_of_classes, tokenizer
from domain.training.randomness import Floats, Ints

_ROW_BITS, _ROW = np.uint64(32), np.uint64(2**32 - 1)
MATURE_AFTER = 3
"""Months after which labels have always been complete."""


class Repeats(NamedTuple):
    """The stored cells of a column whose value another cell has as well."""

    row: Ints
    """Of the tables."""
    name: Ints
    """A number for each such value."""
    most: int
    """Cells of the value that occurs most often; 1: each is another."""
    known: int
    """Cells that are not empty."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What is measured once for the checks and the blocks."""

    labelled: NDArray[np.bool_]
    """Rows of the tables dated in the labelled months."""
    once: NDArray[np.bool_]
    """The first line of each id among them."""
    is_repeated: NDArray[np.bool_]
    """Of these: whether the content occurs under another id as well."""
    nearest: Ints
    """Class of the nearest class mean of every row of the tables."""
    codes: Ints
    """(sources, codes, classes): rows of the labelled months but the last three, one line an id, by code as stored and nearest class mean."""
    last_month: Ints
    """(sources, classes, classes): rows of the last month, by class as looked up by hand and nearest class mean."""
    usual: Floats
    """(sources, months): share of the rows whose code goes with the nearest class mean as most of the source do; NaN: none."""
    test_file: Ints
    """(classes, classes): test rows by number in the file of labels and nearest class mean."""
    repeats: tuple[Repeats, ...]
    """Of each column."""
    distances: Floats
    """(sources, tokenizers): how far the word shares of a source lie from those of the others, read with each version."""


def measure(run: Run) -> Measured:
    """Measure a run."""
    layout, every, tables = run.state.layout, run.reading.every, run.tables
    classes, sources = len(layout.classes), len(layout.sources)
    labelled = (every.month >= 0) & (every.month < LABELLED_MONTHS)
    once = labelled & (tables.line == 0)
    means = _class_means(run.features["train"], run.sets["train"].label, classes)
    nearest = _nearest(means, run.inputs)

    def table(rows: NDArray[np.bool_], code: Ints) -> Ints:
        cell = (every.source[rows] * classes + code[rows]) * classes + nearest[rows]
        return np.bincount(cell, minlength=sources * classes * classes).reshape(sources, classes, classes)

    codes = table(once & (every.month < LABELLED_MONTHS - MATURE_AFTER), tables.label_code)
    group = every.source[labelled] * LABELLED_MONTHS + every.month[labelled]
    rows = np.bincount(group, minlength=sources * LABELLED_MONTHS)
    usual = codes.argmax(2).take(every.source * classes + tables.label_code) == nearest
    right = np.bincount(group, weights=usual[labelled], minlength=sources * LABELLED_MONTHS)
    number = np.argsort(order_of_classes(layout, str(run.state.world["evaluation.label_order"])))[
        run.sets["test"].label
    ]
    of_test = _nearest(means, run.features["test"])
    row = every.row[once]
    return Measured(
        labelled=labelled,
        once=once,
        is_repeated=np.bincount(row).take(row) > 1,
        nearest=nearest,
        codes=codes,
        last_month=table(every.month == LABELLED_MONTHS, tables.outcome),
        usual=np.where(rows > 0, right / np.maximum(rows, 1), np.nan).reshape(sources, LABELLED_MONTHS),
        test_file=np.bincount(number * classes + of_test, minlength=classes * classes).reshape(classes, classes),
        repeats=tuple(_repeats(tables.values[:, place]) for place in range(tables.values.shape[1])),
        distances=_distances(run, layout),
    )


def shown(values: Floats) -> list[float | None]:
    """Numbers as they are shown."""
    return [to_json(value) for value in values.tolist()]


def share(values: Any) -> float | None:
    """The mean; None: there is nothing."""
    if not len(values):
        return None
    return to_json(np.count_nonzero(values) / len(values) if values.dtype == bool else float(values.mean()))


def association(values: Floats, labels: Ints, classes: int) -> Floats:
    """Share of each column's variance that lies between the classes."""
    member = (labels == np.arange(classes)[:, None]).astype(np.float64)
    sums = member @ values
    between = (sums * sums / np.maximum(member.sum(1, keepdims=True), 1)).sum(0) / max(1, len(labels))
    mean, variance = moments(values)
    found: Floats = np.maximum(between - mean**2, 0.0) / (variance + 1e-12)
    return found


def known_association(frame: Frame, classes: int) -> Floats:
    """As `association`, of the values that are there and around the mean of their source."""
    known = ~np.isnan(frame.values)
    values = np.where(known, frame.values, 0.0)
    values -= _group_means(values, known, frame.source).take(frame.source, axis=0)
    values[~known] = 0.0
    means = _group_means(values, known, frame.label, classes)
    rows = _members(frame.label, classes) @ known.astype(np.float64)
    found: Floats = (means * means * rows).sum(0) / ((values * values).sum(0) + 1e-12)
    return found


def _members(group: Ints, groups: int) -> Floats:
    """(groups, rows): 1 where a row is of a group."""
    found: Floats = (group == np.arange(groups)[:, None]).astype(np.float64)
    return found


def _group_means(values: Floats, known: NDArray[np.bool_], group: Ints, groups: int = 0) -> Floats:
    """(groups, columns): means of the values that are there; the others are 0."""
    member = _members(group, groups or int(group.max(initial=0)) + 1)
    means: Floats = (member @ values) / np.maximum(member @ known.astype(np.float64), 1.0)
    return means


def moments(values: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of each column; the bits are those of ``mean(0)`` and ``var(0)``, whose mean is summed up again."""
    mean = np.add.reduce(values, 0) / len(values)
    distance = values - mean
    distance *= distance
    return mean, np.add.reduce(distance, 0) / len(values)


def scaled_train(run: Run) -> Floats:
    """Values of the training rows as they are filled and scaled, before they are clipped."""
    train = run.sets["train"]
    filled = np.where(np.isnan(train.values), run.prepared.fill, train.values)
    scaled: Floats = (filled - run.prepared.mean) / run.prepared.scale
    return scaled


def _class_means(features: Floats, labels: Ints, classes: int) -> Floats:
    """Mean features of each class of the training rows; far from everything where a class has no row."""
    member = (labels == np.arange(classes)[:, None]).astype(np.float64)
    counts = member.sum(1, keepdims=True)
    means: Floats = np.where(counts > 0, (member @ features) / np.maximum(counts, 1), 1e6)
    return means


def _nearest(means: Floats, features: Floats) -> Ints:
    distance = (means * means).sum(1) - features @ (2 * means).T
    return np.asarray(distance.astype(np.float32).argmin(1), dtype=np.int64)


def _repeats(column: Floats) -> Repeats:
    known = np.flatnonzero(~np.isnan(column))
    if not len(known):
        return Repeats(known, known, 0, 0)
    # Stored values are of the float32 grid: the bits of one and its row make one integer, and integers are sorted fastest.
    bits = (column.take(known).astype(np.float32) + np.float32(0.0)).view(np.uint32)
    keys = bits.astype(np.uint64) << _ROW_BITS
    keys |= known.astype(np.uint64)
    keys.sort()
    value = keys >> _ROW_BITS
    starts = np.flatnonzero(np.concatenate(([True], value[1:] != value[:-1])))
    often = np.diff(starts, append=len(keys))
    inside = np.repeat(often > 1, often)
    row = (keys[inside] & _ROW).astype(np.int64)
    again = often[often > 1]
    return Repeats(row, np.repeat(np.arange(len(again)), again), int(often.max()), len(known))


def _distances(run: Run, layout: Layout) -> Floats:
    used = [run.sets[name] for name in SETS]
    tokens, source = np.concatenate([part.tokens for part in used]), np.concatenate([part.source for part in used])
    size = len(layout.sources) * WORDS
    counts = (
        np.bincount((source[:, None] * WORDS + tokens).ravel(), minlength=size).reshape(-1, WORDS).astype(np.float64)
    )
    found = np.zeros((len(layout.sources), len(TOKENIZERS)))
    for place, name in enumerate(layout.source_names):
        read = tokenizer(layout, str(run.state.declared[f"sources.{name}.tokenizer"]))
        own, rest = np.zeros(WORDS), counts.sum(0) - counts[place]
        own[read] = counts[place]
        for number, version in enumerate(TOKENIZERS):
            words = own[tokenizer(layout, version)]
            gap = np.abs(words / max(1.0, own.sum()) - rest / max(1.0, rest.sum())).sum()
            found[place, number] = 0.5 * gap
    return found
