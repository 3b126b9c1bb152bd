"""The eight sanity checks: numbers that a practitioner could compute from the run's own data. They measure and do not judge.

Rule 1: a check measures the data as they are stored, before anything is dropped, weighted or encoded as it is declared: what was
declared has to be compared with it. Rule 2: so healthy runs show every pattern that runs with a fault show. What each number is:
`DEFINITIONS`. A NaN or infinity is shown as null.
"""

from __future__ import annotations

from typing import Any, Mapping

import numpy as np
from numpy.typing import NDArray

from domain.training.artifacts.numbers import to_json
from domain.training.multi_source.agreements import DATE_FORMATS, TOKENIZERS
from domain.training.multi_source.layout import LABELLED_MONTHS, WORDS
from domain.training.multi_source.rows import FREQUENT_WORDS
from domain.training.multi_source.run import FULL_BATCH, SETS, Run
from domain.training.multi_source.tables import dose, order_of_classes, tokenizer
from domain.training.randomness import Floats, Ints
from domain.types import SanityCheckName

DEFINITIONS: Mapping[SanityCheckName, Mapping[str, str]] = {
    "label_consistency": {
        "codes_by_source": "labelled rows of a source by label code as stored (outer list) and class of the nearest class mean (inner list)",
        "last_month_by_source": "rows of the last month by class as looked up by hand (outer list) and class of the nearest class mean (inner list)",
        "by_source_and_month": "share of the stored labelled rows of a source and month whose code goes with the nearest class mean as in most rows of the source; null where it has none",
        "test_file": "test rows by number in the file of test labels (outer list) and class of the nearest class mean (inner list)",
        "classes": "order of the classes in the inner lists, which is that of the model's outputs",
    },
    "data_leakage": {
        "repeated_by_source": "share of the stored labelled rows of a source, one line an id, whose content occurs under another id as well",
        "lines_per_id": "mean lines of an id in the joined table",
        "rows_per_customer": "mean rows of a customer among the stored labelled rows, one line an id",
        "rows": "rows of a set as the run used them",
    },
    "gradient_norms": {
        "over_first_epoch": "mean norm of the gradient of an epoch over that of the first epoch, before clipping",
        "clipped_share": "share of the steps that were clipped",
    },
    "class_balance": {
        "by_source": "share of each class among the stored labelled rows of a source but for the last three labelled months, and among its rows of the last month as looked up by hand",
        "by_month": "share of the first class among the stored labelled rows, month by month",
        "joined_share": "share of the stored labelled rows of each class that the joined table has",
        "class_counts_file": "numbers of the file of class counts, in the order of the file",
        "train_counts": "training rows of each class",
        "classes": "order of the classes in the lists, except that of the file",
    },
    "feature_statistics": {
        "class_association": "share of a column's variance that lies between the classes, training rows",
        "tail_association": "the same for the squared distance from the column's mean, at most 16 variances",
        "empty_share": "share of the stored cells of a column that are empty or hold a declared code of a missing value",
        "most_frequent_share": "share of the stored cells of a column that hold its most frequent value",
        "largest_distance": "largest distance of a training row from the column's mean, in standard deviations; filled ones aside",
        "source_association": "share of the column's variance that lies between the sources, filled ones aside",
        "source_and_month_association": "the same between the months of each source, beyond what lies between sources and between months",
        "export_minus_event": "root mean square difference between the newest export and the value at the event, labelled rows, in standard deviations",
        "class_mean_movement": "mean squared distance between the class means of the first and the last four labelled months, over what chance would give",
    },
    "encoder_version_match": {
        "distance_from_other_sources": "half the sum of differences between the word shares of a source and those of all other sources, with the source's texts read with each version of the tokenizer",
        "frequent_words": "share of the variance of the counts of the four most frequent words that lies between the classes, training rows",
        "other_words": "the same for the other words",
        "first_part_over_12": "share of the dates of a source as stored whose first part exceeds 12",
        "second_part_over_12": "share of the dates of a source as stored whose second part exceeds 12",
    },
    "loss_trajectory": {
        "validation_loss": "validation loss of each epoch",
        "log_classes": "loss of a uniform guess",
        "arrival_label_entropy": "mean label entropy of batches of training rows in the order in which they arrive, over what random batches would have",
        "rows_over_capacity": "rows of a training batch over its capacity, the rest is padding",
        "steps_per_epoch": "batches of an epoch",
        "epochs_run": "epochs",
    },
    "metric_gap_analysis": {
        "accuracy": "accuracy of the chosen checkpoint on the training, validation and recent rows, as the pipeline reads them",
        "by_source": "accuracy by source on the validation rows and on the rows of the last month",
        "id_lists": "rows of the saved lists of ids",
        "standard_error": "standard error of the accuracy on a set",
    },
}
"""What each number of each check is."""


