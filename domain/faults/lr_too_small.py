"""A learning rate far too small: the run ends before it has learned anything."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline, digits
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    if healthy.optimizer.name != "sgd":
        return (digits(draw.log_between(3e-6, 3e-5)),)
    return (digits(draw.log_between(5e-4, 4e-3) * (1.0 - healthy.optimizer.momentum)),)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (SafeField(file="config.yaml", field="optimizer.learning_rate"),)


FAULT = Fault(
    fault_id="lr_too_small",
    task_id="easy",
    category="config_error",
    file="config.yaml",
    field="optimizer.learning_rate",
    severities=_severities,
    safe=_safe,
    proposed_fix="Raise optimizer.learning_rate from {faulty} to {healthy}.",
    causal=frozenset({"config.yaml", "train.log", "eval_results.json"}),
    lines=("  learning_rate:",),
    signals=(
        ("loss_trajectory", "last_over_chance"),
        ("loss_trajectory", "last_train_accuracy"),
    ),
    sources=(
        "Humbatova et al., arXiv 1910.11015: suboptimal learning rate",
        "DeepCrime operator HLR",
        "AutoTrainer: slow convergence",
    ),
    decoys=(
        "the first two epochs of a small but sound learning rate are slow",
        "grad_clip_too_small: there the gradients do not shrink and every step is clipped",
    ),
)
