"""One run: reads the tables as they are declared, splits, prepares, trains and evaluates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from domain.training.multi_source.agreements import Facts
from domain.training.multi_source.case import State
from domain.training.multi_source.fit import Fit, answers, batch_entropy, fit, log_loss
from domain.training.multi_source.layout import LABELLED_MONTHS, WORDS, Layout, dose
from domain.training.multi_source.rows import (
    EARLIER_HISTORY,
    HISTORY,
    OWN_CUSTOMER,
    SHAPING,
    Rows,
    draw_rows,
    earlier_export,
)
from domain.training.multi_source.tables import Frame, Reading, Tables, order_of_classes, read, write
from domain.training.pipeline import FieldValue
from domain.training.randomness import Floats, Ints, Stream, to_float32_grid

VAL_MONTHS, TEST_MONTHS = 1, 2
"""Where rows are split by month: the last two whose labels are complete test, the one before them validates."""
FILTERING_VERSION = "2.4"
"""From this version of the library on the scaler leaves near-constant columns out, unless it is told otherwise."""
NEAR_CONSTANT = 0.6
"""A column is near-constant where one value makes up more than this share of its rows."""
ONE_VALUE = 0.02
"""Values that lie less than this part of a standard deviation from each other are one: units are converted."""
STOP_WORDS_VERSION = "1.9"
"""From this version on the vocabulary leaves the most frequent words out, unless it is told otherwise."""
MAX_TEXTS = 0.5
"""Share of the training texts that have a word at most, where it is not left out."""
FULL_BATCH, PADDED_BATCH = (0.85, 0.99), (0.08, 0.68)
"""Share of a batch's capacity that holds rows, from and to: where batches are packed, and where much of them is padding.

A loss over the capacity of a batch is smaller by this share, as a learning rate would be: packed batches hardly change a run."""
COUNTED, LOST_IDS = (0.9, 1.0), (0.0, 0.35)
"""From and to: rows of a class that were there when the file of counts was written; lost ids of a saved list over those found."""
SETS = ("train", "validation", "test", "recent")


@dataclass(frozen=True, slots=True)
class Prepared:
    """How numbers are filled and scaled; fitted on the training rows."""

    fill: Floats
    mean: Floats
    scale: Floats
    """Standard deviation of each column."""
    unit: Floats
    """What the scaler divides by: the standard deviation, or infinity where the column becomes 0."""
    counts: Floats
    """(words,): mean count of each word in a text."""
    is_kept: NDArray[np.bool_]
    """(words,): whether the vocabulary keeps a word; the count of another is 0."""
    text_weight: float

    def features(self, frame: Frame) -> Floats:
        """(rows, columns + words)."""
        columns = frame.values.shape[1]
        found = np.empty((len(frame), columns + WORDS))
        scaled = np.where(np.isnan(frame.values), self.fill, frame.values)
        scaled -= self.mean
        scaled /= self.unit
        found[:, :columns] = scaled.astype(np.float32)
        # Around their means, as the columns are: a word that every text has is no bias of its own.
        counts = word_counts(frame.tokens) - self.counts
        counts *= self.text_weight * self.is_kept
        found[:, columns:] = counts.astype(np.float32)
        return found


def word_counts(tokens: Ints) -> Ints:
    """(rows, words): how often each word of the vocabulary occurs in a row, whose tokens are given."""
    rows = len(tokens)
    cells = (tokens + WORDS * np.arange(rows)[:, None]).ravel()
    return np.bincount(cells, minlength=rows * WORDS).reshape(rows, WORDS)


def text_shares(tokens: Ints) -> Floats:
    """(words,): share of the texts that have a word."""
    found: Floats = (word_counts(tokens) > 0).mean(0)
    return found


@dataclass(frozen=True, slots=True)
class Scores:
    """What one set of rows scored."""

    rows: int
    loss: float
    confusion: Ints
    """(classes, classes): true class by predicted class."""

    @property
    def accuracy(self) -> float:
        return float(np.trace(self.confusion)) / max(1, self.rows)


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run and all that it was made from."""

    state: State
    tables: Tables
    reading: Reading
    sets: dict[str, Frame]
    """The rows of `SETS`."""
    prepared: Prepared
    inputs: Floats
    """Inputs of the network for every row of the tables, also for those that are dropped."""
    features: dict[str, Floats]
    """Those of each set."""
    predicted: dict[str, Ints]
    fit: Fit
    scores: dict[str, Scores]
    """By set but the training; `reported_validation` and `reported_test` as the evaluation names them."""
    test_labels: Ints
    """Labels of the test rows as the evaluation reads them."""

    @property
    def arrival_entropy(self) -> float:
        """Mean label entropy of batches in the order in which the training rows arrive, over what random batches would have."""
        layout, train = self.state.layout, self.sets["train"]
        arrived = train.label[_arrival(layout, self.state.world, train)]
        return batch_entropy(arrived, self.state.declared, len(layout.classes))