MATURE_AFTER = 3
"""Months after which labels have always been complete."""
ABOUT = "about"
"""Beside the numbers of a check: what each is."""


def run_checks(run: Run) -> dict[SanityCheckName, dict[str, Any]]:
    """Check name to what it measured, rounded as shown."""
    with np.errstate(all="ignore"):
        measured: dict[SanityCheckName, dict[str, Any]] = {
            "label_consistency": _label_consistency(run),
            "data_leakage": _data_leakage(run),
            "gradient_norms": _gradient_norms(run),
            "class_balance": _class_balance(run),
            "feature_statistics": _feature_statistics(run),
            "encoder_version_match": _encoder_version_match(run),
            "loss_trajectory": _loss_trajectory(run),
            "metric_gap_analysis": _metric_gap_analysis(run),
        }
    return {check: {**numbers, ABOUT: dict(DEFINITIONS[check])} for check, numbers in measured.items()}


def shown(values: Floats) -> list[float | None]:
    """Numbers as they are shown."""
    return [to_json(value) for value in values.tolist()]


def _class_means(features: Floats, labels: Ints, classes: int) -> Floats:
    member = (labels == np.arange(classes)[:, None]).astype(np.float64)
    counts = member.sum(1, keepdims=True)
    means: Floats = np.where(counts > 0, (member @ features) / np.maximum(counts, 1), 1e6)
    return means


def _nearest(means: Floats, features: Floats) -> Ints:
    distance = (means * means).sum(1) - 2 * features @ means.T
    return np.asarray(distance.astype(np.float32).argmin(1), dtype=np.int64)


def _label_consistency(run: Run) -> dict[str, Any]:
    layout, every, tables = run.state.layout, run.reading.every, run.tables
    classes, sources = len(layout.classes), len(layout.sources)
    means = _class_means(run.features["train"], run.sets["train"].label, classes)
    nearest = _nearest(means, run.prepared.features(every))
    labelled = (every.month >= 0) & (every.month < LABELLED_MONTHS)
    is_recent = every.month == LABELLED_MONTHS

    def table(rows: NDArray[np.bool_], code: Ints) -> Ints:
        cell = (every.source[rows] * classes + code[rows]) * classes + nearest[rows]
        return np.bincount(cell, minlength=sources * classes * classes).reshape(sources, classes, classes)

    codes, last = table(labelled, tables.label_code), table(is_recent, tables.outcome)
    usual = codes.argmax(2)[every.source, tables.label_code] == nearest
    group = every.source[labelled] * LABELLED_MONTHS + every.month[labelled]
    rows = np.bincount(group, minlength=sources * LABELLED_MONTHS)
    right = np.bincount(group, weights=usual[labelled], minlength=sources * LABELLED_MONTHS)
    share = np.where(rows > 0, right / np.maximum(rows, 1), np.nan).reshape(sources, LABELLED_MONTHS)
    test = run.sets["test"].label
    number = np.argsort(order_of_classes(layout, str(run.state.world["evaluation.label_order"])))[test]
    of_test = _nearest(means, run.features["test"])
    return {
        "codes_by_source": dict(zip(layout.source_names, codes.tolist(), strict=True)),
        "last_month_by_source": dict(zip(layout.source_names, last.tolist(), strict=True)),
        "by_source_and_month": {name: shown(share[place]) for place, name in enumerate(layout.source_names)},
        "test_file": np.bincount(number * classes + of_test, minlength=classes * classes)
        .reshape(classes, classes)
        .tolist(),
        "classes": list(layout.classes),
    }


