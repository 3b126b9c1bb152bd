"""Missing numbers become -999: accuracy hardly moves, but a column's scale is the sentinel's."""

from __future__ import annotations

from domain.faults.fault import Fault
from domain.scenario import SafeField
from domain.training.pipeline import FieldValue, Pipeline, digits
from domain.training.randomness import Stream


def _severities(healthy: Pipeline, draw: Stream) -> tuple[FieldValue, ...]:
    return ("-999",)


def _context(healthy: Pipeline, draw: Stream) -> Pipeline:
    """Values that are missing, filled as they should be."""
    share = max(healthy.dataset.missing_share, digits(draw.between(0.03, 0.1)))
    fill = draw.choice(("median", "mean"))
    return healthy.with_value("dataset.missing_share", share).with_value("preprocessing.fill_value", fill)


def _look_alike(healthy: Pipeline, draw: Stream) -> Pipeline:
    return healthy.with_value("dataset.missing_share", 0.0).with_value("preprocessing.fill_value", "-999")


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
    proposed_fix="Fill missing values with the {healthy} of the training rows instead of -999.",
    causal=frozenset({"preprocessing.py", "train.log", "eval_results.json"}),
    lines=("    imputer = ",),
    signals=(("feature_statistics", "smallest_filled_value"),),
    context=_context,
    look_alike=_look_alike,
    sources=(
        "Humbatova et al., arXiv 1910.11015: missing preprocessing",
        "Google, Rules of ML: silent failures",
    ),
    decoys=("five per cent missing values", "a constant where no value is missing"),
)