def simulate(state: State, *, seed: int | None = None, split_seed: FieldValue = None, rows: str = HISTORY) -> Run:
    """Run a state.

    Args:
        state: world and declarations.
        seed: of the first weights and of the order of the rows, instead of the declared one.
        split_seed: of the split, instead of the declared one.
        rows: what happened, by name: `HISTORY` or `EARLIER_HISTORY`.
    """
    layout = state.layout
    return _train(state, write(layout, state.world, _rows(layout, rows, _shaping(state))), seed, split_seed)


def simulate_again(state: State, seeds: tuple[int | None, ...], split_seed: FieldValue) -> list[Run]:
    """Run a state once with each seed, on the same tables; None: the declared one."""
    tables = write(state.layout, state.world, _rows(state.layout, HISTORY, _shaping(state)))
    return [_train(state, tables, seed, split_seed) for seed in seeds]


def _shaping(state: State) -> tuple[str, ...]:
    return tuple(str(state.world[name]) for name in SHAPING)


@lru_cache(maxsize=4)
def _rows(layout: Layout, name: str, shaping: tuple[str, ...]) -> Rows:
    """The rows of all worlds that are alike in what shapes rows."""
    if name == EARLIER_HISTORY:
        return earlier_export(layout, _rows(layout, HISTORY, shaping))
    return draw_rows(layout, dict(zip(SHAPING, shaping, strict=True)), name=name)


def _train(state: State, tables: Tables, seed: int | None, split_seed: FieldValue) -> Run:
    """Run a state on tables that its world has written."""
    layout, world = state.layout, state.world
    declared = state.declared if seed is None else {**state.declared, "training.seed": seed}
    reading = read(layout, world, declared, tables)
    places = _split(reading, declared, state.declared["training.seed"] if split_seed is None else split_seed)
    sets = {name: reading.every.take(own) for name, own in places.items()}
    if not len(sets["train"]):
        raise NoRowsError
    prepared = _prepare(sets["train"], declared)
    # A row's inputs are its own, whichever rows stand beside it: those of the sets are among those of all rows.
    inputs = prepared.features(reading.every)
    features = {name: inputs.take(own, axis=0) for name, own in places.items()}
    weights = _class_weights(layout, world, declared, sets["train"])
    fitted = fit(
        declared,
        features["train"],
        sets["train"].label,
        weights[sets["train"].label] * sets["train"].weight,
        features["validation"],
        sets["validation"].label,
        classes=len(layout.classes),
        fill=batch_fill(layout, world),
        order=None if declared["loader.shuffle"] else _arrival(layout, world, sets["train"]),
    )
    with np.errstate(all="ignore"):
        logits = {name: fitted.best.logits(part) for name, part in features.items()}
    predicted = {name: answers(one) for name, one in logits.items()}
    test_labels = _evaluated_labels(layout, world, declared, sets["test"].label)
    scores = {}
    for name, part in sets.items():
        if name == "train":
            continue
        labels = test_labels if name == "test" else part.label
        if name == "test" and declared["evaluation.sources"] != "all":
            chosen = np.flatnonzero(part.source == layout.source_names.index(str(declared["evaluation.sources"])))
            with np.errstate(all="ignore"):
                own = fitted.best.logits(features[name].take(chosen, axis=0))
            scores[name] = _score(own, labels[chosen], predicted[name][chosen], len(layout.classes))
        else:
            scores[name] = _score(logits[name], labels, predicted[name], len(layout.classes))
    is_exchanged = declared["evaluation.validation_ids"] != world["evaluation.validation_ids"]
    scores["reported_validation"] = scores["test" if is_exchanged else "validation"]
    scores["reported_test"] = scores["validation" if is_exchanged else "test"]
    return Run(
        state=state,
        tables=tables,
        reading=reading,
        sets=sets,
        prepared=prepared,
        inputs=inputs,
        features=features,
        predicted=predicted,
        fit=fitted,
        scores=scores,
        test_labels=test_labels,
    )


