"""Where a measured number of a sanity check is called unusual: data, with how they were calibrated.

`EXACT` numbers are zero in a healthy run by construction. Of the bounds of ``_MEASURED`` the first raises a flag, in about one
healthy run of twenty for each check; beyond the second a number is clearly unusual, which about one of a hundred is. Doses are
chosen and repairs are judged by the second. Both were set by ``python -m bench.calibrate_checks``.

Runs under the rules of generator 4 keep its bounds, for flags and for repairs alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Mapping, NamedTuple


class Bounds(NamedTuple):
    """Beyond these a number raises its check's flag; None: no bound on that side."""

    low: float | None = None
    high: float | None = None


Thresholds = Mapping[tuple[str, str], Bounds]
"""(check, number) to its bounds."""
Side = Literal["low", "high"]


class Calibration(NamedTuple):
    """Which healthy runs the measured bounds come from. Tests count false alarms on other seeds."""

    date: str
    first_seed: int
    seeds: int


CALIBRATION = Calibration("2026-11-30", 3_000_000, 2_000)

EXACT: Thresholds = {
    ("data_leakage", "train_rows_in_test"): Bounds(high=0.0),
    ("data_leakage", "train_rows_in_val"): Bounds(high=0.0),
    ("data_leakage", "val_rows_in_test"): Bounds(high=0.0),
    ("data_leakage", "copied_rows_in_test"): Bounds(high=0.0),
    ("data_leakage", "train_customers_in_test"): Bounds(high=0.0),
    ("data_leakage", "scaler_rows_outside_train"): Bounds(high=0.0),
    ("data_leakage", "encoder_rows_outside_train"): Bounds(high=0.0),
    ("data_leakage", "selector_rows_outside_train"): Bounds(high=0.0),
    ("class_balance", "classes_without_output"): Bounds(high=0.0),
    ("feature_statistics", "rows_encoded_with_own_label"): Bounds(high=0.0),
    ("loss_trajectory", "non_finite_epochs"): Bounds(high=0.0),
    ("metric_gap_analysis", "rows_scored_minus_split"): Bounds(high=0.0),
}

_MEASURED: tuple[tuple[str, str, Side, float, float], ...] = (
    ("label_consistency", "permutation_gain", "high", 0.0, 0.0),
    ("label_consistency", "train_agreement", "low", 0.512, 0.479),
    ("label_consistency", "test_agreement", "low", 0.493, 0.457),
    ("gradient_norms", "largest", "high", 3.21, 4.28),
    ("gradient_norms", "last_over_first", "high", 1.69, 2.07),
    ("gradient_norms", "hidden_over_output_layer", "low", 0.638, 0.568),
    ("gradient_norms", "hidden_over_output_layer", "high", 2.88, 3.55),
    ("gradient_norms", "dead_unit_share", "high", 0.191, 0.688),
    ("class_balance", "classes_never_predicted", "high", 0.0, 0.0),
    ("class_balance", "largest_predicted_share", "high", 0.543, 0.593),
    ("class_balance", "batch_label_entropy", "low", 0.957, 0.922),
    ("feature_statistics", "largest_mean_shift", "high", 0.341, 0.392),
    ("feature_statistics", "largest_spread_ratio", "high", 1.25, 1.31),
    ("feature_statistics", "largest_train_spread", "high", 1.01, 1.01),
    ("feature_statistics", "largest_test_mean", "low", 0.0539, 0.0492),
    ("feature_statistics", "smallest_filled_value", "low", -4.16, -4.33),
    ("feature_statistics", "single_feature_eta2", "high", 0.612, 0.661),
    ("feature_statistics", "class_mean_distance", "high", 0.966, 1.29),
    ("encoder_version_match", "unknown_rate_test_minus_train", "low", -0.019, -0.0319),
    ("encoder_version_match", "unknown_rate_test_minus_train", "high", 0.0192, 0.0301),
    ("loss_trajectory", "largest_over_chance", "high", 1.55, 2.08),
    ("loss_trajectory", "last_over_chance", "high", 0.67, 0.835),
    ("loss_trajectory", "up_move_share", "high", 0.0609, 0.218),
    ("loss_trajectory", "steps_per_epoch", "low", 4.0, 4.0),
    ("loss_trajectory", "epochs_not_run", "high", 0.0, 4.0),
    ("metric_gap_analysis", "val_minus_test_in_standard_errors", "low", -2.91, -4.11),
    ("metric_gap_analysis", "val_minus_test_in_standard_errors", "high", 3.18, 3.88),
    ("metric_gap_analysis", "train_minus_val", "low", -0.0995, -0.146),
    ("metric_gap_analysis", "train_minus_val", "high", 0.263, 0.322),
    ("metric_gap_analysis", "reported_minus_logged_val", "low", -0.0297, -0.0663),
    ("metric_gap_analysis", "reported_minus_logged_val", "high", 0.0, 0.0),
)
MEASURED_BOUNDS = tuple((check, name, side) for check, name, side, _, _ in _MEASURED)

