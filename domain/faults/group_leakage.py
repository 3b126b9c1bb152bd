"""Rows are split without regard to customers: most customers of the test were trained on."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return ("None",)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (SafeField(file="preprocessing.py", field="train_test_split.groups", choices=("customer_id",)),)


FAULT = Fault(
    fault_id="group_leakage",
    task_id="medium",
    category="data_leakage",
    file="preprocessing.py",
    field="train_test_split.groups",
    severities=_severities,
    safe=_safe,
    proposed_fix="Split by groups of customer_id, so that no customer is in two splits.",
    causal=frozenset({"preprocessing.py", "dataset_stats.json", "train.log", "eval_results.json"}),
    lines=(
        "    rest, test = split_rows(",
        "    train, val = split_rows(",
    ),
    signals=(("data_leakage", "train_customers_in_test"),),
    sources=("Kapoor and Narayanan, arXiv 2207.07048: L3.2, dependence between training and test",),
    decoys=("several rows of a customer inside one split",),
)
