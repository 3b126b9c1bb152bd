"""The evaluation measures in another unit than training did."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return (draw.choice((0.001, 0.01, 0.1, 0.3048, 0.4536, 1.609, 2.205, 2.54, 10.0, 100.0)),)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (SafeField(file="preprocessing.py", field="unit_scale", low=1.0, high=1.0),)


FAULT = Fault(
    fault_id="unit_mismatch_eval",
    task_id="easy",
    category="preprocessing_bug",
    file="preprocessing.py",
    field="unit_scale",
    severities=_severities,
    safe=_safe,
    proposed_fix="Set EVAL_UNIT (unit_scale) to {healthy} instead of {faulty}.",
    causal=frozenset({"preprocessing.py", "eval_results.json"}),
    lines=("EVAL_UNIT = ",),
    signals=(
        ("feature_statistics", "largest_mean_shift"),
        ("feature_statistics", "largest_spread_ratio"),
    ),
    sources=("Google, Rules of ML 31 and 37: training-serving skew",),
    decoys=("columns in very different units, alike in training and evaluation",),
    also_categories=("evaluation_bug",),
)
