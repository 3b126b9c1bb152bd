"""Initial weights many times too large: the first losses are enormous and the run never quite recovers."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline, digits
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return (digits(draw.log_between(8.0, 50.0)),)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (SafeField(file="config.yaml", field="model.init_gain"),)


FAULT = Fault(
    fault_id="init_gain_too_large",
    task_id="easy",
    category="architecture_bug",
    file="config.yaml",
    field="model.init_gain",
    severities=_severities,
    safe=_safe,
    proposed_fix="Lower model.init_gain from {faulty} to {healthy}.",
    causal=frozenset({"config.yaml", "train.log", "eval_results.json"}),
    lines=("  init_gain:",),
    signals=(
        ("loss_trajectory", "largest_over_chance"),
        ("gradient_norms", "first_epoch"),
    ),
    sources=(
        "DeepCrime operator WCI",
        "AutoTrainer: vanishing gradient",
    ),
    decoys=(
        "an initial gain a little off one",
        "exploding_lr: there the loss climbs, here it falls from far above",
    ),
    also_categories=("config_error",),
)
