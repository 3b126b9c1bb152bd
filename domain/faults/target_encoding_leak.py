"""The target encoder is fitted on all rows: the labels of validation and test rows are in their own features."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return ("all",)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (SafeField(file="preprocessing.py", field="TargetEncoder.fit", choices=("train",)),)


FAULT = Fault(
    fault_id="target_encoding_leak",
    task_id="medium",
    category="data_leakage",
    file="preprocessing.py",
    field="TargetEncoder.fit",
    severities=_severities,
    safe=_safe,
    proposed_fix="Fit TargetEncoder on the training rows only.",
    causal=frozenset({"preprocessing.py", "train.log", "eval_results.json"}),
    lines=("    encoder.fit(",),
    signals=(
        ("data_leakage", "encoder_rows_outside_train"),
        ("label_consistency", "val_agreement"),
    ),
    sources=(
        "Kapoor and Narayanan, arXiv 2207.07048: L1.2 and L2",
        "scikit-learn, TargetEncoder",
    ),
    decoys=(
        "a column of very many levels",
        "target_encoding_insample: there the encoder saw training rows only",
    ),
    also_categories=("preprocessing_bug",),
)