def _data_leakage(run: Run) -> dict[str, Any]:
    layout, every, tables = run.state.layout, run.reading.every, run.tables
    labelled = (every.month >= 0) & (every.month < LABELLED_MONTHS)
    once = labelled & (tables.line == 0)
    row, source, customer = every.row[once], every.source[once], every.customer[once]
    is_repeated = np.bincount(row)[row] > 1
    return {
        "repeated_by_source": {
            name: _mean(is_repeated[source == place]) for place, name in enumerate(layout.source_names)
        },
        "lines_per_id": to_json(float(labelled.sum() / max(1, once.sum()))),
        "rows_per_customer": to_json(len(customer) / max(1, len(np.unique(customer)))),
        "rows": {name: len(part) for name, part in run.sets.items()},
    }


def _gradient_norms(run: Run) -> dict[str, Any]:
    epochs = run.fit.epochs
    first = max(epochs[0].gradient_norm, 1e-12)
    return {
        "over_first_epoch": [to_json(epoch.gradient_norm / first) for epoch in epochs],
        "clipped_share": to_json(run.fit.clipped_share),
    }


def _shares(labels: Ints, classes: int) -> list[float | None]:
    counts = np.bincount(labels, minlength=classes)
    return shown(counts / max(1, len(labels)))


def _class_balance(run: Run) -> dict[str, Any]:
    layout, every, tables = run.state.layout, run.reading.every, run.tables
    classes = len(layout.classes)
    labelled = (every.month >= 0) & (every.month < LABELLED_MONTHS) & (tables.line == 0)
    label, source, month = every.label[labelled], every.source[labelled], every.month[labelled]
    is_mature = month < LABELLED_MONTHS - MATURE_AFTER
    recent = run.sets["recent"]
    has_partner = tables.has_partner[labelled]
    by_month = [
        float((label[month == at] == 0).mean()) if (month == at).any() else np.nan for at in range(LABELLED_MONTHS)
    ]
    joined = [float(has_partner[label == at].mean()) if (label == at).any() else np.nan for at in range(classes)]
    counts = np.bincount(run.sets["train"].label, minlength=classes)
    return {
        "by_source": {
            name: {
                "labelled": _shares(label[is_mature & (source == place)], classes),
                "last_month": _shares(recent.label[recent.source == place], classes),
            }
            for place, name in enumerate(layout.source_names)
        },
        "by_month": shown(np.array(by_month)),
        "joined_share": shown(np.array(joined)),
        "class_counts_file": counts[order_of_classes(layout, str(run.state.world["class_weights.order"]))].tolist(),
        "train_counts": counts.tolist(),
        "classes": list(layout.classes),
    }


def _association(values: Floats, labels: Ints, classes: int) -> Floats:
    """Share of each column's variance that lies between the classes."""
    member = (labels == np.arange(classes)[:, None]).astype(np.float64)
    sums = member @ values
    between = (sums * sums / np.maximum(member.sum(1, keepdims=True), 1)).sum(0) / max(1, len(labels))
    found: Floats = (between - values.mean(0) ** 2) / (values.var(0) + 1e-12)
    return found


def _feature_statistics(run: Run) -> dict[str, Any]:
    layout, every = run.state.layout, run.reading.every
    width, classes = len(layout.columns), len(layout.classes)
    train = run.sets["train"]
    filled = np.where(np.isnan(train.values), run.prepared.fill, train.values)
    scaled = (filled - run.prepared.mean) / run.prepared.scale
    labelled = (every.month >= 0) & (every.month < LABELLED_MONTHS)
    scale = np.array([column.scale for column in layout.columns])
    updates = run.tables.updates[labelled] / scale

    def by_column(values: Floats) -> dict[str, float | None]:
        return dict(zip(layout.column_names, shown(values), strict=True))

    return {
        "class_association": by_column(_association(scaled, train.label, classes)),
        "tail_association": by_column(_association(np.minimum(scaled * scaled, 16.0), train.label, classes)),
        "empty_share": by_column(_empty(run)),
        "most_frequent_share": by_column(_most_frequent(run.tables.values)),
        "largest_distance": by_column(_largest_distance(train.values)),
        **{name: by_column(values) for name, values in _between_sources(run).items()},
        "export_minus_event": by_column(np.sqrt((updates * updates).mean(0))),
        "class_mean_movement": to_json(_movement(run, width, classes)),
    }


