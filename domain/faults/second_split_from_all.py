"""The validation split is cut from all rows instead of the rest: most test rows are trained on."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return ("df",)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (SafeField(file="preprocessing.py", field="train_test_split.arrays", choices=("rest",)),)


FAULT = Fault(
    fault_id="second_split_from_all",
    task_id="medium",
    category="data_leakage",
    file="preprocessing.py",
    field="train_test_split.arrays",
    severities=_severities,
    safe=_safe,
    proposed_fix="Split the rest of the first split, not df, a second time.",
    causal=frozenset({"preprocessing.py", "dataset_stats.json", "train.log", "eval_results.json"}),
    lines=("    train, val = split_rows(",),
    signals=(
        ("data_leakage", "train_rows_in_test"),
        ("data_leakage", "val_rows_in_test"),
    ),
    sources=(
        "DESlib issue 126",
        "Yang et al., arXiv 2209.03345: overlap leakage",
    ),
    decoys=(
        "a test accuracy slightly above validation, as in a third of healthy runs",
        "data_leakage_overlap: there the evaluation draws other rows",
    ),
    also_categories=("preprocessing_bug",),
)
