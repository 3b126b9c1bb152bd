"""The signals are selected on all rows: accuracy hardly moves, but test labels chose the features."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return ("all",)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (SafeField(file="preprocessing.py", field="SelectKBest.fit", choices=("train",)),)


FAULT = Fault(
    fault_id="feature_selection_leak",
    task_id="medium",
    category="data_leakage",
    file="preprocessing.py",
    field="SelectKBest.fit",
    severities=_severities,
    safe=_safe,
    proposed_fix="Fit SelectKBest on the training rows only.",
    causal=frozenset({"preprocessing.py", "train.log", "eval_results.json"}),
    lines=("    selector.fit(",),
    signals=(("data_leakage", "selector_rows_outside_train"),),
    sources=(
        "Kapoor and Narayanan, arXiv 2207.07048: L1.3, feature selection on training and test set",
        "scikit-learn, Common pitfalls",
        "Yang et al., arXiv 2209.03345",
    ),
    decoys=("weak signals, of which any ten are about as good",),
    also_categories=("preprocessing_bug",),
)
