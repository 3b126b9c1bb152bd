"""The eight sanity checks: totals over all sources that a practitioner could compute from the run's own data. They measure and do
not judge.

Rule 1: a check sums up; which source, column or file it comes from shows in the blocks of data_slices.json. Rule 2: healthy
runs show every pattern that runs with a fault show. Rule 3: no check counts the rows of a set, or those that two sets share:
lines that a join multiplies show in both at once, whichever source has them. How many rows a set has stands in
dataset_stats.json. What each number is: `DEFINITIONS`. A NaN or infinity is shown as null.
"""

from __future__ import annotations

from typing import Any, Mapping

import numpy as np

from domain.training.artifacts.numbers import to_json
from domain.training.multi_source.agreements import TOKENIZERS
from domain.training.multi_source.layout import LABELLED_MONTHS
from domain.training.multi_source.measuring import Measured, association_within_sources, measure, share, shown
from domain.training.multi_source.run import SETS, Run
from domain.training.multi_source.tables import cells_of
from domain.training.randomness import Floats, Ints
from domain.types import SanityCheckName

DEFINITIONS: Mapping[SanityCheckName, Mapping[str, str]] = {
    "label_consistency": {
        "labelled": "share of the labelled rows that the run used (training, validation, test) whose class, as the pipeline reads it, is that of the nearest class mean of the training rows",
        "by_month": "the same, month by month; null where the run used no row of a month",
        "last_month": "the same of the rows of the last month, as looked up by hand",
    },
    "data_leakage": {
        "repeated_share": "share of the stored labelled rows, one line an id, whose content occurs under another id as well",
    },
    "gradient_norms": {
        "over_first_epoch": "mean norm of the gradient of an epoch over that of the first epoch, before clipping",
        "clipped_share": "share of the steps that were clipped",
    },
    "class_balance": {
        "labelled": "share of each class among the labelled rows, as the pipeline reads them, before any is dropped",
        "last_month": "share of each class among the rows of the last month, as looked up by hand",
        "classes": "order of the classes in the lists",
    },
    "feature_statistics": {
        "class_association": "share of a column's variance within the sources that lies between the classes, training rows, filled cells aside",
        "empty_share": "share of the stored cells of a column that are empty or hold a declared code of a missing value",
        "most_frequent_share": "share of the stored cells of a column that hold its most frequent value",
        "source_association": "share of the column's variance that lies between the sources, filled ones aside",
        "source_and_month_association": "the same between the months of each source, beyond what lies between sources and between months; 0 where there is nothing beyond",
    },
    "encoder_version_match": {
        "distance_from_other_sources": "half the sum of differences between the word shares of a source and those of all other sources, its texts read with the declared version of the tokenizer, mean over the sources",
    },
    "loss_trajectory": {
        "validation_loss": "validation loss of each epoch",
        "log_classes": "loss of a uniform guess",
        "steps_per_epoch": "batches of an epoch",
        "epochs_run": "epochs",
    },
    "metric_gap_analysis": {
        "accuracy": "accuracy of the chosen checkpoint on the training, validation and recent rows, as the pipeline reads them",
    },
}
"""What each number of each check is."""
ABOUT = "about"
"""Beside the numbers of a check: what each is."""


def run_checks(run: Run, found: Measured | None = None) -> dict[SanityCheckName, dict[str, Any]]:
    """Check name to what it measured, rounded as shown."""
    with np.errstate(all="ignore"):
        found = found or measure(run)
        measured: dict[SanityCheckName, dict[str, Any]] = {
            "label_consistency": _label_consistency(run, found),
            "data_leakage": {"repeated_share": share(found.is_repeated)},
            "gradient_norms": _gradient_norms(run),
            "class_balance": _class_balance(run, found),
            "feature_statistics": _feature_statistics(run, found),
            "encoder_version_match": _encoder_version_match(run, found),
            "loss_trajectory": _loss_trajectory(run),
            "metric_gap_analysis": _metric_gap_analysis(run),
        }
    return {check: {**numbers, ABOUT: dict(DEFINITIONS[check])} for check, numbers in measured.items()}


