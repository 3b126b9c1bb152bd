"""Momentum close to one: steps pile up, the loss falls, climbs again and ends higher than it should."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return (draw.choice((0.99, 0.992)), 0.995, 0.999)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (
        SafeField(file="config.yaml", field="optimizer.momentum", low=0.6, high=0.93),
        SafeField(file="config.yaml", field="optimizer.name"),
    )


FAULT = Fault(
    fault_id="wrong_optimizer",
    task_id="easy",
    category="config_error",
    file="config.yaml",
    field="optimizer.momentum",
    severities=_severities,
    safe=_safe,
    proposed_fix="Lower optimizer.momentum from {faulty} to {healthy}.",
    causal=frozenset({"config.yaml", "train.log", "eval_results.json"}),
    lines=("  momentum:",),
    signals=(
        ("loss_trajectory", "up_move_share"),
        ("loss_trajectory", "last_over_chance"),
        ("gradient_norms", "last_over_first"),
    ),
    sources=("Humbatova et al., arXiv 1910.11015: suboptimal hyperparameters and optimiser",),
    decoys=("gradient norms that wobble", "shuffle_off_sorted: there the batches are not mixed"),
)
