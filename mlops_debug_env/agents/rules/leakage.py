"""Rules about preprocessing.py: what training must not have seen."""

from __future__ import annotations

from functools import partial
from typing import Iterator

from mlops_debug_env.agents.evidence import Evidence, listed
from mlops_debug_env.agents.hypothesis import Clue, Hypothesis, Rule

_hypothesis = partial(Hypothesis, category="data_leakage", file="preprocessing.py")


def _fitted_on_all(seen: Evidence, *, kind: str, measured: str, field: str) -> Iterator[Hypothesis]:
    rows = seen.code.rows_of_fit(kind)
    yield _hypothesis(
        field=field,
        value="train",
        fix=f"Fit {kind} on the training rows only, then transform validation and test with it.",
        clues=(
            Clue(rows != {"train"} if rows else None, 3.0, f"{kind} is fitted on {listed(rows)} rows", 3.0),
            Clue(seen.is_unusual("data_leakage", measured), 4.0, "it saw rows outside the training split", 4.0),
        ),
    )


def scaler_fitted_on_all(seen: Evidence) -> Iterator[Hypothesis]:
    return _fitted_on_all(
        seen, kind="StandardScaler", measured="scaler_rows_outside_train", field="StandardScaler.fit_transform"
    )


def encoder_fitted_on_all(seen: Evidence) -> Iterator[Hypothesis]:
    return _fitted_on_all(seen, kind="TargetEncoder", measured="encoder_rows_outside_train", field="TargetEncoder.fit")


def selector_fitted_on_all(seen: Evidence) -> Iterator[Hypothesis]:
    return _fitted_on_all(seen, kind="SelectKBest", measured="selector_rows_outside_train", field="SelectKBest.fit")


def evaluation_splits_anew(seen: Evidence) -> Iterator[Hypothesis]:
    yield _hypothesis(
        field="train_test_split.random_state",
        value="SEED",
        fix="Pass the same seed to the split in the evaluation as in training: random_state=SEED.",
        clues=(
            Clue(seen.code.evaluation_resplits, 3.0, "the evaluation splits with another seed than training", 3.0),
            Clue(seen.is_unusual("data_leakage", "train_rows_in_test"), 2.0, "test rows were trained on", 2.0),
            Clue(
                seen.is_unusual("metric_gap_analysis", "reported_minus_logged_val"),
                1.0,
                "the report disagrees with the log",
            ),
        ),
    )


def _shares_rows_with_test(seen: Evidence) -> bool | None:
    """Two splits of all rows with one seed and one share are the same: the validation rows are the test rows then."""
    found = [seen.is_unusual("data_leakage", name) for name in ("train_rows_in_test", "val_rows_in_test")]
    return None if None in found else any(found)


def second_split_from_all(seen: Evidence) -> Iterator[Hypothesis]:
    takes_rest = seen.code.splits_the_rest
    yield _hypothesis(
        field="train_test_split.arrays",
        value="rest",
        fix="Split train and validation from the rest that the first split left, not from all rows.",
        clues=(
            Clue(None if takes_rest is None else not takes_rest, 3.0, "both splits take the same rows", 3.0),
            Clue(_shares_rows_with_test(seen), 2.0, "test rows are training or validation rows", 2.0),
        ),
    )


def oversampled_before_split(seen: Evidence) -> Iterator[Hypothesis]:
    yield _hypothesis(
        field="RandomOverSampler.fit_resample",
        value="train",
        fix="Resample the training rows only, after the split.",
        clues=(
            Clue(seen.code.resamples_before_splitting, 3.0, "rows are copied before they are split", 3.0),
            # A copy keeps its customer: where rows are split by customer, none is in two splits.
            Clue(seen.is_unusual("data_leakage", "copied_rows_in_test"), 3.0, "test rows are copies", 4.0),
        ),
    )


def customers_in_several_splits(seen: Evidence) -> Iterator[Hypothesis]:
    groups = [call.groups for call in seen.code.training_splits]
    yield _hypothesis(
        field="train_test_split.groups",
        value="customer_id",
        fix="Split by groups: keep the rows of one customer_id in one split.",
        clues=(
            Clue(None in groups if groups else None, 3.0, "the split knows no groups", 3.0),
            Clue(
                seen.is_unusual("data_leakage", "train_customers_in_test"), 2.0, "test customers were trained on", 5.0
            ),
            Clue(
                seen.is_unusual("data_leakage", "train_rows_in_test"),
                -2.0,
                "rows are in two splits, not only customers",
            ),
        ),
    )


def proxy_column(seen: Evidence) -> Iterator[Hypothesis]:
    extra = seen.code.untouched_columns
    yield _hypothesis(
        field="feature_columns.resolution_code",
        value="drop",
        fix="Drop the column resolution_code: it is written after the outcome.",
        clues=(
            Clue(None if extra is None else bool(extra), 4.0, f"columns {extra} are features as they are", 3.0),
            Clue(
                seen.is_unusual("feature_statistics", "single_feature_eta2"),
                3.0,
                "one feature nearly tells the class",
                1.0,
            ),
        ),
    )


def validation_on_test_rows(seen: Evidence) -> Iterator[Hypothesis]:
    watched = seen.code.watched_rows
    yield Hypothesis(
        category="evaluation_bug",
        file="preprocessing.py",
        field="evaluate.val_loader",
        value="val",
        fix="Watch the validation rows while training, not the test rows.",
        clues=(
            Clue("test" in watched if watched else None, 4.0, "training watches the test rows", 3.0),
            Clue(seen.is_unusual("data_leakage", "val_rows_in_test"), 2.0, "validation rows are test rows"),
        ),
    )


RULES: tuple[Rule, ...] = (
    scaler_fitted_on_all,
    encoder_fitted_on_all,
    selector_fitted_on_all,
    evaluation_splits_anew,
    second_split_from_all,
    oversampled_before_split,
    customers_in_several_splits,
    proxy_column,
    validation_on_test_rows,
)
