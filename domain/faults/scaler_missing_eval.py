"""Test rows reach the network unscaled: validation is untouched, test falls to chance."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return ("skip",)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (SafeField(file="preprocessing.py", field="StandardScaler.transform", choices=("reuse",)),)


FAULT = Fault(
    fault_id="scaler_missing_eval",
    task_id="easy",
    category="preprocessing_bug",
    file="preprocessing.py",
    field="StandardScaler.transform",
    severities=_severities,
    safe=_safe,
    proposed_fix="Transform the evaluation features with the scaler fitted in training.",
    causal=frozenset({"preprocessing.py", "eval_results.json"}),
    lines=("    num = ",),
    signals=(
        ("feature_statistics", "largest_mean_shift"),
        ("feature_statistics", "largest_test_mean"),
    ),
    sources=(
        "scikit-learn, Common pitfalls: inconsistent preprocessing",
        "Google, Rules of ML 32",
    ),
    decoys=(
        "a small shift between training and test rows",
        "unit_mismatch_eval and feature_order_eval: there the scaler is applied",
    ),
    also_categories=("evaluation_bug",),
)
