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


def signal_names(dataset: Dataset) -> tuple[str, ...]:
    """Names of the wide block of weak signals."""
    return tuple(f"signal_{number:02d}" for number in range(dataset.signals))


def draw_rows(seed: int, dataset: Dataset, *, rows: str = "rows", customers: int | None = None) -> Frame:
    """The raw rows of a dataset.

    Args:
        seed: fixes the distribution (class means, units) and the rows.
        dataset: its shape and difficulty.
        rows: name of the stream that draws the rows: another name gives fresh rows of the same distribution.
        customers: how many; as in `dataset` when None.
    """
    classes, count = len(dataset.classes), dataset.customers if customers is None else customers
    per_customer = dataset.rows_per_customer
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
    customer_class = _pick(_cumulative(frequency), np.zeros(count, dtype=np.int64), draw.uniform(count))
    label = np.repeat(customer_class, per_customer)
    total = len(label)
    customer_effect = draw.normal(count * LINEAR).reshape(count, LINEAR) * dataset.customer_sd
    linear = class_mean[label] + 0.6 * draw.normal(total * LINEAR).reshape(total, LINEAR)
    linear += np.repeat(customer_effect, per_customer, axis=0)
    sign = np.where(draw.uniform(total) < 0.5, -1.0, 1.0)[:, None]
    radial = radius[label] * sign + 0.5 * draw.normal(total * RADIAL).reshape(total, RADIAL)
    numeric = np.concatenate([linear, radial], axis=1) * unit + offset
    signals = draw.normal(total * dataset.signals).reshape(total, dataset.signals)
    segment = _pick(_cumulative(_squared(1.3 + 0.75 * segment_weight.T)), customer_class, draw.uniform(count))
    tokens = dataset.tokens_per_text
    word = _pick(_cumulative(_squared(1.4 + 0.75 * topic)), np.repeat(label, tokens), draw.uniform(total * tokens))
    proxy = (label * 2.0 + 0.5 * draw.normal(total))[:, None]
    flipped = draw.uniform(total) < dataset.label_noise
    label = np.where(flipped, draw.below(classes, total), label)
    numeric[draw.uniform(total) < dataset.missing_share, 0] = np.nan
    return Frame(
        numbers=np.concatenate([numeric, signals, proxy], axis=1),
        names=(*theme.numeric, *signal_names(dataset), PROXY),
        label_codes=label,
        classes=dataset.classes,
        customer_id=np.repeat(np.arange(count), per_customer),
        segment=np.repeat(segment, per_customer),
        text=word.reshape(total, tokens),
        index=np.arange(total),
        source=np.arange(total),
        entropy=int(Stream(seed, "entropy").raw(1)[0]),
    )


def _squared(values: Floats) -> Floats:
    return values * values


def _cumulative(weights: Floats) -> Floats:
    """Row-wise cumulative probabilities on a grid of 2^-30, so that every machine draws the same."""
    table = np.cumsum(weights, axis=1)
    table /= table[:, -1:]
    table = np.floor(table * 2.0**30) * 2.0**-30
    table[:, -1] = 1.0
    return table


def _pick(table: Floats, row: Ints, uniform: Floats) -> Ints:
    """Draw one column for each entry of `row` (which row of the table) by inverting its cumulative probabilities."""
    rows, columns = table.shape
    flat = (table + np.arange(rows)[:, None]).ravel()
    found: Ints = np.searchsorted(flat, uniform + row, side="right") - row * columns
    return found
