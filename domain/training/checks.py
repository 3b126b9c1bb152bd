"""The eight sanity checks: numbers measured on a training run, and flags that follow from the numbers alone.

A measured number is rounded as it is shown; a flag is one of the bounds of `thresholds` crossed, and each crossed one is a
reason. A NaN or infinity is shown as null and counts as beyond any upper bound.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from domain.training.artifacts.numbers import to_json, to_text
from domain.training.frame import Frame, present_moments
from domain.training.randomness import Floats, Ints, distinct, to_float32_grid
from domain.training.simulator import ENCODING_WEIGHT, Matrix, TrainingRun
from domain.training.tabular import Metrics, count_tokens
from domain.training.themes import BY_DATASET
from domain.training.thresholds import CLEAR_THRESHOLDS, EARLIER_THRESHOLDS, THRESHOLDS, Thresholds

Number = float | int
Measured = dict[str, Number | str | list[int]]


def run_checks(run: TrainingRun) -> dict[str, dict[str, Any]]:
    """Check name to ``{"check", "flag", "reasons", "measured"}``, all eight."""
    return {name: _result(name, measured, _flagging(run)) for name, measured in measure(run).items()}


def measure(run: TrainingRun) -> dict[str, Measured]:
    """Check name to its numbers, unrounded."""
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


def raised(run: TrainingRun) -> frozenset[tuple[str, str]]:
    """The (check, number) pairs of a run that raise a flag."""
    return _unusual(run, _flagging(run))


def clearly_unusual(run: TrainingRun) -> frozenset[tuple[str, str]]:
    """The (check, number) pairs that lie far enough out to tell a repaired run from one that is not."""
    return _unusual(run, CLEAR_THRESHOLDS if run.pipeline.dataset.rules >= 5 else EARLIER_THRESHOLDS)


def _flagging(run: TrainingRun) -> Thresholds:
    return THRESHOLDS if run.pipeline.dataset.rules >= 5 else EARLIER_THRESHOLDS


def _unusual(run: TrainingRun, thresholds: Thresholds) -> frozenset[tuple[str, str]]:
    return beyond(measure(run), thresholds)


def beyond(numbers: dict[str, Measured], thresholds: Thresholds) -> frozenset[tuple[str, str]]:
    """The (check, number) pairs of a run's numbers that lie beyond their bounds."""
    return frozenset(
        (check, name)
        for check, measured in numbers.items()
        for name, value in measured.items()
        if _beyond(thresholds, check, name, value) is not None
    )


def _beyond(thresholds: Thresholds, check: str, name: str, value: object) -> str | None:
    """The sentence for a number beyond its threshold; None: within, or it has none."""
    bounds = thresholds.get((check, name))
    if bounds is None or not isinstance(value, (int, float)):
        return None
    shown = float(f"{value:.4g}")
    if bounds.high is not None and (shown > bounds.high or math.isnan(shown)):
        return f"{name} is {to_text(value)}, above {to_text(bounds.high)}"
    if bounds.low is not None and shown < bounds.low:
        return f"{name} is {to_text(value)}, below {to_text(bounds.low)}"
    return None


def _result(name: str, measured: Measured, thresholds: Thresholds) -> dict[str, Any]:
    reasons = [reason for key, value in measured.items() if (reason := _beyond(thresholds, name, key, value))]
    shown = {key: to_json(value) if isinstance(value, float) else value for key, value in measured.items()}
    return {"check": name, "flag": bool(reasons), "reasons": reasons, "measured": shown}


def _label_consistency(run: TrainingRun) -> Measured:
    confusion, classes = _confusion(run.reported_test, run), len(run.pipeline.dataset.classes)
    total = max(1, int(confusion.sum()))
    accuracy = float(np.trace(confusion)) / total
    orders = itertools.permutations(range(classes))
    best = max(orders, key=lambda order: sum(int(confusion[row, order[row]]) for row in range(classes)))
    permuted = sum(int(confusion[row, best[row]]) for row in range(classes)) / total
    centroids = _class_means(run.val.features, run.val.labels, classes)
    prior = confusion.sum(1) / total
    return {
        "test_accuracy": accuracy,
        "best_permutation": list(best),
        "permuted_accuracy": permuted,
        "permutation_gain": permuted - accuracy,
        "chance": float((prior * prior).sum()),
        "train_agreement": _agreement(centroids, run.train.features, run.train.labels),
        "val_agreement": _agreement(centroids, run.val.features, run.val.labels),
        "test_agreement": _agreement(centroids, run.test.features, run.test.labels),
    }


