"""Missing numbers become -999: accuracy hardly moves, but a column's scale is the sentinel's."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return ("-999",)


def _safe(healthy: Pipeline) -> tuple[SafeField, ...]:
    return (
        SafeField(
            file="preprocessing.py",
            field="SimpleImputer.fill_value",
            choices=(
                "median",
                "mean",
            ),
        ),
    )


FAULT = Fault(
    fault_id="sentinel_impute",
    task_id="medium",
    category="preprocessing_bug",
    file="preprocessing.py",
    field="SimpleImputer.fill_value",
    severities=_severities,
    safe=_safe,
    proposed_fix="Fill missing values with the median of the training rows instead of -999.",
    causal=frozenset({"preprocessing.py", "train.log", "eval_results.json"}),
    lines=("    imputer = ",),
    signals=(("feature_statistics", "smallest_filled_value"),),
    sources=(
        "Humbatova et al., arXiv 1910.11015: missing preprocessing",
        "Google, Rules of ML: silent failures",
    ),
    decoys=("five per cent missing values",),
)
