"""The evaluation takes the numeric columns in another order than training: each meets the wrong weights."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return ("sorted",)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (SafeField(file="preprocessing.py", field="feature_columns.order", choices=("training",)),)


FAULT = Fault(
    fault_id="feature_order_eval",
    task_id="easy",
    category="preprocessing_bug",
    file="preprocessing.py",
    field="feature_columns.order",
    severities=_severities,
    safe=_safe,
    proposed_fix="Take the columns in the same order as in training, NUMERIC, instead of sorted(NUMERIC).",
    causal=frozenset({"preprocessing.py", "eval_results.json"}),
    lines=("    num = ",),
    signals=(
        ("feature_statistics", "largest_mean_shift"),
        ("feature_statistics", "class_mean_distance"),
    ),
    sources=("Google, Rules of ML 6 and 32",),
    decoys=("sorted(...) where the signals are listed, which is right",),
    also_categories=("evaluation_bug",),
)
