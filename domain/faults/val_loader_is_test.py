"""Training watches the test rows: the best epoch is chosen on them."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return ("test",)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (SafeField(file="preprocessing.py", field="evaluate.val_loader", choices=("val",)),)


FAULT = Fault(
    fault_id="val_loader_is_test",
    task_id="medium",
    category="evaluation_bug",
    file="preprocessing.py",
    field="evaluate.val_loader",
    severities=_severities,
    safe=_safe,
    proposed_fix="Watch the val rows instead of the test rows in the validation loader.",
    causal=frozenset({"preprocessing.py", "train.log", "eval_results.json"}),
    lines=("    X_val, y_val = ",),
    signals=(
        ("data_leakage", "val_rows_in_test"),
        ("metric_gap_analysis", "reported_minus_logged_val"),
    ),
    sources=(
        "ETM issue 26",
        "Kapoor and Narayanan, arXiv 2207.07048: L1.1, no test set",
    ),
    decoys=("validation and test splits of the same size",),
    also_categories=("data_leakage",),
)