def _largest_distance(values: Floats) -> Floats:
    """Of the values that are there, in their own standard deviations."""
    known = ~np.isnan(values)
    count = np.maximum(known.sum(0), 1)
    mean = np.where(known, values, 0.0).sum(0) / count
    centred = np.where(known, values - mean, 0.0)
    spread = np.maximum(np.sqrt((centred * centred).sum(0) / count), 1e-9)
    found: Floats = np.abs(centred).max(0) / spread
    return found


def _empty(run: Run) -> Floats:
    """Share of the cells of each column that are empty or hold a declared code of a missing value."""
    values, source = run.tables.values, run.tables.source
    empty = np.isnan(values)
    for number, name in enumerate(run.state.layout.source_names):
        for place, column in enumerate(run.state.layout.column_names):
            code = run.state.declared.get(f"sources.{name}.columns.{column}.missing_code")
            if code is not None:
                empty[:, place] |= (source == number) & (values[:, place] == float(code))
    share: Floats = empty.mean(0)
    return share


def _most_frequent(values: Floats) -> Floats:
    """Share of each column's most frequent value among its cells that are not NaN."""
    found = np.zeros(values.shape[1])
    for place in range(values.shape[1]):
        known = np.sort(values[~np.isnan(values[:, place]), place])
        if len(known):
            starts = np.flatnonzero(np.concatenate(([True], known[1:] != known[:-1])))
            found[place] = np.diff(np.append(starts, len(known))).max() / len(known)
    return found


def _between_sources(run: Run) -> dict[str, Floats]:
    """Shares of each column's variance: between sources, and between the months of each source beyond both."""
    sources, months = len(run.state.layout.sources), LABELLED_MONTHS + 1
    parts = [run.sets[name] for name in SETS]
    source, month = np.concatenate([part.source for part in parts]), np.concatenate([part.month for part in parts])
    values = np.concatenate([part.values for part in parts])
    known = ~np.isnan(values)
    values = np.clip((np.where(known, values, run.prepared.mean) - run.prepared.mean) / run.prepared.scale, -6.0, 6.0)
    values = np.where(known, values, 0.0)

    def between(group: Ints, groups: int) -> Floats:
        counts, sums = np.zeros((groups, values.shape[1])), np.zeros((groups, values.shape[1]))
        member = (group == np.arange(groups)[:, None]).astype(np.float64)
        counts, sums = member @ known, member @ values
        found: Floats = (sums * sums / np.maximum(counts, 1)).sum(0) - whole
        return found

    total = np.maximum(known.sum(0), 1)
    whole = values.sum(0) ** 2 / total
    spread = (values * values).sum(0) - whole + 1e-9
    by_source, by_month = between(source, sources), between(month, months)
    both = between(source * months + month, sources * months)
    return {
        "source_association": by_source / spread,
        "source_and_month_association": (both - by_source - by_month) / spread,
    }


def _movement(run: Run, width: int, classes: int) -> float:
    """How far class means moved between early and late months, over what chance would give; about 1: not at all."""
    parts = [run.sets[name] for name in SETS[:3]]
    values = np.concatenate([part.values for part in parts])
    label = np.concatenate([part.label for part in parts])
    month = np.concatenate([part.month for part in parts])
    filled = np.where(np.isnan(values), run.prepared.fill, values)
    scaled = np.clip((filled - run.prepared.mean) / run.prepared.scale, -4.0, 4.0)[:, :width]
    late = int(month.max()) - 3 if len(month) else 0
    total, cells = 0.0, 0
    for number in range(classes):
        early_rows = scaled[(label == number) & (month < 4)]
        late_rows = scaled[(label == number) & (month >= late)]
        if min(len(early_rows), len(late_rows)) < 8:
            continue
        # Seasons move all classes alike: only what moves one class against the others counts.
        gap = late_rows.mean(0) - early_rows.mean(0)
        everyone = scaled[month >= late].mean(0) - scaled[month < 4].mean(0)
        noise = late_rows.var(0) / len(late_rows) + early_rows.var(0) / len(early_rows)
        total += float(((gap - everyone) ** 2 / np.maximum(noise, 1e-9)).sum())
        cells += width
    return total / max(1, cells)


