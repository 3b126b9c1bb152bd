"""One output too few: the last class falls into the one before it, in training as in evaluation."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return (healthy.model.num_classes - 1,)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (
        SafeField(
            file="config.yaml", field="model.num_classes", low=healthy.model.num_classes, high=healthy.model.num_classes
        ),
    )


FAULT = Fault(
    fault_id="missing_output_unit",
    task_id="easy",
    category="architecture_bug",
    file="config.yaml",
    field="model.num_classes",
    severities=_severities,
    safe=_safe,
    proposed_fix="Set model.num_classes to {healthy}, the number of classes in the data, instead of {faulty}.",
    causal=frozenset({"config.yaml", "train.log", "eval_results.json"}),
    lines=("  num_classes:",),
    signals=(
        ("class_balance", "classes_never_predicted"),
        ("class_balance", "classes_without_output"),
    ),
    sources=(
        "Humbatova et al., arXiv 1910.11015: wrong output shape",
        "defect4ML, arXiv 2206.12311",
    ),
    decoys=("a rare class with a recall of 0.4",),
    also_categories=("config_error",),
)
