"""The numbers reach the network unscaled: huge first gradients kill its units."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return (False,)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (SafeField(file="preprocessing.py", field="StandardScaler.enabled", choices=(True,)),)


FAULT = Fault(
    fault_id="no_scaling",
    task_id="easy",
    category="preprocessing_bug",
    file="preprocessing.py",
    field="StandardScaler.enabled",
    severities=_severities,
    safe=_safe,
    proposed_fix="Scale the numeric columns again: enable StandardScaler instead of IdentityTransform.",
    causal=frozenset({"preprocessing.py", "train.log", "eval_results.json"}),
    lines=("    scaler = ",),
    signals=(
        ("feature_statistics", "largest_train_spread"),
        ("gradient_norms", "largest"),
    ),
    sources=(
        "Humbatova et al., arXiv 1910.11015: missing normalisation",
        "UMLAUT: InputNotNormalized",
    ),
    decoys=(
        "raw columns in very different units, which every dataset has",
        "exploding_lr: there the features are scaled",
    ),
)
