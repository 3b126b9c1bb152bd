"""Rules about preprocessing.py: how features and labels are made for training."""

from __future__ import annotations

from functools import partial
from typing import Iterator

from mlops_debug_env.agents.evidence import Evidence
from mlops_debug_env.agents.hypothesis import Clue, Hypothesis, Rule

_hypothesis = partial(Hypothesis, category="preprocessing_bug", file="preprocessing.py")

USUAL_TEST_SHARE = 0.15


def _share(seen: Evidence, number: int) -> float | None:
    """The share that a split of training holds out."""
    splits = seen.code.training_splits
    share = splits[number].test_size if number < len(splits) else None
    return float(share) if isinstance(share, (int, float)) else None


def test_share_too_large(seen: Evidence) -> Iterator[Hypothesis]:
    share = _share(seen, 0)
    train, rows = seen.stats("splits.train.n_rows"), seen.stats("n_rows")
    trained = train / rows if isinstance(train, int) and isinstance(rows, int) and rows else None
    yield _hypothesis(
        field="train_test_split.test_size",
        value=USUAL_TEST_SHARE,
        fix=f"Lower test_size from {share if share is not None else 'its value'} to {USUAL_TEST_SHARE}.",
        clues=(
            Clue(share > 0.4 if share is not None else None, 4.0, f"a share of {share} is held out for the test", 3.0),
            Clue(trained < 0.45 if trained is not None else None, 2.0, "few rows are left to train on", 2.0),
        ),
    )


def validation_share_too_large(seen: Evidence) -> Iterator[Hypothesis]:
    share = _share(seen, 1)
    if share is not None:
        yield _hypothesis(
            field="train_test_split.val_size",
            value=0.18,
            fix=f"Lower val_size from {share:g} to 0.18.",
            clues=(Clue(share > 0.45, 4.0, f"a share of {share:g} is held out for validation", 4.0),),
        )


def not_scaled(seen: Evidence) -> Iterator[Hypothesis]:
    is_scaled = seen.code.is_scaled
    yield _hypothesis(
        field="StandardScaler.enabled",
        value=True,
        fix="Scale the numeric columns with StandardScaler.",
        clues=(
            Clue(None if is_scaled is None else not is_scaled, 4.0, "numeric columns are not scaled", 4.0),
            Clue(seen.is_unusual("feature_statistics", "largest_train_spread"), 1.0, "features are spread widely"),
        ),
    )


def _missing_rates(seen: Evidence) -> list[float]:
    """The share of missing values of each numeric column, of the training rows."""
    columns = seen.stats("train_numeric")
    described = columns.values() if isinstance(columns, dict) else ()
    rates = [each.get("missing_rate") for each in described if isinstance(each, dict)]
    return [float(rate) for rate in rates if isinstance(rate, (int, float))]


def sentinel_for_missing(seen: Evidence) -> Iterator[Hypothesis]:
    strategy = seen.code.setting("SimpleImputer", "strategy")
    rates = _missing_rates(seen)
    yield _hypothesis(
        field="SimpleImputer.fill_value",
        value="median",
        fix="Fill missing values with the median of the training rows.",
        clues=(
            Clue(strategy == "constant" if strategy else None, 4.0, "missing values become a constant", 4.0),
            Clue(seen.is_unusual("feature_statistics", "smallest_filled_value"), 1.5, "filled values are far outside"),
            Clue(not any(rates) if rates else None, -5.0, "no value is missing"),
        ),
    )


def encoded_in_sample(seen: Evidence) -> Iterator[Hypothesis]:
    is_cross_fitted = seen.code.is_cross_fitted
    yield _hypothesis(
        field="TargetEncoder.cv",
        value="5",
        fix="Encode the training rows by cross fitting, with cv=5.",
        clues=(
            Clue(
                None if is_cross_fitted is None else not is_cross_fitted,
                3.5,
                "training rows see their own target",
                4.0,
            ),
            Clue(
                seen.is_unusual("feature_statistics", "rows_encoded_with_own_label"),
                2.0,
                "training rows are encoded with their own labels",
            ),
            Clue(seen.is_unusual("metric_gap_analysis", "train_minus_val"), 1.5, "training accuracy is far ahead"),
        ),
    )


def encoder_not_smoothed(seen: Evidence) -> Iterator[Hypothesis]:
    smooth = seen.code.setting("TargetEncoder", "smooth")
    if isinstance(smooth, (int, float)):
        yield _hypothesis(
            field="TargetEncoder.smooth",
            value=5.0,
            fix=f"Set smooth of TargetEncoder from {smooth:g} to 5.",
            clues=(Clue(not 0.5 <= smooth <= 100, 3.5, f"smoothing of {smooth:g} is unusual", 4.0),),
        )


def labels_out_of_line(seen: Evidence) -> Iterator[Hypothesis]:
    yield Hypothesis(
        category="label_mismatch",
        file="preprocessing.py",
        field="labels.sort_index",
        value=False,
        fix="Take the labels in the order of the rows: no sort_index.",
        clues=(
            Clue(seen.code.sorts_labels, 3.5, "labels are sorted, rows are not", 4.0),
            Clue(
                seen.is_unusual("label_consistency", "train_agreement"),
                2.0,
                "training labels do not fit their rows",
                1.0,
            ),
            Clue(seen.stats("arrival_order") == "row_id", -5.0, "rows arrive in the order that labels are sorted by"),
        ),
    )


RULES: tuple[Rule, ...] = (
    test_share_too_large,
    validation_share_too_large,
    not_scaled,
    sentinel_for_missing,
    encoded_in_sample,
    encoder_not_smoothed,
    labels_out_of_line,
)