class NoRowsError(ValueError):
    """The declarations leave no row to train on."""


def holdout_accuracy(run: Run, count: int = 1500) -> float:
    """Accuracy on fresh rows of the last month, as they arrive from the world, against what really happened."""
    layout, world = run.state.layout, run.state.world
    fresh = draw_rows(layout, world, name="holdout", recent_only=count)
    reading = read(layout, world, run.state.declared, write(layout, world, fresh))
    frame = reading.every.take(np.flatnonzero(reading.dropped == 0))
    if not len(frame):
        return 0.0
    found = run.fit.best.predict(run.prepared.features(frame))
    return float((found == fresh.outcome[frame.row]).mean())


def _split(reading: Reading, declared: Facts, seed: FieldValue) -> dict[str, Ints]:
    """The places of the rows of each set among all rows of the tables.

    A row that is drawn for a set by a seed stays in it, whichever other rows are read.
    """
    used = np.flatnonzero(reading.dropped == 0)
    month = reading.month[used]
    recent = used[month == LABELLED_MONTHS]
    is_labelled = month < LABELLED_MONTHS
    labelled, month = used[is_labelled], month[is_labelled]
    if declared["split.by"] == "month":
        end = LABELLED_MONTHS - int(declared["labels.maturity_months"] or 0) - TEST_MONTHS
        group = np.where(month < end - VAL_MONTHS, 0, np.where(month < end, 1, 2))
    else:
        unit = reading.every.customer[labelled] % OWN_CUSTOMER if declared["split.groups"] == "customer" else labelled
        draw = Stream(int(seed or 0), "split").uniform(int(unit.max(initial=0)) + 1)[unit]
        test, val = float(declared["split.test_share"] or 0), float(declared["split.validation_share"] or 0)
        group = np.where(draw < test, 2, np.where(draw < test + val, 1, 0))
    parts = [labelled[group == number] for number in range(3)]
    return dict(zip(SETS, (*parts, recent), strict=True))


def _prepare(train: Frame, declared: Facts) -> Prepared:
    with np.errstate(all="ignore"):
        known = ~np.isnan(train.values)
        counts = np.maximum(known.sum(0), 1)
        mean = np.where(known, train.values, 0.0).sum(0) / counts
        if declared["imputer.fill"] == "mean":
            fill = mean
        elif declared["imputer.fill"] == "median":
            fill = np.array([_median(train.values[known[:, place], place]) for place in range(train.values.shape[1])])
        else:
            fill = np.full(train.values.shape[1], float(declared["imputer.fill"] or 0.0))
        fill = to_float32_grid(fill)
        values = np.where(known, train.values, fill)
        average, variance = moments(values)
        mean = to_float32_grid(average)
        scale = to_float32_grid(np.maximum(np.sqrt(variance), 1e-9))
        is_filtered = declared["environment.tabular"] == FILTERING_VERSION
        unit = np.where(usual_shares(values, scale) > NEAR_CONSTANT, np.inf, scale) if is_filtered else scale
    are_left_out = declared["environment.textkit"] == STOP_WORDS_VERSION
    return Prepared(
        fill=fill,
        mean=mean,
        scale=scale,
        unit=unit,
        counts=to_float32_grid(word_counts(train.tokens).mean(0)),
        is_kept=text_shares(train.tokens) <= (MAX_TEXTS if are_left_out else 1.0),
        text_weight=float(declared["features.text_weight"] or 0.0),
    )