_EARLIER_EXACT: Thresholds = {
    ("data_leakage", "train_rows_in_test"): Bounds(high=0.0),
    ("data_leakage", "train_rows_in_val"): Bounds(high=0.0),
    ("data_leakage", "val_rows_in_test"): Bounds(high=0.0),
    ("data_leakage", "train_customers_in_test"): Bounds(high=0.0),
    ("data_leakage", "scaler_rows_outside_train"): Bounds(high=0.0),
    ("data_leakage", "encoder_rows_outside_train"): Bounds(high=0.0),
    ("data_leakage", "selector_rows_outside_train"): Bounds(high=0.0),
    ("encoder_version_match", "unknown_token_rate_train"): Bounds(high=0.0),
    ("encoder_version_match", "unknown_token_rate_val"): Bounds(high=0.0),
    ("encoder_version_match", "unknown_token_rate_test"): Bounds(high=0.0),
    ("class_balance", "classes_without_output"): Bounds(high=0.0),
    ("feature_statistics", "rows_encoded_with_own_label"): Bounds(high=0.0),
    ("loss_trajectory", "non_finite_epochs"): Bounds(high=0.0),
    ("loss_trajectory", "epochs_not_run"): Bounds(high=0.0),
    ("metric_gap_analysis", "reported_minus_logged_val"): Bounds(low=0.0, high=0.0),
    ("metric_gap_analysis", "rows_scored_minus_split"): Bounds(high=0.0),
}

_EARLIER_MEASURED: tuple[tuple[str, str, Side, float], ...] = (
    ("label_consistency", "permutation_gain", "high", 0.0),
    ("label_consistency", "train_agreement", "low", 0.437),
    ("label_consistency", "test_agreement", "low", 0.383),
    ("gradient_norms", "largest", "high", 2.07),
    ("gradient_norms", "last_over_first", "high", 1.01),
    ("gradient_norms", "hidden_over_output_layer", "low", 0.576),
    ("gradient_norms", "hidden_over_output_layer", "high", 3.05),
    ("gradient_norms", "clipped_step_share", "high", 0.0),
    ("gradient_norms", "dead_unit_share", "high", 0.0834),
    ("class_balance", "classes_never_predicted", "high", 0.0),
    ("class_balance", "largest_predicted_share", "high", 0.676),
    ("class_balance", "batch_label_entropy", "low", 0.988),
    ("feature_statistics", "largest_mean_shift", "high", 0.628),
    ("feature_statistics", "largest_spread_ratio", "high", 1.68),
    ("feature_statistics", "largest_train_spread", "high", 1.01),
    ("feature_statistics", "largest_test_mean", "low", 0.112),
    ("feature_statistics", "smallest_filled_value", "low", -4.26),
    ("feature_statistics", "single_feature_eta2", "high", 0.691),
    ("feature_statistics", "class_mean_distance", "high", 3.4),
    ("loss_trajectory", "largest_over_chance", "high", 1.13),
    ("loss_trajectory", "last_over_chance", "high", 0.268),
    ("loss_trajectory", "up_move_share", "high", 0.0983),
    ("loss_trajectory", "steps_per_epoch", "low", 5.0),
    ("metric_gap_analysis", "val_minus_test_in_standard_errors", "low", -2.65),
    ("metric_gap_analysis", "val_minus_test_in_standard_errors", "high", 3.79),
    ("metric_gap_analysis", "train_minus_val", "low", -0.0168),
    ("metric_gap_analysis", "train_minus_val", "high", 0.344),
)


def _joined(exact: Thresholds, measured: Iterable[tuple[str, str, Side, float]]) -> Thresholds:
    joined = dict(exact)
    for check, name, side, value in measured:
        joined[check, name] = joined.get((check, name), Bounds())._replace(**{side: value})
    return joined


THRESHOLDS = _joined(EXACT, (row[:4] for row in _MEASURED))
"""Beyond these a number raises its check's flag."""
CLEAR_THRESHOLDS = _joined(EXACT, ((*row[:3], row[4]) for row in _MEASURED))
"""Beyond these a number is clearly unusual."""
EARLIER_THRESHOLDS = _joined(_EARLIER_EXACT, _EARLIER_MEASURED)
"""Both, under the rules of generator 4."""
