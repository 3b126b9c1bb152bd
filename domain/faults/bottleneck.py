"""One hidden unit: all classes have to pass through one number, and some are never separated."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return (1,)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (SafeField(file="config.yaml", field="model.hidden_units"),)


FAULT = Fault(
    fault_id="bottleneck",
    task_id="easy",
    category="architecture_bug",
    file="config.yaml",
    field="model.hidden_units",
    severities=_severities,
    safe=_safe,
    proposed_fix="Raise model.hidden_units from {faulty} to {healthy}.",
    causal=frozenset({"config.yaml", "train.log", "eval_results.json"}),
    lines=("  hidden_units:",),
    signals=(
        ("loss_trajectory", "last_over_chance"),
        ("loss_trajectory", "last_train_accuracy"),
        ("class_balance", "classes_never_predicted"),
    ),
    sources=(
        "Humbatova et al., arXiv 1910.11015: wrong number of neurons",
        "NeuraLint, arXiv 2105.08095",
    ),
    decoys=("10 hidden units, which are enough",),
    also_categories=("config_error",),
)
