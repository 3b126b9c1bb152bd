"""The test result is that of the training rows."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return ("train",)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (SafeField(file="preprocessing.py", field="evaluate.test_loader", choices=("test",)),)


FAULT = Fault(
    fault_id="eval_on_train",
    task_id="medium",
    category="evaluation_bug",
    file="preprocessing.py",
    field="evaluate.test_loader",
    severities=_severities,
    safe=_safe,
    proposed_fix="Score the test rows instead of the train rows in the evaluation.",
    causal=frozenset({"preprocessing.py", "eval_results.json"}),
    lines=("    m_test = ",),
    signals=(
        ("metric_gap_analysis", "rows_scored_minus_split"),
        ("metric_gap_analysis", "test_rows_scored"),
    ),
    sources=(
        "COVNet issue 12",
        "Humbatova et al., arXiv 1910.11015: validation and testing",
    ),
    decoys=("a lucky test split",),
    also_categories=("data_leakage",),
)