def _label_consistency(run: Run, found: Measured) -> dict[str, Any]:
    every, recent = run.reading.every, run.reading.month == LABELLED_MONTHS
    is_nearest = found.nearest == every.label
    used = found.labelled & (run.reading.dropped == 0)
    rows, nearest = (
        np.bincount(every.month[own], minlength=LABELLED_MONTHS).tolist() for own in (used, used & is_nearest)
    )
    return {
        "labelled": share(is_nearest[used]),
        "by_month": [to_json(own / count) if count else None for own, count in zip(nearest, rows, strict=True)],
        "last_month": share(is_nearest[recent]),
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


def _class_balance(run: Run, found: Measured) -> dict[str, Any]:
    classes = run.state.layout.classes
    return {
        "labelled": _shares(run.reading.label[found.once], len(classes)),
        "last_month": _shares(run.sets["recent"].label, len(classes)),
        "classes": list(classes),
    }


def _feature_statistics(run: Run, found: Measured) -> dict[str, Any]:
    layout = run.state.layout

    def by_column(values: Floats) -> dict[str, float | None]:
        return dict(zip(layout.column_names, shown(values), strict=True))

    return {
        "class_association": by_column(association_within_sources(run.sets["train"], len(layout.classes))),
        "empty_share": by_column(_empty(run)),
        "most_frequent_share": by_column(found.repeats.overall / np.maximum(1, found.repeats.known)),
        **{name: by_column(values) for name, values in _between_sources(run).items()},
    }


def _empty(run: Run) -> Floats:
    """Share of the cells of each column that are empty or hold a declared code of a missing value."""
    values, codes = run.tables.values, cells_of(run.state.layout, run.state.declared).codes
    empty = np.isnan(values) | (values == codes.take(run.tables.source, axis=0))
    share: Floats = empty.mean(0)
    return share


def _between_sources(run: Run) -> dict[str, Floats]:
    """Shares of each column's variance: between sources, and between the months of each source beyond both."""
    sources, months = len(run.state.layout.sources), LABELLED_MONTHS + 1
    parts = [run.sets[name] for name in SETS]
    source, month = np.concatenate([part.source for part in parts]), np.concatenate([part.month for part in parts])
    values = np.concatenate([part.values for part in parts])
    known = ~np.isnan(values)
    values = np.where(known, values, run.prepared.mean)
    values -= run.prepared.mean
    values /= run.prepared.scale
    np.clip(values, -6.0, 6.0, out=values)
    values[~known] = 0.0
    width = values.shape[1]

    def cells(group: Ints) -> Ints:
        found: Ints = ((group * width)[:, None] + np.arange(width)).ravel()
        return found

    def between(cell: Ints, counts: Ints) -> Floats:
        sums = np.bincount(cell, values.ravel(), minlength=counts.size).reshape(counts.shape)
        found: Floats = (sums * sums / np.maximum(counts, 1)).sum(0) - whole
        return found

    total = np.maximum(known.sum(0), 1)
    whole = values.sum(0) ** 2 / total
    spread = (values * values).sum(0) - whole + 1e-9
    cell = cells(source * months + month)
    counts = np.bincount(cell[known.ravel()], minlength=sources * months * width)
    counts = counts.reshape(sources, months, width)
    by_source, by_month = between(cells(source), counts.sum(1)), between(cells(month), counts.sum(0))
    both = between(cell, counts.reshape(-1, width))
    return {
        "source_association": by_source / spread,
        "source_and_month_association": np.maximum(both - by_source - by_month, 0.0) / spread,
    }


def _encoder_version_match(run: Run, found: Measured) -> dict[str, Any]:
    declared, names = run.state.declared, run.state.layout.source_names
    versions = [TOKENIZERS.index(str(declared[f"sources.{name}.tokenizer"])) for name in names]
    return {"distance_from_other_sources": share(found.distances[np.arange(len(names)), versions])}


def _loss_trajectory(run: Run) -> dict[str, Any]:
    return {
        "validation_loss": [to_json(epoch.val_loss) for epoch in run.fit.epochs],
        "log_classes": to_json(float(np.log(len(run.state.layout.classes)))),
        "steps_per_epoch": run.fit.steps_per_epoch,
        "epochs_run": len(run.fit.epochs),
    }


def _metric_gap_analysis(run: Run) -> dict[str, Any]:
    right = {name: run.predicted[name] == run.sets[name].label for name in ("train", "validation", "recent")}
    return {"accuracy": {name: share(one) for name, one in right.items()}}
