"""The evaluation splits again with another random state: most of its test rows were trained on."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return ("None",)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (SafeField(file="preprocessing.py", field="train_test_split.random_state", choices=("SEED",)),)


FAULT = Fault(
    fault_id="data_leakage_overlap",
    task_id="medium",
    category="data_leakage",
    file="preprocessing.py",
    field="train_test_split.random_state",
    severities=_severities,
    safe=_safe,
    proposed_fix="Split with seed=SEED in the evaluation too, so that random_state gives the rows of the training's split.",
    causal=frozenset({"preprocessing.py", "eval_results.json"}),
    lines=("    train, val, test = make_split(df, seed=",),
    signals=(("data_leakage", "train_rows_in_test"), ("metric_gap_analysis", "reported_minus_logged_val")),
    sources=(
        "Kapoor and Narayanan, arXiv 2207.07048: L1.4 and L3.2",
        "Yang et al., arXiv 2209.03345: overlap leakage",
        "OpenRLHF issue 1089",
    ),
    decoys=(
        "validation accuracy that jumps between epochs",
        "second_split_from_all: there training itself splits wrongly",
    ),
    also_categories=("evaluation_bug",),
)
