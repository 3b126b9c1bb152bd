"""Momentum close to one: steps pile up, the loss falls, climbs again and ends higher than it should."""

from __future__ import annotations

from domain.faults.fault import Fault, with_adam, with_sgd
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline, digits
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return (digits(1.0 - draw.log_between(0.0005, 0.003), 4),)


def _context(healthy: Pipeline, draw: Stream) -> Pipeline:
    """SGD, and a momentum of its own to be raised; the other optimizers ignore it."""
    momentum = digits(draw.between(0.6, 0.75))
    return (
        with_sgd(healthy, draw)
        .with_value("optimizer.momentum", momentum)
        .with_value("optimizer.learning_rate", digits(draw.log_between(3.5, 5.0) * (1.0 - momentum)))
    )


def _look_alike(healthy: Pipeline, draw: Stream) -> Pipeline:
    (value,) = _severities(healthy, draw)
    return with_adam(healthy, draw).with_value("optimizer.momentum", value)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (
        SafeField(file="config.yaml", field="optimizer.momentum"),
        SafeField(file="config.yaml", field="optimizer.name"),
        SafeField(file="config.yaml", field="optimizer.learning_rate"),
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
    context=_context,
    look_alike=_look_alike,
    sources=("Humbatova et al., arXiv 1910.11015: suboptimal hyperparameters and optimiser",),
    decoys=(
        "momentum beside Adam, which ignores it",
        "gradient norms that wobble",
        "shuffle_off_sorted: there the batches are not mixed",
    ),
)