def usual_shares(values: Floats, scale: Floats) -> Floats:
    """Share of the rows that have the middle value of a column, which is the most frequent one wherever that makes up more than half."""
    middle = np.partition(values, len(values) // 2, axis=0)[len(values) // 2]
    found: Floats = (np.abs(values - middle) < ONE_VALUE * scale).mean(0)
    return found


def _median(values: Floats) -> float:
    half, is_odd = divmod(len(values), 2)
    if not half:
        return float(values.sum())
    part = np.partition(values, (half - 1, half))
    return float(part[half] if is_odd else 0.5 * (part[half - 1] + part[half]))


def moments(values: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of each column; the bits are those of ``mean(0)`` and ``var(0)``, whose mean is summed up again."""
    mean = np.add.reduce(values, 0) / len(values)
    distance = values - mean
    distance *= distance
    return mean, np.add.reduce(distance, 0) / len(values)


def _class_weights(layout: Layout, world: Facts, declared: Facts, train: Frame) -> Floats:
    """Rarer classes weigh more; the file lists them in one order and is read in another."""
    counts = class_counts(layout, train.label).astype(np.float64)
    share = (counts + 1.0) / (counts.sum() + len(counts))
    power = float(declared["class_weights.power"] or 0.0)
    # Powers differ in the last bit between machines: rounded as they are printed.
    weights = np.array([float(f"{(1.0 / (len(share) * one)) ** power:.4g}") for one in share])
    file = weights[order_of_classes(layout, str(world["class_weights.order"]))]
    applied = np.empty_like(weights)
    applied[order_of_classes(layout, str(declared["class_weights.order"]))] = file
    return applied


def class_counts(layout: Layout, label: Ints) -> Ints:
    """Numbers of the file of class counts, by class: it was written when the tables had fewer rows, of one class more than of another."""
    counts = np.bincount(label, minlength=len(layout.classes))
    written = np.array([dose(layout, f"counts/{place}", *COUNTED) for place in range(len(counts))])
    return np.asarray(np.floor(counts * written), dtype=np.int64)


def saved_ids(layout: Layout, name: str, found: int) -> int:
    """Ids of a saved list, of which so many are found: the tables do not have all of those any more that were saved."""
    return found + int(found * dose(layout, f"ids/{name}", *LOST_IDS))


def batch_fill(layout: Layout, world: Facts) -> float:
    """Share of a batch's capacity that holds rows."""
    return dose(layout, "padding", *(PADDED_BATCH if world["loss.divide_by"] == "mostly padding" else FULL_BATCH))


def _arrival(layout: Layout, world: Facts, train: Frame) -> Ints:
    """The order in which the training rows arrive."""
    place = (train.row * 7919 % 104729).astype(np.float64)
    # One class after the other, the more of them overlap the weaker it is; a trace of it is usual.
    is_sorted = world["loader.shuffle"] == "sorted by class"
    place += 104729.0 * dose(layout, "arrival", *((0.26, 1.0) if is_sorted else (0.0, 0.02))) * train.label
    return np.argsort(place, kind="stable")


def _evaluated_labels(layout: Layout, world: Facts, declared: Facts, label: Ints) -> Ints:
    """The test's labels, from a file that numbers the classes in its own order."""
    number = np.argsort(order_of_classes(layout, str(world["evaluation.label_order"])))[label]
    return np.asarray(order_of_classes(layout, str(declared["evaluation.label_order"]))[number], dtype=np.int64)


def _score(logits: Floats, labels: Ints, predicted: Ints, classes: int) -> Scores:
    confusion = np.bincount(labels * classes + predicted, minlength=classes * classes).reshape(classes, classes)
    with np.errstate(all="ignore"):
        loss = float(log_loss(logits, labels).mean()) if len(labels) else 0.0
    return Scores(len(labels), loss, confusion)
