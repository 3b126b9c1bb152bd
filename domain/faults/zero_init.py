"""All weights start alike: every hidden unit learns the same thing."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return ("constant",)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (
        SafeField(
            file="config.yaml",
            field="model.init",
            choices=(
                "he",
                "xavier",
            ),
        ),
    )


FAULT = Fault(
    fault_id="zero_init",
    task_id="medium",
    category="architecture_bug",
    file="config.yaml",
    field="model.init",
    severities=_severities,
    safe=_safe,
    proposed_fix="Set model.init to {healthy} instead of {faulty}.",
    causal=frozenset({"config.yaml", "train.log", "eval_results.json"}),
    lines=("  init:",),
    signals=(
        ("gradient_norms", "hidden_over_output_layer"),
        ("gradient_norms", "first_epoch"),
        ("gradient_norms", "last_over_first"),
    ),
    sources=(
        "DeepCrime operator WCI",
        "NeuraLint, arXiv 2105.08095: asymmetric initialisation",
    ),
    decoys=(
        "xavier instead of he",
        "bottleneck: there hidden_units is 1",
    ),
    also_categories=("config_error",),
)
