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
from domain.training.multi_source.run import SETS, Run, moments
from domain.training.multi_source.tables import Frame, order_of_classes, tokenizer
from domain.training.randomness import Floats, Ints

_BITS = 4
"""Of a source, and of one of its months, in the keys of `_repeats`."""
_ELSEWHERE = 2 ** (2 * _BITS) - 1
"""In place of both where the month is none of the layout's."""
_LAST = 2**32 - 1
"""Bits of a float32 that no stored value has, larger than all others: those of empty cells in the keys."""
MATURE_AFTER = 3
"""Months after which labels have always been complete."""


class Repeats(NamedTuple):
    """How often the value of each column occurs that occurs most often; 0 where all cells are empty."""

    overall: Ints
    """(columns,), among all rows of the tables."""
    by_month: Ints
    """(columns, sources times months), among those of a month of a source."""
    by_source: Ints
    """(columns, sources), among those of a source, dated in the months of the layout."""
    known: Ints
    """(columns,): cells that are not empty."""


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
    repeats: Repeats
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
        repeats=_repeats(tables.values, every.source, every.month, sources),
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


def first_of(number: Ints) -> Ints:
    """The place of the first of each distinct number, in the order of the numbers, which lie close together."""
    if not len(number):
        return number
    least = number.min()
    place = np.full(number.max() - least + 1, -1)
    # Of several places of a number the last one written stays.
    place[number[::-1] - least] = np.arange(len(number))[::-1]
    return place[place >= 0]


def known_association(values: Floats, labels: Ints, classes: int) -> Floats:
    """Share of each column's variance that lies between the classes, of the cells that are not NaN."""
    known = ~np.isnan(values)
    member = (labels == np.arange(classes)[:, None]).astype(np.float64)
    filled = np.where(known, values, 0.0)
    count = np.maximum(known.sum(0), 1)
    filled -= known * (filled.sum(0) / count)
    sums = member @ filled
    between = (sums * sums / np.maximum(member @ known, 1)).sum(0)
    found: Floats = between / ((filled * filled).sum(0) + 1e-12 * count)
    return found


def association(values: Floats, labels: Ints, classes: int) -> Floats:
    """Share of each column's variance that lies between the classes."""
    member = (labels == np.arange(classes)[:, None]).astype(np.float64)
    sums = member @ values
    between = (sums * sums / np.maximum(np.bincount(labels, minlength=classes), 1)[:, None]).sum(0) / max(
        1, len(labels)
    )
    mean, variance = moments(values)
    found: Floats = np.maximum(between - mean**2, 0.0) / (variance + 1e-12)
    return found


def association_within_sources(frame: Frame, classes: int) -> Floats:
    """The same around the means of the sources, whose differences count as nothing."""
    known = ~np.isnan(frame.values)
    member = (frame.source == np.arange(int(frame.source.max(initial=0)) + 1)[:, None]).astype(np.float64)
    sums = member @ np.where(known, frame.values, 0.0)
    means = sums / np.maximum(member @ known.astype(np.float64), 1.0)
    return known_association(frame.values - means.take(frame.source, axis=0), frame.label, classes)


def _class_means(features: Floats, labels: Ints, classes: int) -> Floats:
    """Mean features of each class of the training rows; far from everything where a class has no row."""
    member = (labels == np.arange(classes)[:, None]).astype(np.float64)
    counts = member.sum(1, keepdims=True)
    means: Floats = np.where(counts > 0, (member @ features) / np.maximum(counts, 1), 1e6)
    return means


def _nearest(means: Floats, features: Floats) -> Ints:
    distance = (means * means).sum(1) - features @ (2 * means).T
    return np.asarray(distance.astype(np.float32).argmin(1), dtype=np.int64)


def _repeats(values: Floats, source: Ints, month: Ints, sources: int) -> Repeats:
    """Of values (rows, columns) of the float32 grid; a month that is not 0 to `LABELLED_MONTHS` is none of the layout's."""
    columns, months = values.shape[1], LABELLED_MONTHS + 1
    stored = values.T.astype(np.float32, order="C")
    stored += np.float32(0.0)
    # Column, bits of the value, source and month make one integer: sorted, equal ones follow one another. Integers are sorted fastest.
    keys = stored.view(np.uint32).astype(np.int64)
    is_empty = np.isnan(stored)
    known = len(values) - np.count_nonzero(is_empty, axis=1)
    keys[is_empty] = _LAST
    keys |= np.arange(columns)[:, None] << 32
    keys <<= 2 * _BITS
    keys |= np.where((month >= 0) & (month < months), (source << _BITS) + month, _ELSEWHERE)
    keys.sort(axis=1)
    key = np.concatenate([own[:count] for own, count in zip(keys, known.tolist(), strict=True)])
    count, parts = len(key), 2**_BITS
    key, starts = _runs(key, np.arange(count))
    column = key >> 2 * _BITS + 32
    by_month = _longest(column << 2 * _BITS | key & _ELSEWHERE, starts, count, columns * parts * parts)
    key, starts = _runs(key >> _BITS, starts)
    column = key >> _BITS + 32
    by_source = _longest(column << _BITS | key & parts - 1, starts, count, columns * parts)
    key, starts = _runs(key >> _BITS, starts)
    return Repeats(
        _longest(key >> 32, starts, count, columns),
        by_month.reshape(columns, parts, parts)[:, :sources, :months].reshape(columns, -1),
        by_source.reshape(columns, parts)[:, :sources],
        known,
    )


def _runs(name: Ints, starts: Ints) -> tuple[Ints, Ints]:
    """Each number once of which some follow one another, and where they start."""
    first = np.flatnonzero(np.concatenate(([True], name[1:] != name[:-1]))) if len(name) else name
    return name.take(first), starts.take(first)


def _longest(group: Ints, starts: Ints, end: int, groups: int) -> Ints:
    """The length of the longest run of each group; 0: it has none."""
    often = np.diff(starts, append=end)
    found = np.minimum(np.bincount(group, minlength=groups), 1)
    again = np.flatnonzero(often > 1)
    np.maximum.at(found, group.take(again), often.take(again))
    return found


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
