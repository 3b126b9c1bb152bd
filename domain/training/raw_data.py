"""Draws the raw rows of a dataset: what exists before any preprocessing. Exact arithmetic, no exp, log or power."""

from __future__ import annotations

import numpy as np

from domain.training.frame import Frame
from domain.training.pipeline import Dataset
from domain.training.randomness import Floats, Ints, Stream
from domain.training.themes import BY_DATASET

LINEAR, RADIAL = 8, 3
"""Numeric features whose mean depends on the class, and those of which only the distance from zero does."""
PROXY = "resolution_code"
"""A column that is filled in after the outcome is known."""
_ROWS_AT_MOST = np.array((0.2, 0.46, 0.68, 0.82, 0.9, 0.95, 0.98))
"""Share of the customers that have at most 1, 2, ... 7 rows; the others have 8."""


def signal_names(dataset: Dataset) -> tuple[str, ...]:
    """Names of the wide block of weak signals."""
    return tuple(f"signal_{number:02d}" for number in range(dataset.signals))


def draw_rows(seed: int, dataset: Dataset, *, rows: str = "rows", customers: int | None = None) -> Frame:
    """The raw rows of a dataset, in the order in which they arrive.

    Args:
        seed: fixes the distribution (class means, units) and the rows.
        dataset: its shape and difficulty.
        rows: name of the stream that draws the rows: another name gives fresh rows of the same distribution.
        customers: how many; as in `dataset` when None.
    """
    classes, count = len(dataset.classes), dataset.customers if customers is None else customers
    world = Stream(seed, "world")
    class_mean = world.normal(classes * LINEAR).reshape(classes, LINEAR) * dataset.separation
    radius = world.normal(classes * RADIAL).reshape(classes, RADIAL) * 2.2
    segment_weight = world.normal(dataset.segments * classes).reshape(dataset.segments, classes)
    topic = world.normal(classes * dataset.vocabulary).reshape(classes, dataset.vocabulary)
    theme = BY_DATASET[dataset.name]
    unit = np.exp2(np.array([exponent for _, exponent in theme.columns], dtype=np.float64))
    offset = unit * (12.0 + world.normal(LINEAR + RADIAL))

    draw = Stream(seed, rows)
    frequency = np.ones((1, classes))
    for code in range(1, classes):
        frequency[0, code] = frequency[0, code - 1] / dataset.imbalance
    customer_class = pick(cumulative(frequency), np.zeros(count, dtype=np.int64), draw.uniform(count))
    customer = np.repeat(np.arange(count), _rows_of_customers(dataset, count, draw))
    label = customer_class[customer]
    total = len(label)
    customer_effect = draw.normal(count * LINEAR).reshape(count, LINEAR) * dataset.customer_sd
    linear = class_mean[label] + 0.6 * draw.normal(total * LINEAR).reshape(total, LINEAR) + customer_effect[customer]
    sign = np.where(draw.uniform(total) < 0.5, -1.0, 1.0)[:, None]
    radial = radius[label] * sign + 0.5 * draw.normal(total * RADIAL).reshape(total, RADIAL)
    numeric = np.concatenate([linear, radial], axis=1) * unit + offset
    signals = draw.normal(total * dataset.signals).reshape(total, dataset.signals)
    segment = pick(cumulative(squared(1.3 + 0.75 * segment_weight.T)), customer_class, draw.uniform(count))
    tokens = dataset.tokens_per_text
    word = pick(cumulative(squared(1.4 + 0.75 * topic)), np.repeat(label, tokens), draw.uniform(total * tokens))
    proxy = (label * 2.0 + 0.5 * draw.normal(total))[:, None]
    flipped = draw.uniform(total) < dataset.label_noise
    label = np.where(flipped, draw.below(classes, total), label)
    numeric[draw.uniform(total) < dataset.missing_share, 0] = np.nan
    return Frame(
        numbers=np.concatenate([numeric, signals, proxy], axis=1),
        names=(*theme.numeric, *signal_names(dataset), PROXY),
        label_codes=label,
        classes=dataset.classes,
        customer_id=customer,
        segment=segment[customer],
        text=word.reshape(total, tokens),
        index=np.arange(total),
        source=np.arange(total),
        entropy=int(Stream(seed, "entropy").raw(1)[0]),
    ).take(_arrival(dataset, label, Stream(seed, f"arrival/{rows}")))


def _rows_of_customers(dataset: Dataset, count: int, draw: Stream) -> Ints:
    """How many rows each customer has: one, or 1 to 8 with a mean of 3."""
    if dataset.rows_per_customer == 1:
        return np.ones(count, dtype=np.int64)
    return 1 + np.searchsorted(_ROWS_AT_MOST, draw.uniform(count), side="right")


def _arrival(dataset: Dataset, label: Ints, draw: Stream) -> Ints:
    """The order in which rows arrive: by row id, by label, or in none."""
    if dataset.arrival_order == "row_id":
        return np.arange(len(label))
    order = draw.permutation(len(label))
    return order[np.argsort(label[order], kind="stable")] if dataset.arrival_order == "label" else order


def squared(values: Floats) -> Floats:
    return values * values


def cumulative(weights: Floats) -> Floats:
    """Row-wise cumulative probabilities on a grid of 2^-30, so that every machine draws the same."""
    table = np.cumsum(weights, axis=1)
    table /= table[:, -1:]
    table = np.floor(table * 2.0**30) * 2.0**-30
    table[:, -1] = 1.0
    return table


def pick(table: Floats, row: Ints, uniform: Floats) -> Ints:
    """Draw one column for each entry of `row` (which row of the table) by inverting its cumulative probabilities."""
    rows, columns = table.shape
    flat = (table + np.arange(rows)[:, None]).ravel()
    found: Ints = np.searchsorted(flat, uniform + row, side="right") - row * columns
    return found
