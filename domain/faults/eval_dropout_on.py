"""The evaluation leaves dropout on: the report lies below the log for the same weights."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline, digits
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return ("train",)


def _context(healthy: Pipeline, draw: Stream) -> Pipeline:
    """Dropout that can be left on."""
    rate = max(healthy.model.dropout, digits(draw.between(0.2, 0.35)))
    return healthy.with_value("preprocessing.eval_mode", "eval").with_value("model.dropout", rate)


def _look_alike(healthy: Pipeline, draw: Stream) -> Pipeline:
    return healthy.with_value("preprocessing.eval_mode", "train").with_value("model.dropout", 0.0)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (
        SafeField(file="preprocessing.py", field="model.eval", choices=("eval",)),
        SafeField(file="config.yaml", field="model.dropout"),
    )


FAULT = Fault(
    fault_id="eval_dropout_on",
    task_id="medium",
    category="evaluation_bug",
    file="preprocessing.py",
    field="model.eval",
    severities=_severities,
    safe=_safe,
    proposed_fix="Call model.eval() instead of model.train() before the evaluation.",
    causal=frozenset({"preprocessing.py", "eval_results.json"}),
    lines=("    model.",),
    signals=(("metric_gap_analysis", "reported_minus_logged_val"),),
    context=_context,
    look_alike=_look_alike,
    sources=(
        "vaal issue 2",
        "ELF pull request 110",
        "robustdg issue 30",
    ),
    decoys=("dropout of 0.2, on while training as it should be", "training mode where dropout is 0 in config.yaml"),
)
