"""The eight sanity checks: numbers that a practitioner could compute from the run's own data. They measure and do not judge.

What each number is: `DEFINITIONS`. A NaN or infinity is shown as null.
"""

from __future__ import annotations

from typing import Any, Mapping

import numpy as np

from domain.training.artifacts.numbers import to_json
from domain.training.multi_source.agreements import TOKENIZERS
from domain.training.multi_source.layout import LABELLED_MONTHS, WORDS
from domain.training.multi_source.rows import FREQUENT_WORDS
from domain.training.multi_source.run import SETS, Run
from domain.training.multi_source.tables import Frame, tokenizer
from domain.training.randomness import Floats, Ints
from domain.types import SanityCheckName

DEFINITIONS: Mapping[SanityCheckName, Mapping[str, str]] = {
    "label_consistency": {
        "nearest_mean_agreement": "share of the rows of a set whose label is the class of the nearest class mean of the training rows",
        "by_source": "for the labelled rows of a source: rows by label (outer list) and class of the nearest mean (inner list)",
        "last_month_by_source": "the same for its rows of the last month, whose labels were looked up by hand",
        "by_source_and_month": "agreement of the labelled rows of a source, month by month; null where it has none",
        "classes": "order of the classes in the lists",
    },
    "data_leakage": {
        "shared_rows": "share of the rows of the second set with the same content as a row of the first",
        "shared_customers": "share of the customers of the second set that also occur in the first",
        "repeated_rows": "share of the rows of a set whose content occurs before in the same set",
        "repeated_by_source": "share of the labelled rows of a source whose content occurs more than once among all labelled rows",
        "rows_per_customer": "mean rows of a customer among all labelled rows",
    },
    "gradient_norms": {
        "mean_by_epoch": "mean norm of the gradient over all parameters, before clipping",
        "largest": "largest norm of all steps",
        "clipped_share": "share of the steps that were clipped",
    },
    "class_balance": {
        "shares": "share of each class in a set, and among all labelled rows of the joined tables as stored",
        "by_source": "share of each class among the labelled rows of a source and among its rows of the last month",
        "by_month": "share of the first class among the labelled rows that are used, month by month",
        "applied_weight": "mean weight of a training row of each class in the loss",
        "recall": "share of the rows of each class that are predicted as it, in validation and test as they are evaluated",
        "classes": "order of the classes in the lists",
    },
    "feature_statistics": {
        "shift": "difference of the means from the training rows, in standard deviations of these",
        "spread_ratio": "standard deviation over that of the training rows",
        "class_association": "share of a column's variance that lies between the classes, among training rows and rows of the last month",
        "tail_association": "the same for the squared distance from the column's mean, at most 16 variances, among training rows",
        "beyond_1_25": "share of the training rows beyond 1.25 standard deviations, before the scaler clips",
        "filled_share": "share of the rows of a set in which the column was filled",
        "most_frequent_share": "share of all rows that have the column's most frequent value, filled ones aside",
        "largest_distance": "largest distance of a training row from the column's mean, in standard deviations",
        "source_association": "share of the column's variance that lies between the sources, among all rows, filled ones aside",
        "source_and_month_association": "the same between the months of each source, beyond what lies between sources and between months",
        "class_mean_change": "from the last two labelled months to the last month, beyond the change of the column's mean: root mean square over the classes, in standard deviations of the training rows",
        "class_mean_movement": "mean squared distance between the class means of the first and the last four labelled months, over what chance would give",
    },
    "encoder_version_match": {
        "distance_from_other_sources": "half the sum of differences between the word shares of a source and those of all other sources, with the source's texts read with each version of the tokenizer",
        "frequent_words": "share of the variance of the counts of the four most frequent words that lies between the classes, training rows",
        "other_words": "the same for the other words",
        "kept_words": "words that the encoder keeps",
    },
    "loss_trajectory": {
        "first_batch_loss": "training loss of the very first batch",
        "log_classes": "loss of a uniform guess",
        "train_loss": "first and last epoch",
        "validation_loss": "first and last epoch",
        "thirds_of_epoch": "mean loss of the first, second and last third of an epoch's batches, first and last epoch",
        "batch_label_entropy": "mean label entropy of batches in the order of the first epoch, over what random batches would have",
        "steps_per_epoch": "batches of an epoch",
        "epochs_run": "epochs",
    },
    "metric_gap_analysis": {
        "accuracy": "accuracy of the chosen checkpoint on the rows of a set, as the pipeline reads them",
        "rows": "rows of a set",
        "reported": "what the evaluation reports as validation and test, with the rows it scored",
        "best_logged_validation": "best validation accuracy of the log",
        "by_source": "accuracy by source: validation and test rows, and rows of the last month",
        "standard_error": "standard error of the accuracy on a set",
    },
}
"""What each number of each check is."""


