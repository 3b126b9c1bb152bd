"""Weight decay so strong that the weights cannot grow: the loss stops falling early, for training rows too."""

from __future__ import annotations

from domain.faults.fault import Fault, step_size
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline, digits
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    """What a step takes off the weights decides: with AdamW that is the learning rate times the decay."""
    match healthy.optimizer.name:
        case "sgd":
            return (digits(draw.log_between(0.3, 0.8) / step_size(healthy)),)
        case "adam":
            return (digits(draw.log_between(0.3, 2.0)),)
        case _:
            return (digits(draw.log_between(0.1, 0.28) / healthy.optimizer.learning_rate),)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (SafeField(file="config.yaml", field="optimizer.weight_decay"),)


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
