"""Training rows are encoded with their own labels: the column predicts far better in training than anywhere else."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return ("None",)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (SafeField(file="preprocessing.py", field="TargetEncoder.cv", choices=("5",)),)


FAULT = Fault(
    fault_id="target_encoding_insample",
    task_id="medium",
    category="preprocessing_bug",
    file="preprocessing.py",
    field="TargetEncoder.cv",
    severities=_severities,
    safe=_safe,
    proposed_fix="Encode the training rows by cross fitting with cv=5.",
    causal=frozenset({"preprocessing.py", "train.log", "eval_results.json"}),
    lines=("    cat = encoder.",),
    signals=(
        ("feature_statistics", "rows_encoded_with_own_label"),
        ("metric_gap_analysis", "train_minus_val"),
    ),
    sources=("scikit-learn, TargetEncoder: fit(X, y).transform(X) does not equal fit_transform(X, y)",),
    also_categories=("data_leakage",),
    decoys=("a gap of 0.15 between training and validation accuracy",),
)
