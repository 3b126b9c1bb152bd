"""Validation and test results are reported under each other's names: log and report disagree, nothing else does."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return ("test",)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (
        SafeField(file="eval_results.json", field="metrics.val_accuracy", choices=("validation",)),
        SafeField(file="eval_results.json", field="metrics.test_accuracy", choices=("test",)),
    )


FAULT = Fault(
    fault_id="silent_metric_swap",
    task_id="hard",
    category="evaluation_bug",
    file="eval_results.json",
    field="metrics.val_accuracy",
    severities=_severities,
    safe=_safe,
    proposed_fix="Swap the two reports back: metrics.val_accuracy holds the test result, metrics.test_accuracy the"
    " validation result.",
    causal=frozenset({"preprocessing.py", "eval_results.json"}),
    lines=("    val_report, test_report = ",),
    signals=(("metric_gap_analysis", "reported_minus_logged_val"),),
    sources=("HPOBench pull request 182", "XPert issue 6", "torchbearer issue 548", "ETM issue 26"),
    decoys=("a test accuracy above validation, as in a third of healthy runs",),
    also_files=("preprocessing.py",),
    also_fields=("metrics.test_accuracy",),
)
