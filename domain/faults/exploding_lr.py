"""A learning rate far too high: the loss climbs, units die, the network falls back to one class."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline, digits
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    if healthy.optimizer.name != "sgd":
        return (digits(draw.log_between(0.6, 8.0)),)
    return (digits(draw.log_between(100.0, 900.0) * (1.0 - healthy.optimizer.momentum)),)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (SafeField(file="config.yaml", field="optimizer.learning_rate"),)


FAULT = Fault(
    fault_id="exploding_lr",
    task_id="easy",
    category="config_error",
    file="config.yaml",
    field="optimizer.learning_rate",
    severities=_severities,
    safe=_safe,
    proposed_fix="Set optimizer.learning_rate to {healthy} instead of {faulty}.",
    causal=frozenset({"config.yaml", "train.log", "eval_results.json"}),
    lines=("  learning_rate:",),
    signals=(("loss_trajectory", "largest_over_chance"), ("gradient_norms", "largest")),
    sources=(
        "Humbatova et al., Taxonomy of Real Faults in Deep Learning Systems, arXiv 1910.11015: suboptimal learning rate",
        "DeepCrime operator HLR",
        "AutoTrainer: exploding gradient",
    ),
    decoys=("a bump of the loss in one epoch", "no_scaling: there the features are not scaled"),
)
