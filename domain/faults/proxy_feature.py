"""A column that is filled in after the outcome stays among the features: all accuracies rise alike."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return ("keep",)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (SafeField(file="preprocessing.py", field="feature_columns.resolution_code", choices=("drop",)),)


FAULT = Fault(
    fault_id="proxy_feature",
    task_id="medium",
    category="data_leakage",
    file="preprocessing.py",
    field="feature_columns.resolution_code",
    severities=_severities,
    safe=_safe,
    proposed_fix="Drop resolution_code from the feature columns.",
    causal=frozenset({"preprocessing.py", "train.log", "eval_results.json"}),
    lines=("EXTRA = ",),
    signals=(("feature_statistics", "single_feature_eta2"),),
    sources=("Kapoor and Narayanan, arXiv 2207.07048: L2, illegitimate features",),
    decoys=("a strong honest feature",),
    also_categories=("preprocessing_bug",),
)
