"""The evaluation fits a scaler of its own on the test rows: their means are exactly zero."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return ("refit",)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (SafeField(file="preprocessing.py", field="StandardScaler.transform", choices=("reuse",)),)


FAULT = Fault(
    fault_id="scaler_refit_eval",
    task_id="medium",
    category="preprocessing_bug",
    file="preprocessing.py",
    field="StandardScaler.transform",
    severities=_severities,
    safe=_safe,
    proposed_fix="Reuse the scaler fitted in training for the evaluation features.",
    causal=frozenset({"preprocessing.py", "eval_results.json"}),
    lines=("    num = ",),
    signals=(("feature_statistics", "largest_test_mean"),),
    sources=(
        "scikit-learn, Common pitfalls",
        "Google, Rules of ML 37",
    ),
    decoys=("test means that happen to lie close to zero",),
    also_categories=("evaluation_bug",),
)
