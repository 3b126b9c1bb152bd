"""Training labels are put into another order than their rows: they carry no information about the features."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return (True,)


def _context(healthy: Pipeline, draw: Stream) -> Pipeline:
    order = healthy.dataset.arrival_order if healthy.dataset.arrival_order != "row_id" else None
    return healthy.with_value("dataset.arrival_order", order).with_value("preprocessing.labels_sorted", False)


def _look_alike(healthy: Pipeline, draw: Stream) -> Pipeline:
    return healthy.with_value("dataset.arrival_order", "row_id").with_value("preprocessing.labels_sorted", True)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (SafeField(file="preprocessing.py", field="labels.sort_index", choices=(False,)),)


FAULT = Fault(
    fault_id="label_row_misaligned",
    task_id="easy",
    category="label_mismatch",
    file="preprocessing.py",
    field="labels.sort_index",
    severities=_severities,
    safe=_safe,
    proposed_fix="Drop sort_index from the training labels, so that they stay in the order of their rows.",
    causal=frozenset({"preprocessing.py", "train.log", "eval_results.json"}),
    lines=("    return encode_labels(df",),
    signals=(
        ("feature_statistics", "single_feature_eta2"),
        ("label_consistency", "train_agreement"),
    ),
    context=_context,
    look_alike=_look_alike,
    sources=(
        "Humbatova et al., arXiv 1910.11015: wrong labels for training data",
        "DeepCrime operator TCL",
        "Full Stack Deep Learning, lecture 8: unsorted file lists",
    ),
    decoys=(
        "label noise of a few per cent",
        "labels sorted by row id where the rows are, too",
        "lr_too_small: there features and labels agree",
    ),
    also_categories=("preprocessing_bug",),
)
