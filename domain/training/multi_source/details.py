"""Blocks of data_slices.json beside the statistics: what sources, columns and files hold in detail. What each number is: `BLOCKS`.

A check sums up over all sources; which source, column or file it is shows here, one block a query.
"""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple

import numpy as np

from domain.training.artifacts.numbers import to_json
from domain.training.multi_source.agreements import DATE_FORMATS, TOKENIZERS
from domain.training.multi_source.layout import LABELLED_MONTHS
from domain.training.multi_source.measuring import Measured, association, first_of, known_association, share, shown
from domain.training.multi_source.run import (
    MAX_TEXTS,
    ONE_VALUE,
    SETS,
    Run,
    batch_fill,
    class_counts,
    saved_ids,
    text_shares,
    word_counts,
)
from domain.training.multi_source.tables import Frame, order_of_classes
from domain.training.randomness import Floats, Ints

BLOCKS: Mapping[str, Mapping[str, str]] = {
    "<source>.labels": {
        "codes": "rows of the labelled months but the last three, one line an id, by label code as stored (outer list) and class of the nearest class mean of the training rows (inner list)",
        "last_month": "rows of the last month by class as looked up by hand (outer list) and class of the nearest class mean (inner list)",
        "by_month": "share of the labelled rows of a month whose code goes with the nearest class mean as in most rows of the source; null where it has none",
        "classes": "order of the classes in the lists, but for the codes; it is that of the model's outputs",
    },
    "<source>.ids": {
        "rows": "stored labelled rows, one line an id",
        "repeated_share": "share of them whose content occurs under another id as well",
        "rows_per_customer": "mean rows of a customer among them",
    },
    "<source>.timestamps": {
        "first_part_over_12": "share of the dates as stored, 0 to 1, whose first part exceeds 12",
        "second_part_over_12": "share of the dates as stored whose second part exceeds 12",
        "outside_window": "share of the rows whose date lies outside of the run's months, as it is read",
    },
    "<source>.texts": {
        "distance_from_other_sources": "half the sum of differences between the word shares of the source and those of all other sources, 0 alike to 1 without a common word, with the source's texts read with each version of the tokenizer",
    },
    "<source>.updates": {
        "export_minus_event": "root mean square difference between the newest export and the value at the event, labelled rows of the source; 1 is about the standard deviation of the column within a class of a source",
        "class_association": "share of the variance of that difference that lies between the classes as the pipeline reads them; 0 where there is nothing between them",
    },
    "all.tails": {
        "usual_share": "share of the training rows that have the middle value of a column, filled cells aside",
        "class_association": "share of a column's variance, 0 to 1, that lies between the classes, training rows, filled cells aside",
        "tail_association": "the same for the side on which a row lies: -1 below the middle value, 0 at it, 1 above it",
        "largest_distance": "largest distance of a training row from the column's mean, in standard deviations, filled cells aside",
    },
    "all.words": {
        "frequent_words": "mean share of the variance of the counts of the words that more than half of the training texts have, 0 to 1, that lies between the classes",
        "other_words": "the same for the other words",
        "texts_with_frequent_words": "share of the training texts that have such a word, mean over these words",
    },
    "all.movement": {
        "class_mean_movement": "mean squared distance between the class means of the first and the last four labelled months, one row a customer and class, what moves all classes of a source alike aside, filled cells aside, over what chance would give, without a unit: 1 on average where nothing moves",
    },
    "join.rows": {
        "lines_per_id": "mean lines of an id in the joined table, 1 or more",
        "joined_share": "share of the stored labelled rows of each class that the joined table has",
        "classes": "order of the classes in the list",
    },
    "train.batches": {
        "arrival_label_entropy": "mean label entropy of batches of training rows in the order in which they arrive, over what random batches would have: 1 where well mixed, 0 where each batch has one class",
        "rows_over_capacity": "rows of a training batch over its capacity, 0 to 1; the rest is padding",
    },
    "train.counts": {
        "class_counts_file": "numbers of the file of class counts, in the order of the file; it was written before the newest rows came",
        "train_counts": "training rows of each class",
        "classes": "order of the classes in train_counts",
    },
    "test.labels": {
        "test_file": "test rows by number in the file of test labels (outer list) and class of the nearest class mean (inner list)",
        "classes": "order of the classes in the inner lists, which is that of the model's outputs",
    },
    "test.ids": {
        "id_lists": "ids in each of the saved lists, also those that the tables do not have any more",
        "rows": "rows of a set as the run used them",
    },
}
"""What each number of each block is, and its limits; ``<source>`` stands for a name. Which values are harmless no definition says."""
LEAST_SPREAD = 0.1
"""Variance of the values of a class in a source at least, where the movement of its mean is judged; the column's is 1."""
ABOUT = "about"
"""Beside the numbers: what each is."""


