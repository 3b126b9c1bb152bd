"""The scaler is fitted on all rows: accuracy hardly moves, but validation and test rows shaped the features."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return ("all",)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (SafeField(file="preprocessing.py", field="StandardScaler.fit_transform", choices=("train",)),)


FAULT = Fault(
    fault_id="data_leakage_scaler",
    task_id="medium",
    category="data_leakage",
    file="preprocessing.py",
    field="StandardScaler.fit_transform",
    severities=_severities,
    safe=_safe,
    proposed_fix="Fit StandardScaler on the training rows only, then transform validation and test with it.",
    causal=frozenset({"preprocessing.py", "train.log", "eval_results.json"}),
    lines=("    scaler = ",),
    signals=(("data_leakage", "scaler_rows_outside_train"), ("data_leakage", "scaler_mean_offset")),
    sources=(
        "Kapoor and Narayanan, arXiv 2207.07048: L1.2, preprocessing on training and test set",
        "Yang et al., arXiv 2209.03345: preprocessing leakage",
        "scikit-learn, Common pitfalls",
        "Roth, arXiv 2604.04199: normalisation leakage hardly moves the score",
    ),
    decoys=("means of training and validation that differ by a tenth of a deviation, which is sampling",),
    also_categories=("preprocessing_bug",),
)
