"""A batch larger than the training set: one step an epoch, so the run ends long before it has learned."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return (8 * round(draw.log_between(3000, 8192) / 8),)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (SafeField(file="config.yaml", field="training.batch_size"),)


FAULT = Fault(
    fault_id="batch_size_overflow",
    task_id="easy",
    category="config_error",
    file="config.yaml",
    field="training.batch_size",
    severities=_severities,
    safe=_safe,
    proposed_fix="Set training.batch_size to {healthy} instead of {faulty}.",
    causal=frozenset({"config.yaml", "train.log", "eval_results.json"}),
    lines=("  batch_size:",),
    signals=(("loss_trajectory", "steps_per_epoch"), ("loss_trajectory", "last_over_chance")),
    sources=(
        "Humbatova et al., arXiv 1910.11015: suboptimal batch size",
        "DeepCrime operators HBS and HDB",
    ),
    decoys=("a batch of 250 on some 1,500 rows", "lr_too_small: there an epoch has many steps"),
)