def _data_leakage(run: TrainingRun) -> Measured:
    train, evaluated = run.splits.train, run.evaluated
    fitted = run.fitted
    offset = 0.0
    scaler = fitted.scaler
    if hasattr(scaler, "mean_"):
        columns = BY_DATASET[run.pipeline.dataset.name].numeric
        own = fitted.imputer.transform(np.asarray(train[columns], dtype=np.float64))
        offset = float(np.abs((scaler.mean_ - to_float32_grid(own.mean(0))) / own.std(0)).max())
    return {
        "train_rows_in_test": _share(evaluated.test.source, train.source),
        "train_rows_in_val": _share(evaluated.val.source, train.source),
        "val_rows_in_test": _share(evaluated.test.source, run.watched.source),
        "copied_rows_in_test": 1.0 - len(distinct(evaluated.test.source)) / max(1, len(evaluated.test)),
        "train_customers_in_test": _share(evaluated.test.customer_id, train.customer_id),
        "scaler_rows_outside_train": _outside(fitted.scaler_rows, train),
        "encoder_rows_outside_train": _outside(fitted.encoder_rows, train),
        "selector_rows_outside_train": _outside(fitted.selector_rows, train),
        "scaler_mean_offset": offset,
    }


def _gradient_norms(run: TrainingRun) -> Measured:
    history = run.history
    hidden, output = run.fit.first_gradients
    return {
        "first_epoch": history[0].gradient_norm,
        "last_epoch": history[-1].gradient_norm,
        "largest": max((epoch.gradient_norm_max for epoch in history), key=_size),
        "last_over_first": history[-1].gradient_norm / max(history[0].gradient_norm, 1e-12),
        "hidden_over_output_layer": hidden / max(output, 1e-12),
        "dead_unit_share": run.fit.dead_unit_share,
        "clipped_step_share": run.fit.clipped_share,
    }


def _class_balance(run: TrainingRun) -> Measured:
    classes = len(run.pipeline.dataset.classes)
    counts = np.bincount(run.splits.train.label_codes, minlength=classes)
    confusion = _confusion(run.reported_test, run)
    rows = confusion.sum(1)
    present = rows > 0
    recall = np.diag(confusion)[present] / rows[present]
    return {
        "train_majority_over_minority": float(counts.max() / max(1, counts.min())),
        "lowest_recall": float(recall.min()) if present.any() else 0.0,
        "classes_never_predicted": int((confusion.sum(0) == 0).sum()),
        "classes_without_output": max(0, classes - run.pipeline.model.num_classes),
        "largest_predicted_share": float(confusion.sum(0).max() / max(1, confusion.sum())),
        "batch_label_entropy": run.fit.batch_entropy,
    }


def _feature_statistics(run: TrainingRun) -> Measured:
    width = len(BY_DATASET[run.pipeline.dataset.name].numeric)
    train, test = run.train.features[:, :width], run.test.features[:, :width]
    spread, test_mean = train.std(0), test.mean(0)
    scale = np.maximum(spread, 1e-9)
    ratio = np.maximum(test.std(0), 1e-12) / scale
    return {
        "largest_mean_shift": float((np.abs(test_mean - train.mean(0)) / scale).max()),
        "largest_spread_ratio": float(np.maximum(ratio, 1.0 / ratio).max()),
        "largest_train_spread": float(spread.max()),
        "largest_test_mean": float(np.abs(test_mean).max()),
        "smallest_filled_value": _smallest_filled(run),
        "single_feature_eta2": float(_eta_squared(run.train).max()),
        "rows_encoded_with_own_label": _encoded_with_own_label(run, width),
        "class_mean_distance": _class_mean_distance(run, train / scale, test / scale),
    }


def _smallest_filled(run: TrainingRun) -> float:
    """Smallest training value after missing ones were filled, in deviations of those that were there."""
    raw = np.asarray(run.splits.train[BY_DATASET[run.pipeline.dataset.name].numeric], dtype=np.float64)
    filled = run.fitted.imputer.transform(raw)
    means, deviations = present_moments(raw)
    return float(((filled.min(0) - means) / deviations).min())


def _encoder_version_match(run: TrainingRun) -> Measured:
    settings = run.pipeline.preprocessing
    name = BY_DATASET[run.pipeline.dataset.name].tokenizer
    train, evaluation = f"{name}-{settings.tokenizer_train}", f"{name}-{settings.tokenizer_eval}"
    in_train, in_test = _unknown_rate(run.splits.train, train), _unknown_rate(run.scored, evaluation)
    return {
        "train_tokenizer": train,
        "eval_tokenizer": evaluation,
        "unknown_token_rate_train": in_train,
        "unknown_token_rate_val": _unknown_rate(run.evaluated.val, train),
        "unknown_token_rate_test": in_test,
        "unknown_rate_test_minus_train": in_test - in_train,
    }


