"""Rows are ordered by class and not shuffled: each batch contains one or two classes."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return (False,)


def _context(healthy: Pipeline, draw: Stream) -> Pipeline:
    return (
        healthy.with_value("dataset.arrival_order", "label")
        .with_value("training.shuffle", True)
        .with_value("preprocessing.labels_sorted", False)
    )


def _look_alike(healthy: Pipeline, draw: Stream) -> Pipeline:
    order = healthy.dataset.arrival_order if healthy.dataset.arrival_order != "label" else None
    return healthy.with_value("dataset.arrival_order", order).with_value("training.shuffle", False)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (SafeField(file="config.yaml", field="training.shuffle", choices=(True,)),)


FAULT = Fault(
    fault_id="shuffle_off_sorted",
    task_id="medium",
    category="config_error",
    file="config.yaml",
    field="training.shuffle",
    severities=_severities,
    safe=_safe,
    proposed_fix="Enable training.shuffle.",
    causal=frozenset({"config.yaml", "train.log", "eval_results.json"}),
    lines=("  shuffle:",),
    signals=(
        ("class_balance", "batch_label_entropy"),
        ("gradient_norms", "largest"),
        ("loss_trajectory", "largest_over_chance"),
    ),
    context=_context,
    look_alike=_look_alike,
    sources=("Humbatova et al., arXiv 1910.11015: wrong position of data shuffle",),
    decoys=(
        "no shuffling of rows that arrive in no order, or by row id",
        "wrong_optimizer: there the batches are mixed",
    ),
    also_categories=("preprocessing_bug",),
)
