"""The first epoch's weights are evaluated: the report equals the log's first line, not its best one."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return ("first",)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (SafeField(file="config.yaml", field="evaluation.checkpoint", choices=("best", "last")),)


FAULT = Fault(
    fault_id="eval_wrong_checkpoint",
    task_id="medium",
    category="evaluation_bug",
    file="config.yaml",
    field="evaluation.checkpoint",
    severities=_severities,
    safe=_safe,
    proposed_fix="Set evaluation.checkpoint to {healthy} instead of {faulty}.",
    causal=frozenset({"config.yaml", "eval_results.json"}),
    lines=("  checkpoint:",),
    signals=(("metric_gap_analysis", "reported_minus_logged_val"),),
    sources=(
        "anomalib pull request 195",
        "simpletransformers issue 1023",
        "transformers issue 15547",
    ),
    decoys=("a best epoch that is not the last",),
    also_categories=("config_error",),
)
