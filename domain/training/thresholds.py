"""Where a measured number of a sanity check is called unusual: data, with how they were calibrated."""

from __future__ import annotations

from typing import NamedTuple


class Bounds(NamedTuple):
    """Beyond these a number raises its check's flag; None: no bound on that side."""

    low: float | None = None
    high: float | None = None


THRESHOLDS: dict[tuple[str, str], Bounds] = {
    ("label_consistency", "permutation_gain"): Bounds(high=0.15),
    ("label_consistency", "train_agreement"): Bounds(low=0.4),
    ("data_leakage", "train_rows_in_test"): Bounds(high=0.0),
    ("data_leakage", "train_rows_in_val"): Bounds(high=0.0),
    ("data_leakage", "val_rows_in_test"): Bounds(high=0.0),
    ("data_leakage", "train_customers_in_test"): Bounds(high=0.0),
    ("data_leakage", "scaler_rows_outside_train"): Bounds(high=0.0),
    ("data_leakage", "encoder_rows_outside_train"): Bounds(high=0.0),
    ("data_leakage", "selector_rows_outside_train"): Bounds(high=0.0),
    ("gradient_norms", "largest"): Bounds(high=10.0),
    ("gradient_norms", "hidden_over_output_layer"): Bounds(low=0.05, high=70.0),
    ("gradient_norms", "dead_unit_share"): Bounds(high=0.25),
    ("gradient_norms", "clipped_step_share"): Bounds(high=0.5),
    ("class_balance", "lowest_recall"): Bounds(low=0.05),
    ("class_balance", "classes_never_predicted"): Bounds(high=0.0),
    ("class_balance", "batch_label_entropy"): Bounds(low=0.8),
    ("feature_statistics", "largest_mean_shift"): Bounds(high=0.75),
    ("feature_statistics", "largest_spread_ratio"): Bounds(high=1.75),
    ("feature_statistics", "largest_train_spread"): Bounds(high=3.0),
    ("feature_statistics", "largest_test_mean"): Bounds(low=0.0001),
    ("feature_statistics", "smallest_filled_value"): Bounds(low=-8.0),
    ("feature_statistics", "single_feature_eta2"): Bounds(high=0.65),
    ("feature_statistics", "class_mean_distance"): Bounds(high=4.0),
    ("encoder_version_match", "unknown_token_rate_train"): Bounds(high=0.02),
    ("encoder_version_match", "unknown_token_rate_test"): Bounds(high=0.02),
    ("loss_trajectory", "non_finite_epochs"): Bounds(high=0.0),
    ("loss_trajectory", "largest_over_chance"): Bounds(high=3.0),
    ("loss_trajectory", "last_over_chance"): Bounds(high=0.5),
    ("loss_trajectory", "up_move_share"): Bounds(high=0.08),
    ("loss_trajectory", "steps_per_epoch"): Bounds(low=3.0),
    ("metric_gap_analysis", "reported_minus_logged_val"): Bounds(low=-0.0001, high=0.0001),
    ("metric_gap_analysis", "val_minus_test_in_standard_errors"): Bounds(low=-3.5, high=3.5),
    ("metric_gap_analysis", "train_minus_val"): Bounds(high=0.3),
    ("metric_gap_analysis", "rows_scored_minus_split"): Bounds(high=0.0),
}