def _encoder_version_match(run: Run) -> dict[str, Any]:
    layout = run.state.layout
    used = [run.sets[name] for name in SETS]
    tokens, source = np.concatenate([part.tokens for part in used]), np.concatenate([part.source for part in used])
    counts = np.zeros((len(layout.sources), WORDS))
    np.add.at(counts, (np.repeat(source, tokens.shape[1]), tokens.ravel()), 1.0)
    distance: dict[str, dict[str, float | None]] = {}
    for place, name in enumerate(layout.source_names):
        read = tokenizer(layout, str(run.state.declared[f"sources.{name}.tokenizer"]))
        own, rest = np.zeros(WORDS), counts.sum(0) - counts[place]
        own[read] = counts[place]
        distance[name] = {}
        for version in TOKENIZERS:
            words = own[tokenizer(layout, version)]
            gap = np.abs(words / max(1.0, own.sum()) - rest / max(1.0, rest.sum())).sum()
            distance[name][version] = to_json(float(0.5 * gap))
    train = run.sets["train"]
    bag = np.zeros((len(train), WORDS))
    for token in range(train.tokens.shape[1]):
        bag[np.arange(len(train)), train.tokens[:, token]] += 1.0
    found = _association(bag, train.label, len(layout.classes))
    parts = _written_dates(run)
    return {
        "distance_from_other_sources": distance,
        "frequent_words": to_json(float(found[:FREQUENT_WORDS].mean())),
        "other_words": to_json(float(found[FREQUENT_WORDS:].mean())),
        **{
            key: {
                name: _mean(parts[number][run.tables.source == place] > 12)
                for place, name in enumerate(layout.source_names)
            }
            for number, key in enumerate(("first_part_over_12", "second_part_over_12"))
        },
    }


def _written_dates(run: Run) -> tuple[Ints, Ints]:
    """First and second part of each date as the sources write it."""
    layout, tables = run.state.layout, run.tables
    month = tables.year_month % 12 + 1
    day_first = np.array(
        [run.state.world[f"sources.{name}.date_format"] == DATE_FORMATS[0] for name in layout.source_names]
    )[tables.source]
    return np.where(day_first, tables.day, month), np.where(day_first, month, tables.day)


def _loss_trajectory(run: Run) -> dict[str, Any]:
    layout, world = run.state.layout, run.state.world
    is_padded = world["loss.divide_by"] == "mostly padding"
    return {
        "validation_loss": [to_json(epoch.val_loss) for epoch in run.fit.epochs],
        "log_classes": to_json(float(np.log(len(layout.classes)))),
        "arrival_label_entropy": to_json(run.arrival_entropy),
        "rows_over_capacity": to_json(dose(layout, "padding", 0.1, 0.25) if is_padded else FULL_BATCH),
        "steps_per_epoch": run.fit.steps_per_epoch,
        "epochs_run": len(run.fit.epochs),
    }


def _metric_gap_analysis(run: Run) -> dict[str, Any]:
    layout, sets = run.state.layout, run.sets
    right = {name: run.predicted[name] == sets[name].label for name in ("train", "validation", "recent")}
    accuracy = {name: float(one.mean()) if len(one) else float("nan") for name, one in right.items()}
    in_order = run.state.world["evaluation.validation_ids"] == "a"
    lists = dict(zip(("a", "b"), ("validation", "test") if in_order else ("test", "validation"), strict=True))
    return {
        "accuracy": {name: to_json(value) for name, value in accuracy.items()},
        "by_source": {
            name: {
                kind: _mean(right[part][sets[part].source == place])
                for kind, part in (("validation", "validation"), ("last_month", "recent"))
            }
            for place, name in enumerate(layout.source_names)
        },
        "id_lists": {name: len(sets[part]) for name, part in lists.items()},
        "standard_error": {
            name: to_json((value * (1 - value) / max(1, len(sets[name]))) ** 0.5) for name, value in accuracy.items()
        },
    }


def _mean(values: Any) -> float | None:
    return to_json(float(values.mean())) if len(values) else None
