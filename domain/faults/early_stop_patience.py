"""A patience of one epoch: training stops at the first epoch that is no better."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline, digits
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return (1,)


def _context(healthy: Pipeline, draw: Stream) -> Pipeline:
    """So many epochs, of so large steps, that one of them is no better than the best before it."""
    optimizer = healthy.optimizer
    least = 1.2 * (1.0 - optimizer.momentum) if optimizer.name == "sgd" else 0.012
    rate = max(optimizer.learning_rate, digits(least))
    epochs = max(healthy.training.epochs, draw.integer(16, 20))
    return healthy.with_value("training.epochs", epochs).with_value("optimizer.learning_rate", rate)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (SafeField(file="config.yaml", field="training.early_stopping_patience"),)


FAULT = Fault(
    fault_id="early_stop_patience",
    task_id="medium",
    category="config_error",
    file="config.yaml",
    field="training.early_stopping_patience",
    severities=_severities,
    safe=_safe,
    proposed_fix="Set training.early_stopping_patience to {healthy} instead of {faulty}.",
    causal=frozenset({"config.yaml", "train.log", "eval_results.json"}),
    lines=("  early_stopping_patience:",),
    signals=(
        ("loss_trajectory", "epochs_not_run"),
        ("loss_trajectory", "last_over_chance"),
    ),
    context=_context,
    sources=(
        "DeepCrime operator RCP",
        "Humbatova et al., arXiv 1910.11015: suboptimal number of epochs",
    ),
    decoys=("a patience of 20 that never ends a run",),
)