def details(run: Run, found: Measured) -> dict[str, dict[str, Any]]:
    """Path of a block to its numbers."""
    blocks: dict[str, dict[str, Any]] = {}
    with np.errstate(all="ignore"):
        sources = len(run.state.layout.sources)
        source, customer = run.reading.every.source[found.once], run.reading.every.customer[found.once]
        first = first_of(customer * sources + source)
        once = _Once(
            rows=np.bincount(source, minlength=sources),
            repeated=np.bincount(source[found.is_repeated], minlength=sources),
            customers=np.bincount(source[first], minlength=sources),
            scale=np.array([column.scale for column in run.state.layout.columns]),
        )
        for place, name in enumerate(run.state.layout.source_names):
            rows = np.flatnonzero(run.tables.source == place)
            blocks[f"{name}.labels"] = _labels(run, found, place)
            blocks[f"{name}.ids"] = _ids(once, place)
            blocks[f"{name}.timestamps"] = _timestamps(run, place, rows)
            blocks[f"{name}.updates"] = _updates(run, found, once, rows)
            distances = dict(zip(TOKENIZERS, shown(found.distances[place]), strict=True))
            blocks[f"{name}.texts"] = {"distance_from_other_sources": distances}
        blocks |= _of_all(run)
        blocks |= _of_files(run, found)
    for path, block in blocks.items():
        name = path if path in BLOCKS else f"<source>.{path.partition('.')[2]}"
        block[ABOUT] = dict(BLOCKS[name])
    return blocks


class _Once(NamedTuple):
    """What the blocks of all sources need."""

    rows: Ints
    """By source, of the first line of each id in the labelled months."""
    repeated: Ints
    """Of these, whose content occurs under another id as well."""
    customers: Ints
    """Customers of these."""
    scale: Floats
    """Standard deviation of each column."""


def _labels(run: Run, found: Measured, place: int) -> dict[str, Any]:
    return {
        "codes": found.codes[place].tolist(),
        "last_month": found.last_month[place].tolist(),
        "by_month": shown(found.usual[place]),
        "classes": list(run.state.layout.classes),
    }


def _ids(once: _Once, place: int) -> dict[str, Any]:
    rows, repeated, customers = (int(one[place]) for one in (once.rows, once.repeated, once.customers))
    return {
        "rows": rows,
        "repeated_share": to_json(repeated / rows) if rows else None,
        "rows_per_customer": to_json(rows / max(1, customers)),
    }


def _timestamps(run: Run, place: int, rows: Ints) -> dict[str, Any]:
    """``rows``: of the source, among those of the tables."""
    layout, tables = run.state.layout, run.tables
    month, day, read = tables.year_month.take(rows) % 12 + 1, tables.day.take(rows), run.reading.month.take(rows)
    is_day_first = run.state.world[f"sources.{layout.source_names[place]}.date_format"] == DATE_FORMATS[0]
    parts = (day, month) if is_day_first else (month, day)
    return {
        "first_part_over_12": share(parts[0] > 12),
        "second_part_over_12": share(parts[1] > 12),
        "outside_window": share((read < 0) | (read > LABELLED_MONTHS)),
    }


def _updates(run: Run, found: Measured, once: _Once, rows: Ints) -> dict[str, Any]:
    """``rows``: of the source, among those of the tables."""
    own = rows[found.labelled.take(rows)]
    updates = run.tables.updates.take(own, axis=0) / once.scale
    shares = association(updates, run.reading.label.take(own), len(run.state.layout.classes))
    updates *= updates
    return {
        "export_minus_event": _by_column(run, np.sqrt(updates.mean(0))),
        "class_association": _by_column(run, shares),
    }


def _by_column(run: Run, values: Floats) -> dict[str, float | None]:
    return dict(zip(run.state.layout.column_names, shown(values), strict=True))


def _of_all(run: Run) -> dict[str, dict[str, Any]]:
    layout, train = run.state.layout, run.sets["train"]
    classes = len(layout.classes)
    words = association(word_counts(train.tokens).astype(np.float64), train.label, classes)
    texts = text_shares(train.tokens)
    are_frequent = texts > MAX_TEXTS
    return {
        "all.tails": {name: _by_column(run, values) for name, values in _tails(train, classes).items()},
        "all.words": {
            "frequent_words": share(words[are_frequent]),
            "other_words": share(words[~are_frequent]),
            "texts_with_frequent_words": share(texts[are_frequent]),
        },
        "all.movement": {"class_mean_movement": to_json(_movement(run, len(layout.columns), classes))},
    }


