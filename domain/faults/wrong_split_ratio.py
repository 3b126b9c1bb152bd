"""Most rows are held out: the network is trained on the few that are left, and fits only those."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline, digits
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return (digits(draw.between(0.6, 0.8)),)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (SafeField(file="preprocessing.py", field="train_test_split.test_size"),)


FAULT = Fault(
    fault_id="wrong_split_ratio",
    task_id="medium",
    category="preprocessing_bug",
    file="preprocessing.py",
    field="train_test_split.test_size",
    severities=_severities,
    safe=_safe,
    proposed_fix="Set test_size to {healthy} instead of {faulty}.",
    causal=frozenset({"preprocessing.py", "dataset_stats.json", "train.log", "eval_results.json"}),
    lines=("    rest, test = split_rows(",),
    signals=(("metric_gap_analysis", "test_rows_in_split"), ("loss_trajectory", "steps_per_epoch")),
    sources=(
        "Humbatova et al., arXiv 1910.11015: incorrect training and test split",
        "DeepCrime operator TRD",
    ),
    decoys=("15 per cent each for validation and test",),
)
