from __future__ import annotations

import json
from dataclasses import replace

import pytest

from domain.training import checks
from domain.training.pipeline import FieldValue, Pipeline, draw_pipeline
from domain.training.simulator import simulate
from domain.training.thresholds import THRESHOLDS
from domain.types import SANITY_CHECK_NAMES
from tests.profiles import seeds

PIPELINE = draw_pipeline(4).with_value("dataset.arrival_order", "label").with_value("training.shuffle", True)


def _measure(attribute: str, value: FieldValue) -> dict[str, checks.Measured]:
    return checks.measure(simulate(PIPELINE.with_value(attribute, value)))


def _healthy() -> dict[str, checks.Measured]:
    return checks.measure(simulate(PIPELINE))


def test_all_eight_checks_are_computed() -> None:
    assert tuple(checks.run_checks(simulate(draw_pipeline(4)))) == SANITY_CHECK_NAMES


def test_every_threshold_belongs_to_a_number_that_is_measured() -> None:
    measured = _healthy()
    assert all(name in measured[check] for check, name in THRESHOLDS)


def test_a_flag_is_raised_by_its_reasons_and_by_nothing_else() -> None:
    for seed in seeds(range(20)):
        for result in checks.run_checks(simulate(draw_pipeline(seed))).values():
            assert result["flag"] == bool(result["reasons"])


OTHER_TOKENIZER = "v1" if PIPELINE.preprocessing.tokenizer_train == "v2" else "v2"


@pytest.mark.parametrize(
    ("attribute", "value", "check", "name", "expected"),
    [
        ("preprocessing.scaler_fit", "all", "data_leakage", "scaler_rows_outside_train", "above"),
        ("preprocessing.encoder_fit", "all", "data_leakage", "encoder_rows_outside_train", "above"),
        ("preprocessing.selector_fit", "all", "data_leakage", "selector_rows_outside_train", "above"),
        ("preprocessing.eval_random_state", "None", "data_leakage", "train_rows_in_test", "above"),
        ("preprocessing.second_split_from", "df", "data_leakage", "train_rows_in_test", "above"),
        ("preprocessing.split_groups", "None", "data_leakage", "train_customers_in_test", "above"),
        ("preprocessing.oversample", "all", "data_leakage", "copied_rows_in_test", "above"),
        ("preprocessing.val_rows", "test", "data_leakage", "val_rows_in_test", "above"),
        (
            "preprocessing.tokenizer_eval",
            OTHER_TOKENIZER,
            "encoder_version_match",
            "unknown_rate_test_minus_train",
            "beyond",
        ),
        ("preprocessing.eval_class_order", "sorted", "label_consistency", "permutation_gain", "above"),
        ("preprocessing.scaler_eval", "refit", "feature_statistics", "largest_test_mean", "below"),
        ("preprocessing.eval_unit_scale", 100.0, "feature_statistics", "largest_mean_shift", "above"),
        ("preprocessing.scaler_enabled", False, "feature_statistics", "largest_train_spread", "above"),
        ("preprocessing.fill_value", "-999", "feature_statistics", "smallest_filled_value", "below"),
        ("preprocessing.test_rows", "train", "metric_gap_analysis", "rows_scored_minus_split", "above"),
        ("evaluation.checkpoint", "first", "metric_gap_analysis", "reported_minus_logged_val", "below"),
        ("evaluation.val_accuracy_from", "test", "metric_gap_analysis", "reported_minus_logged_val", "differs"),
        ("optimizer.learning_rate", 30.0, "loss_trajectory", "largest_over_chance", "above"),
        ("training.batch_size", 4096, "loss_trajectory", "steps_per_epoch", "below"),
        ("training.shuffle", False, "class_balance", "batch_label_entropy", "below"),
        ("model.init", "constant", "gradient_norms", "hidden_over_output_layer", "below"),
        ("training.gradient_clip_norm", 1e-5, "loss_trajectory", "last_over_chance", "above"),
    ],
)
def test_a_number_shows_what_happened_in_the_run(
    attribute: str, value: FieldValue, check: str, name: str, expected: str
) -> None:
    usual, unusual = _healthy()[check][name], _measure(attribute, value)[check][name]
    bounds = THRESHOLDS[check, name]
    assert isinstance(usual, (int, float)) and isinstance(unusual, (int, float))
    above = bounds.high is not None and unusual > bounds.high >= usual
    below = bounds.low is not None and unusual < bounds.low <= usual
    assert {"above": above, "below": below, "beyond": above or below, "differs": unusual != usual}[expected], (
        usual,
        unusual,
        bounds,
    )


def test_check_results_are_json_without_nan() -> None:
    diverged: Pipeline = replace(draw_pipeline(4), optimizer=replace(draw_pipeline(4).optimizer, learning_rate=1000.0))
    json.dumps(checks.run_checks(simulate(diverged)), allow_nan=False)