def _tails(train: Frame, classes: int) -> dict[str, Floats]:
    """What lies away from the middle of the columns; of the values that are there, in their own standard deviations."""
    values = train.values
    known = ~np.isnan(values)
    count = np.maximum(known.sum(0), 1)
    mean = np.where(known, values, 0.0).sum(0) / count
    centred = np.where(known, values - mean, 0.0)
    spread = np.maximum(np.sqrt((centred * centred).sum(0) / count), 1e-9)
    # Missing values are sorted to the end.
    middle = np.sort(values, axis=0)[(count - 1) // 2, np.arange(values.shape[1])]
    away = values - middle
    is_away = np.abs(away) >= ONE_VALUE * spread
    return {
        "usual_share": (known & ~is_away).sum(0) / count,
        "class_association": known_association(values, train.label, classes),
        "tail_association": known_association(np.sign(away) * np.where(known, is_away, np.nan), train.label, classes),
        "largest_distance": np.abs(centred).max(0) / spread,
    }


def _movement(run: Run, width: int, classes: int) -> float:
    """How far class means moved between early and late months, over what chance would give; about 1: not at all."""
    parts = [run.sets[name] for name in SETS[:3]]
    label, customer = (np.concatenate([getattr(part, name) for part in parts]) for name in ("label", "customer"))
    # Rows of one customer are alike: they say less about their class than as many others.
    once = first_of(customer * classes + label)
    label, month, source, values = (
        np.concatenate([getattr(part, name) for part in parts]).take(once, axis=0)
        for name in ("label", "month", "source", "values")
    )
    # Cells that are filled are of no class: a column that a source no longer has would seem to move.
    scaled = np.clip((values - run.prepared.mean) / run.prepared.scale, -4.0, 4.0)[:, :width]
    late = int(month.max()) - 3 if len(month) else 0
    cell, shape = source * classes + label, (len(run.state.layout.sources), classes, width)
    (rows, early, early_spread), (late_rows, lately, late_spread) = (
        _moments_of(scaled[own], cell[own], shape) for own in (month < 4, month >= late)
    )
    is_seen = np.minimum(rows, late_rows) >= 8
    step = np.where(is_seen, lately - early, 0.0)
    # Of a near-constant column all rows of a class may be alike, which does not make a step certain.
    noise = sum(
        np.maximum(spread, LEAST_SPREAD) / np.maximum(count, 1)
        for spread, count in ((late_spread, late_rows), (early_spread, rows))
    )
    certain = np.where(is_seen, 1.0 / np.maximum(noise, 1e-9), 0.0)
    # Seasons and new instruments move all classes of a source alike: only what moves one against the others counts.
    together = step.sum(1, keepdims=True) / np.maximum(is_seen.sum(1, keepdims=True), 1)
    gap = (certain * (step - together)).sum(0)
    weight = np.concatenate((np.full((1, classes, width), 1e-9), certain)).sum(0)
    return float((gap * gap / weight).mean())


def _moments_of(values: Floats, cell: Ints, shape: tuple[int, int, int]) -> tuple[Ints, Floats, Floats]:
    """Rows, means and variances of the columns by cell, of the values that are there; they have the bits of `moments` of the rows
    of each cell.

    Args:
        shape: of the cells, and of the columns.
    """
    *cells, width = shape
    count = cells[0] * cells[1]
    known = np.flatnonzero(~np.isnan(values))
    places = (cell[:, None] * width + np.arange(width)).ravel().take(known)
    number = values.ravel().take(known)

    def mean(numbers: Floats) -> Floats:
        sums = np.bincount(places, weights=numbers, minlength=count * width)
        found: Floats = sums / np.maximum(rows, 1)
        return found

    rows = np.bincount(places, minlength=count * width)
    average = mean(number)
    distance = number - average.take(places)
    distance *= distance
    return rows.reshape(shape), average.reshape(shape), mean(distance).reshape(shape)


def _of_files(run: Run, found: Measured) -> dict[str, dict[str, Any]]:
    layout, world, tables = run.state.layout, run.state.world, run.tables
    classes = list(layout.classes)
    label, has_partner = run.reading.label[found.once], tables.has_partner[found.once]
    joined = [float(has_partner[label == at].mean()) if (label == at).any() else np.nan for at in range(len(classes))]
    trained = run.sets["train"].label
    counts, written = np.bincount(trained, minlength=len(classes)), class_counts(layout, trained)
    in_order = world["evaluation.validation_ids"] == "a"
    lists = dict(zip(("a", "b"), ("validation", "test") if in_order else ("test", "validation"), strict=True))
    return {
        "join.rows": {
            "lines_per_id": to_json(float(found.labelled.sum() / max(1, found.once.sum()))),
            "joined_share": shown(np.array(joined)),
            "classes": classes,
        },
        "train.batches": {
            "arrival_label_entropy": to_json(run.arrival_entropy),
            "rows_over_capacity": to_json(batch_fill(layout, world)),
        },
        "train.counts": {
            "class_counts_file": written[order_of_classes(layout, str(world["class_weights.order"]))].tolist(),
            "train_counts": counts.tolist(),
            "classes": classes,
        },
        "test.labels": {"test_file": found.test_file.tolist(), "classes": classes},
        "test.ids": {
            "id_lists": {name: saved_ids(layout, part, len(run.sets[part])) for name, part in lists.items()},
            "rows": {name: len(run.sets[name]) for name in SETS},
        },
    }