def run_checks(run: Run) -> dict[SanityCheckName, dict[str, Any]]:
    """Check name to what it measured, rounded as shown."""
    with np.errstate(all="ignore"):
        return {
            "label_consistency": _label_consistency(run),
            "data_leakage": _data_leakage(run),
            "gradient_norms": _gradient_norms(run),
            "class_balance": _class_balance(run),
            "feature_statistics": _feature_statistics(run),
            "encoder_version_match": _encoder_version_match(run),
            "loss_trajectory": _loss_trajectory(run),
            "metric_gap_analysis": _metric_gap_analysis(run),
        }


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
    layout = run.state.layout
    classes, sources = len(layout.classes), len(layout.sources)
    means = _class_means(run.features["train"], run.sets["train"].label, classes)
    nearest = {name: _nearest(means, features) for name, features in run.features.items()}
    labels = {name: part.label for name, part in run.sets.items()} | {"test": run.test_labels}
    used = ("train", "validation", "test")
    source = np.concatenate([run.sets[name].source for name in used])
    month = np.concatenate([run.sets[name].month for name in used])
    label = np.concatenate([run.sets[name].label for name in used])
    found = np.concatenate([nearest[name] for name in used])
    table = np.bincount((source * classes + label) * classes + found, minlength=sources * classes * classes)
    group = source * LABELLED_MONTHS + month
    rows = np.bincount(group, minlength=sources * LABELLED_MONTHS)
    right = np.bincount(group[label == found], minlength=sources * LABELLED_MONTHS)
    share = np.where(rows > 0, right / np.maximum(rows, 1), np.nan).reshape(sources, LABELLED_MONTHS)
    recent = run.sets["recent"]
    last = np.bincount(
        (recent.source * classes + recent.label) * classes + nearest["recent"], minlength=sources * classes * classes
    )
    by_source = {
        name: dict(zip(layout.source_names, counts.reshape(sources, classes, classes).tolist(), strict=True))
        for name, counts in (("labelled", table), ("last", last))
    }
    return {
        "nearest_mean_agreement": {
            name: to_json(float((nearest[name] == labels[name]).mean())) if len(labels[name]) else None for name in SETS
        },
        "by_source": by_source["labelled"],
        "last_month_by_source": by_source["last"],
        "by_source_and_month": {name: shown(share[place]) for place, name in enumerate(layout.source_names)},
        "classes": list(layout.classes),
    }


_PAIRS = (("train", "validation"), ("train", "test"), ("validation", "test"), ("train", "recent"))


def _data_leakage(run: Run) -> dict[str, Any]:
    def share(first: Ints, second: Ints) -> float | None:
        return to_json(float(np.isin(second, first).mean())) if len(second) else None

    def repeated(part: Frame) -> float | None:
        return to_json(1.0 - len(np.unique(part.row)) / len(part)) if len(part) else None

    sets = run.sets
    customers = {name: np.unique(part.customer) for name, part in sets.items()}
    labelled = np.concatenate([sets[name].customer for name in SETS[:3]])
    return {
        "shared_rows": {f"{one}/{other}": share(sets[one].row, sets[other].row) for one, other in _PAIRS},
        "shared_customers": {f"{one}/{other}": share(customers[one], customers[other]) for one, other in _PAIRS},
        "repeated_rows": {name: repeated(part) for name, part in sets.items()},
        "repeated_by_source": _repeated_by_source(run),
        "rows_per_customer": to_json(len(labelled) / max(1, len(np.unique(labelled)))),
    }


