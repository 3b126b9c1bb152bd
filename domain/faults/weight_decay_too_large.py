"""Weight decay so strong that the weights cannot grow: the loss stops falling early, for training rows too."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return (draw.choice((0.1, 0.15)), 0.3, 1.0)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (SafeField(file="config.yaml", field="optimizer.weight_decay", low=0, high=0.01),)


FAULT = Fault(
    fault_id="weight_decay_too_large",
    task_id="easy",
    category="config_error",
    file="config.yaml",
    field="optimizer.weight_decay",
    severities=_severities,
    safe=_safe,
    proposed_fix="Lower optimizer.weight_decay from {faulty} to {healthy}.",
    causal=frozenset({"config.yaml", "train.log", "eval_results.json"}),
    lines=("  weight_decay:",),
    signals=(
        ("loss_trajectory", "last_over_chance"),
        ("gradient_norms", "last_over_first"),
        ("loss_trajectory", "last_train_accuracy"),
    ),
    sources=(
        "DeepCrime operator RCW",
        "Humbatova et al., arXiv 1910.11015: suboptimal hyperparameters",
    ),
    decoys=("a weight decay of 0.001, which is harmless",),
)
