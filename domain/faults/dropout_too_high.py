"""Dropout far too high: the network is hardly there while it trains, so training accuracy lies below validation."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline, digits
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return (digits(draw.between(0.86, 0.97)),)


def _context(healthy: Pipeline, draw: Stream) -> Pipeline:
    """Scored without dropout, so that only training suffers."""
    return healthy.with_value("preprocessing.eval_mode", "eval")


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (SafeField(file="config.yaml", field="model.dropout"),)


FAULT = Fault(
    fault_id="dropout_too_high",
    task_id="easy",
    category="architecture_bug",
    file="config.yaml",
    field="model.dropout",
    severities=_severities,
    safe=_safe,
    proposed_fix="Lower model.dropout from {faulty} to {healthy}.",
    causal=frozenset({"config.yaml", "train.log", "eval_results.json"}),
    lines=("  dropout:",),
    signals=(
        ("loss_trajectory", "last_over_chance"),
        ("metric_gap_analysis", "train_minus_val"),
    ),
    context=_context,
    sources=("DeepCrime operator RCD",),
    decoys=("dropout of 0.3, which also holds training accuracy down a little",),
    also_categories=("config_error",),
)
