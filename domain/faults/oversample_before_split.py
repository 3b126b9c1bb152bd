"""Rare classes are copied before the split: validation and test hold copies too, and classes no longer in their true shares.

Where rows are split by customer, a copy stays on its customer's side; where they are not, training rows stand in the test."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return ("all",)


def _context(healthy: Pipeline, draw: Stream) -> Pipeline:
    """Labels in the order of their rows: copies have row ids of their own. And classes that are not equally frequent."""
    imbalance = max(healthy.dataset.imbalance, 1.2)
    return healthy.with_value("preprocessing.labels_sorted", False).with_value("dataset.imbalance", imbalance)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (SafeField(file="preprocessing.py", field="RandomOverSampler.fit_resample", choices=("train",)),)


FAULT = Fault(
    fault_id="oversample_before_split",
    task_id="medium",
    category="data_leakage",
    file="preprocessing.py",
    field="RandomOverSampler.fit_resample",
    severities=_severities,
    safe=_safe,
    proposed_fix="Resample the training rows only, after the split.",
    causal=frozenset({"preprocessing.py", "dataset_stats.json", "train.log", "eval_results.json"}),
    lines=(
        "    df = RandomOverSampler(",
        "    X, y = RandomOverSampler(",
    ),
    signals=(
        ("data_leakage", "copied_rows_in_test"),
        ("data_leakage", "train_rows_in_test"),
    ),
    context=_context,
    sources=(
        "Kapoor and Narayanan, arXiv 2207.07048: L1.4",
        "imbalanced-learn, Common pitfalls",
    ),
    decoys=("imbalance of 1.8, resampled in training as it should be",),
    also_categories=("preprocessing_bug",),
)
