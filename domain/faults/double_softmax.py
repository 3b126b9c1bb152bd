"""The loss takes probabilities for logits: it cannot fall below a bound, though accuracy looks good."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return ("softmax",)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (SafeField(file="config.yaml", field="model.output_activation", choices=("logits",)),)


FAULT = Fault(
    fault_id="double_softmax",
    task_id="medium",
    category="architecture_bug",
    file="config.yaml",
    field="model.output_activation",
    severities=_severities,
    safe=_safe,
    proposed_fix="Set model.output_activation to {healthy} instead of {faulty}.",
    causal=frozenset({"config.yaml", "train.log", "eval_results.json"}),
    lines=("  output_activation:",),
    signals=(
        ("loss_trajectory", "last_over_chance"),
        ("gradient_norms", "first_epoch"),
    ),
    sources=(
        "UMLAUT: softmax before the loss",
        "SciCo issue 2",
        "shaoxiongji/federated-learning issue 9",
    ),
    decoys=("label noise, which also holds the loss up",),
    also_categories=("config_error",),
)
