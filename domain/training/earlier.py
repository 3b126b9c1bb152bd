"""Rows, splits and resampling as runs under the rules of generators 1 to 4 have them.

A stored scenario of those generators is run again when a patch is judged, and has to give what it gave. Under these rules every
customer has the same number of rows, a split shuffles, a copy is a customer of its own and copies are put in order by class.
"""

from __future__ import annotations

import numpy as np

from domain.training.frame import Frame
from domain.training.pipeline import Dataset
from domain.training.randomness import Floats, Ints, Stream
from domain.training.raw_data import LINEAR, PROXY, RADIAL, cumulative, pick, signal_names, squared
from domain.training.tabular import Split
from domain.training.themes import BY_DATASET


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
    customer_class = pick(cumulative(frequency), np.zeros(count, dtype=np.int64), draw.uniform(count))
    label = np.repeat(customer_class, per_customer)
    total = len(label)
    customer_effect = draw.normal(count * LINEAR).reshape(count, LINEAR) * dataset.customer_sd
    linear = class_mean[label] + 0.6 * draw.normal(total * LINEAR).reshape(total, LINEAR)
    linear += np.repeat(customer_effect, per_customer, axis=0)
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
        customer_id=np.repeat(np.arange(count), per_customer),
        segment=np.repeat(segment, per_customer),
        text=word.reshape(total, tokens),
        index=np.arange(total),
        source=np.arange(total),
        entropy=int(Stream(seed, "entropy").raw(1)[0]),
    )


def split_rows(frame: Frame, *, test_size: float, groups: Ints | None, random_state: int | None) -> Split:
    """Hold out a random share of the rows, or of whole groups; both parts come out shuffled.

    A draw depends on random_state and on test_size. None draws from the frame's entropy.
    """
    units = np.arange(len(frame)) if groups is None else groups
    ids, unit_of_row = np.unique(units, return_inverse=True)
    seed = frame.entropy if random_state is None else random_state
    draw = Stream(seed, f"split/{test_size:.4g}")
    order = draw.permutation(len(ids))
    is_held_out = np.zeros(len(ids), dtype=bool)
    is_held_out[order[: round(len(ids) * test_size)]] = True
    shuffled = draw.permutation(len(frame))
    mask = is_held_out[unit_of_row.reshape(-1)][shuffled]
    return Split(frame.take(shuffled[~mask]), frame.take(shuffled[mask]))


class RandomOverSampler:
    """Draws further copies of rare classes until all are equally frequent.

    Matrices come out class by class. Added rows of a frame get ids of their own, as rows and as customers.
    """

    def __init__(self, *, random_state: int) -> None:
        self.random_state = random_state

    def _added(self, labels: Ints) -> list[Ints]:
        draw = Stream(self.random_state, "oversample")
        counts = np.bincount(labels)
        top = int(counts.max())
        rows = [np.flatnonzero(labels == code) for code in range(len(counts))]
        return [pool[draw.below(len(pool), top - len(pool))] if 0 < len(pool) < top else pool[:0] for pool in rows]

    def fit_resample(self, features: Floats, labels: Ints) -> tuple[Floats, Ints]:
        """Features (rows, columns) and labels (rows,) with the copies added, ordered by class."""
        added = np.concatenate([np.arange(len(labels)), *self._added(labels)])
        rows = added[np.argsort(labels[added], kind="stable")]
        return features[rows], labels[rows]

    def fit_resample_frame(self, frame: Frame) -> Frame:
        """The frame with the copies added at its end."""
        added = np.concatenate(self._added(frame.label_codes))
        grown = frame.take(np.concatenate([np.arange(len(frame)), added]))
        fresh = np.arange(len(added))
        return Frame(
            numbers=grown.numbers,
            names=grown.names,
            label_codes=grown.label_codes,
            classes=grown.classes,
            customer_id=np.concatenate([frame.customer_id, frame.customer_id.max() + 1 + fresh]),
            segment=grown.segment,
            text=grown.text,
            index=np.concatenate([frame.index, frame.index.max() + 1 + fresh]),
            source=grown.source,
            entropy=frame.entropy,
        )