def _loss_trajectory(run: TrainingRun) -> Measured:
    losses = np.array([epoch.train_loss for epoch in run.history])
    finite = losses[np.isfinite(losses)]
    chance = math.log(len(run.pipeline.dataset.classes))
    first = max(float(finite[0]), 1e-9) if len(finite) else 1.0
    rises = float(np.maximum(np.diff(finite), 0.0).sum()) / first if len(finite) > 1 else 0.0
    return {
        "non_finite_epochs": len(losses) - len(finite),
        "largest_over_chance": float(finite.max() / chance) if len(finite) else math.inf,
        "last_over_chance": float(losses[-1] / chance),
        "up_move_share": rises,
        "steps_per_epoch": run.fit.steps_per_epoch,
        "epochs_run": len(run.history),
        "epochs_planned": run.pipeline.training.epochs,
        "epochs_not_run": run.pipeline.training.epochs - len(run.history),
        "last_train_accuracy": run.history[-1].train_accuracy,
        "last_val_accuracy": run.history[-1].val_accuracy,
    }


def _metric_gap_analysis(run: TrainingRun) -> Measured:
    val, test = run.reported_val, run.reported_test
    best = max(epoch.val_accuracy for epoch in run.history)
    rows_val, rows_test = len(run.evaluated.val), len(run.evaluated.test)
    spread = 0.4 * (1.0 / max(1, rows_val) + 1.0 / max(1, rows_test)) ** 0.5
    last = run.history[-1]
    return {
        "logged_best_val": best,
        "reported_val": val.accuracy,
        "reported_test": test.accuracy,
        "reported_minus_logged_val": val.accuracy - best,
        "val_minus_test": val.accuracy - test.accuracy,
        "val_minus_test_in_standard_errors": (val.accuracy - test.accuracy) / spread,
        "train_minus_val": last.train_accuracy - last.val_accuracy,
        "val_rows_scored": val.rows,
        "test_rows_scored": test.rows,
        "val_rows_in_split": rows_val,
        "test_rows_in_split": rows_test,
        "rows_scored_minus_split": abs(val.rows + test.rows - rows_val - rows_test),
    }


def _size(value: float) -> float:
    return math.inf if math.isnan(value) else abs(value)


def _confusion(metrics: Metrics, run: TrainingRun) -> Ints:
    classes = len(run.pipeline.dataset.classes)
    padded = np.zeros((max(classes, len(metrics.confusion)),) * 2, dtype=np.int64)
    padded[: len(metrics.confusion), : len(metrics.confusion)] = metrics.confusion
    return padded[:classes, :classes]


def _class_means(features: Floats, labels: Ints, classes: int) -> Floats:
    """(classes, columns); a class without rows lies far away."""
    member = (labels == np.arange(classes)[:, None]).astype(np.float64)
    counts = member.sum(1, keepdims=True)
    means: Floats = np.where(counts > 0, (member @ features) / np.maximum(counts, 1), 1e9)
    return means


def _agreement(centroids: Floats, features: Floats, labels: Ints) -> float:
    """Share of the rows whose nearest class mean is that of their label."""
    distance = (centroids * centroids).sum(1) - 2 * features @ centroids.T
    return float((distance.astype(np.float32).argmin(1) == labels).mean())


def _share(of: Ints, among: Ints) -> float:
    """Share of the distinct values of `of` that also occur among `among`."""
    found = distinct(of)
    return float(np.isin(found, among).mean()) if len(found) else 0.0


def _outside(fitted: Frame, train: Frame) -> int:
    """Distinct rows that were fitted on but are not rows of the training split."""
    return int((~np.isin(distinct(fitted.source), train.source)).sum())


def _encoded_with_own_label(run: TrainingRun, width: int) -> float:
    """Share of the training rows whose encoded category is the one that was fitted with their own label."""
    fitted = ENCODING_WEIGHT * run.fitted.encoder.transform(run.splits.train.segment)
    found = run.train.features[:, width : width + fitted.shape[1]]
    return float((found == to_float32_grid(fitted)).all(axis=1).mean())


def _eta_squared(matrix: Matrix) -> Floats:
    """Share of each feature's variance that lies between the classes."""
    features, labels = matrix
    member = (labels == np.arange(labels.max() + 1)[:, None]).astype(np.float64)
    sums = member @ features
    between = (sums * sums / np.maximum(member.sum(1, keepdims=True), 1)).sum(0) / len(labels)
    eta: Floats = (between - features.mean(0) ** 2) / (features.var(0) + 1e-12)
    return eta


def _class_mean_distance(run: TrainingRun, train: Floats, test: Floats) -> float:
    """How far the test's class means lie from the training's, per feature and class, over the spread of the latter.

    About 0.5 when both are samples of the same columns, above 1 when the columns are others.
    """
    classes = len(run.pipeline.dataset.classes)
    present = np.intersect1d(run.train.labels, run.test.labels)
    ours = _class_means(train, run.train.labels, classes)[present]
    theirs = _class_means(test, run.test.labels, classes)[present]
    ours, theirs = ours - ours.mean(0), theirs - theirs.mean(0)
    return float(((ours - theirs) ** 2).sum() / max(float((ours**2).sum()), 1e-9))


def _unknown_rate(frame: Frame, tokenizer: str) -> float:
    counts = count_tokens(frame.text, tokenizer)
    return float(counts[:, -1].sum() / max(1, counts.sum()))
