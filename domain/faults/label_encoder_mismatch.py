"""The evaluation numbers the classes in another order than training: test accuracy falls far below chance."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return (draw.choice(("sorted", "reversed")),)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (SafeField(file="preprocessing.py", field="LabelEncoder.fit_order", choices=("training",)),)


FAULT = Fault(
    fault_id="label_encoder_mismatch",
    task_id="hard",
    category="label_mismatch",
    file="preprocessing.py",
    field="LabelEncoder.fit_order",
    severities=_severities,
    safe=_safe,
    proposed_fix="Encode the evaluation labels in the same class order as in training, CLASSES.",
    causal=frozenset({"preprocessing.py", "eval_results.json"}),
    lines=('    return encode_labels(df["label"], ',),
    signals=(("label_consistency", "permutation_gain"), ("label_consistency", "test_accuracy")),
    sources=("TextAttack issue 684", "nn_pruning issue 32", "optimum pull request 197", "transformers issue 12822"),
    decoys=("a rare class that is never recognised", "scaler_missing_eval: there no order of the classes helps"),
    also_categories=("evaluation_bug",),
)
