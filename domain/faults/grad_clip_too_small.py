"""Every gradient is clipped to almost nothing: the loss stays flat while the gradients stay large."""

from __future__ import annotations

from domain.faults.fault import Fault, step_size, with_adam, with_sgd
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline, digits
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return (digits(draw.log_between(6e-4, 6e-3) / step_size(healthy)),)


def _look_alike(healthy: Pipeline, draw: Stream) -> Pipeline:
    value = digits(draw.log_between(2e-3, 1e-2))
    return with_adam(healthy, draw).with_value("training.gradient_clip_norm", value)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (SafeField(file="config.yaml", field="training.gradient_clip_norm"),)


FAULT = Fault(
    fault_id="grad_clip_too_small",
    task_id="easy",
    category="config_error",
    file="config.yaml",
    field="training.gradient_clip_norm",
    severities=_severities,
    safe=_safe,
    proposed_fix="Set training.gradient_clip_norm to {healthy} instead of {faulty}.",
    causal=frozenset({"config.yaml", "train.log", "eval_results.json"}),
    lines=("  gradient_clip_norm:",),
    signals=(
        ("gradient_norms", "clipped_step_share"),
        ("loss_trajectory", "last_over_chance"),
    ),
    context=with_sgd,
    look_alike=_look_alike,
    sources=("DeepCrime operator OCG",),
    decoys=(
        "a clip of 5.0 that never binds",
        "a small clip beside Adam, which takes steps of one size whatever the gradients",
        "lr_too_small: there nothing is clipped",
    ),
)
