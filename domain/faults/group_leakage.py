"""Rows are split without regard to customers: most customers of the test were trained on."""

from __future__ import annotations

from dataclasses import replace

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return ("None",)


def _context(healthy: Pipeline, draw: Stream) -> Pipeline:
    """Customers of several rows, split by customer."""
    healthy = healthy.with_value("preprocessing.split_groups", "customer_id")
    if healthy.dataset.rows_per_customer != 1:
        return healthy
    customers = healthy.dataset.customers // 3
    return replace(healthy, dataset=replace(healthy.dataset, rows_per_customer=3, customers=customers))


def _look_alike(healthy: Pipeline, draw: Stream) -> Pipeline:
    dataset = healthy.dataset
    customers = dataset.customers * dataset.rows_per_customer
    return replace(healthy, dataset=replace(dataset, rows_per_customer=1, customers=customers)).with_value(
        "preprocessing.split_groups", "None"
    )


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
    context=_context,
    look_alike=_look_alike,
    sources=("Kapoor and Narayanan, arXiv 2207.07048: L3.2, dependence between training and test",),
    decoys=(
        "no groups where every customer has one row",
        "several rows of a customer inside one split",
    ),
    also_categories=("preprocessing_bug",),
)