def _repeated_by_source(run: Run) -> dict[str, float | None]:
    parts = [run.sets[name] for name in SETS[:3]]
    row = np.concatenate([part.row for part in parts])
    source = np.concatenate([part.source for part in parts])
    is_repeated = np.bincount(row)[row] > 1
    return {name: _mean(is_repeated[source == place]) for place, name in enumerate(run.state.layout.source_names)}


def _gradient_norms(run: Run) -> dict[str, Any]:
    epochs = run.fit.epochs
    return {
        "mean_by_epoch": [to_json(epoch.gradient_norm) for epoch in epochs],
        "largest": to_json(max(epoch.gradient_norm_max for epoch in epochs)),
        "clipped_share": to_json(run.fit.clipped_share),
    }


def _shares(labels: Ints, classes: int) -> list[float | None]:
    counts = np.bincount(labels, minlength=classes)
    return shown(counts / max(1, len(labels)))


def _class_balance(run: Run) -> dict[str, Any]:
    layout, sets = run.state.layout, run.sets
    classes = len(layout.classes)
    labelled = [sets[name] for name in SETS[:3]]
    label = np.concatenate([part.label for part in labelled])
    source = np.concatenate([part.source for part in labelled])
    month = np.concatenate([part.month for part in labelled])
    weight = run.class_weights[sets["train"].label] * sets["train"].weight
    counts = np.bincount(sets["train"].label, minlength=classes)
    applied = np.bincount(sets["train"].label, weights=weight, minlength=classes) / np.maximum(counts, 1)
    by_month = [
        float((label[month == place] == 0).mean()) if (month == place).any() else np.nan
        for place in range(LABELLED_MONTHS)
    ]
    recall = {}
    for name in ("validation", "test"):
        confusion = run.scores[name].confusion
        recall[name] = shown(np.diag(confusion) / np.where(confusion.sum(1) > 0, confusion.sum(1), np.nan))
    return {
        "shares": {name: _shares(part.label, classes) for name, part in sets.items()}
        | {"stored": _shares(run.reading.label[run.reading.month < LABELLED_MONTHS], classes)},
        "by_source": {
            name: {
                "labelled": _shares(label[source == place], classes),
                "last_month": _shares(sets["recent"].label[sets["recent"].source == place], classes),
            }
            for place, name in enumerate(layout.source_names)
        },
        "by_month": shown(np.array(by_month)),
        "applied_weight": shown(applied),
        "recall": recall,
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
    layout = run.state.layout
    width, classes = len(layout.columns), len(layout.classes)
    scaled = {}
    for name, part in run.sets.items():
        filled = np.where(np.isnan(part.values), run.prepared.fill, part.values)
        scaled[name] = (filled - run.prepared.mean) / run.prepared.scale
    train, recent = scaled["train"], scaled["recent"]
    label = run.sets["train"].label

    def by_column(values: Floats) -> dict[str, float | None]:
        return dict(zip(layout.column_names, shown(values), strict=True))

    return {
        "shift": {name: by_column(scaled[name].mean(0) - train.mean(0)) for name in SETS[1:] if len(scaled[name])},
        "spread_ratio": {name: by_column(scaled[name].std(0) / train.std(0)) for name in SETS[1:] if len(scaled[name])},
        "class_association": {
            "train": by_column(_association(train, label, classes)),
            "recent": by_column(_association(recent, run.sets["recent"].label, classes)) if len(recent) else {},
        },
        "tail_association": by_column(_association(np.minimum(train * train, 16.0), label, classes)),
        "beyond_1_25": by_column((np.abs(train) > 1.25).mean(0)),
        "filled_share": {
            name: by_column(np.isnan(part.values).mean(0)) for name, part in run.sets.items() if len(part)
        },
        "most_frequent_share": by_column(_most_frequent(np.concatenate([part.values for part in run.sets.values()]))),
        "largest_distance": by_column(np.abs(train).max(0)),
        **{name: by_column(values) for name, values in _between_sources(run).items()},
        "class_mean_change": by_column(_change_of_class_means(run, classes)),
        "class_mean_movement": to_json(_movement(run, width, classes)),
    }


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


def _change_of_class_means(run: Run, classes: int) -> Floats:
    parts = [run.sets[name] for name in SETS[:3]]
    month = np.concatenate([part.month for part in parts])
    recent = run.sets["recent"]
    late = month >= (int(month.max()) - 1 if len(month) else 0)
    values = np.concatenate([part.values for part in parts])[late]
    label = np.concatenate([part.label for part in parts])[late]

    def scaled(found: Floats) -> Floats:
        filled = np.where(np.isnan(found), run.prepared.fill, found)
        return np.clip((filled - run.prepared.mean) / run.prepared.scale, -4.0, 4.0)

    before, after = scaled(values), scaled(recent.values)
    total, cells = np.zeros(before.shape[1]), 0
    whole = after.mean(0) - before.mean(0) if len(after) and len(before) else 0.0
    for number in range(classes):
        old, new = before[label == number], after[recent.label == number]
        if min(len(old), len(new)) >= 8:
            total += (new.mean(0) - old.mean(0) - whole) ** 2
            cells += 1
    found: Floats = np.sqrt(total / max(1, cells))
    return found


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
    return {
        "distance_from_other_sources": distance,
        "frequent_words": to_json(float(found[:FREQUENT_WORDS].mean())),
        "other_words": to_json(float(found[FREQUENT_WORDS:].mean())),
        "kept_words": run.prepared.words,
    }


def _loss_trajectory(run: Run) -> dict[str, Any]:
    epochs, classes = run.fit.epochs, len(run.state.layout.classes)
    first, last = epochs[0], epochs[-1]
    return {
        "first_batch_loss": to_json(run.fit.first_loss),
        "log_classes": to_json(float(np.log(classes))),
        "train_loss": [to_json(first.train_loss), to_json(last.train_loss)],
        "validation_loss": [to_json(first.val_loss), to_json(last.val_loss)],
        "thirds_of_epoch": [[to_json(value) for value in epoch.loss_of_thirds] for epoch in (first, last)],
        "batch_label_entropy": to_json(run.fit.batch_entropy),
        "steps_per_epoch": run.fit.steps_per_epoch,
        "epochs_run": len(epochs),
    }


def _metric_gap_analysis(run: Run) -> dict[str, Any]:
    layout = run.state.layout
    accuracy = {}
    for name, part in run.sets.items():
        labels = run.test_labels if name == "test" else part.label
        accuracy[name] = float((run.predicted[name] == labels).mean()) if len(part) else float("nan")
    by_source = {}
    held = [run.sets["validation"], run.sets["test"]]
    source = np.concatenate([part.source for part in held])
    right = np.concatenate([run.predicted["validation"] == held[0].label, run.predicted["test"] == run.test_labels])
    recent = run.sets["recent"]
    right_recent = run.predicted["recent"] == recent.label
    for place, name in enumerate(layout.source_names):
        by_source[name] = {
            "held_out": _mean(right[source == place]),
            "last_month": _mean(right_recent[recent.source == place]),
        }
    return {
        "accuracy": {name: to_json(value) for name, value in accuracy.items()},
        "rows": {name: len(part) for name, part in run.sets.items()},
        "reported": {
            name: {
                "accuracy": to_json(run.scores[f"reported_{name}"].accuracy),
                "rows": run.scores[f"reported_{name}"].rows,
            }
            for name in ("validation", "test")
        },
        "best_logged_validation": to_json(max(epoch.val_accuracy for epoch in run.fit.epochs)),
        "by_source": by_source,
        "standard_error": {
            name: to_json((value * (1 - value) / max(1, len(run.sets[name]))) ** 0.5)
            for name, value in accuracy.items()
        },
    }


def _mean(values: Any) -> float | None:
    return to_json(float(values.mean())) if len(values) else None
