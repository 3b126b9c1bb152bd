"""How loud each fault of runs of several sources is: written by ``python -m bench.measure_loudness --several-sources --write``."""

from __future__ import annotations

from types import MappingProxyType
from typing import Mapping, NamedTuple


class SourceLoudness(NamedTuple):
    """What eval_results.json and train.log alone show of a fault."""

    recent_change: float
    """Mean accuracy on the rows of the last month minus that of the healthy twin."""
    loudness: float
    """Median over the runs; 1: what nine tenths of the healthy runs keep to."""
    shown: float
    """Share of the runs that are louder than nine tenths of the healthy ones."""


SEEDS = 40
QUIET = 0.5
"""Shown in this share of the runs at most, a fault is quiet: the expert task plants these."""
SOURCE_LOUDNESS: Mapping[str, SourceLoudness] = MappingProxyType(
    {
        "class_dropping_join": SourceLoudness(-0.016, 1.15, 0.725),
        "class_weight_order": SourceLoudness(-0.016, 0.79, 0.400),
        "day_month_exchanged": SourceLoudness(0.000, 3.99, 0.900),
        "evaluation_rows_in_training": SourceLoudness(0.001, 0.63, 0.100),
        "exchanged_label_codes": SourceLoudness(-0.072, 1.24, 0.775),
        "feature_updated_after_outcome": SourceLoudness(-0.025, 0.74, 0.175),
        "frozen_column": SourceLoudness(-0.042, 0.73, 0.225),
        "group_leakage": SourceLoudness(-0.045, 0.74, 0.100),
        "immature_labels": SourceLoudness(-0.020, 1.51, 0.950),
        "label_encoder_mismatch": SourceLoudness(0.000, 6.69, 1.000),
        "loss_over_padding": SourceLoudness(-0.047, 1.88, 1.000),
        "random_labels_from_source": SourceLoudness(-0.010, 1.33, 0.700),
        "random_split_of_drift": SourceLoudness(-0.031, 0.69, 0.100),
        "row_multiplying_join": SourceLoudness(0.006, 0.73, 0.250),
        "scaler_default_changed": SourceLoudness(-0.015, 0.71, 0.150),
        "sentinel_impute": SourceLoudness(-0.104, 0.71, 0.275),
        "shuffle_off_sorted": SourceLoudness(-0.023, 1.28, 0.775),
        "silent_metric_swap": SourceLoudness(0.000, 15.74, 0.950),
        "source_unit_changed": SourceLoudness(-0.020, 0.72, 0.075),
        "stale_snapshot": SourceLoudness(-0.001, 0.63, 0.075),
        "test_from_one_source": SourceLoudness(-0.008, 0.77, 0.100),
        "tokenizer_version_drift": SourceLoudness(-0.034, 0.72, 0.150),
        "undeclared_missing_code": SourceLoudness(-0.013, 0.71, 0.125),
        "undeclared_thinning": SourceLoudness(-0.004, 0.64, 0.175),
        "vocabulary_default_changed": SourceLoudness(-0.058, 0.73, 0.200),
    }
)
