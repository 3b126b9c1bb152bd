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
        "class_dropping_join": SourceLoudness(-0.019, 1.25, 0.725),
        "class_weight_order": SourceLoudness(-0.005, 0.85, 0.350),
        "day_month_exchanged": SourceLoudness(-0.006, 3.80, 0.925),
        "evaluation_rows_in_training": SourceLoudness(0.001, 0.73, 0.075),
        "exchanged_label_codes": SourceLoudness(-0.072, 1.39, 0.775),
        "feature_updated_after_outcome": SourceLoudness(-0.030, 0.69, 0.175),
        "frozen_column": SourceLoudness(-0.044, 0.77, 0.125),
        "group_leakage": SourceLoudness(-0.047, 0.63, 0.175),
        "immature_labels": SourceLoudness(-0.023, 1.43, 0.775),
        "label_encoder_mismatch": SourceLoudness(0.000, 7.31, 1.000),
        "loss_over_padding": SourceLoudness(-0.033, 1.92, 0.850),
        "random_labels_from_source": SourceLoudness(-0.009, 1.22, 0.600),
        "random_split_of_drift": SourceLoudness(-0.039, 0.67, 0.200),
        "row_multiplying_join": SourceLoudness(0.003, 0.66, 0.150),
        "scaler_default_changed": SourceLoudness(-0.021, 0.64, 0.075),
        "sentinel_impute": SourceLoudness(-0.089, 0.71, 0.200),
        "shuffle_off_sorted": SourceLoudness(0.002, 1.47, 0.900),
        "silent_metric_swap": SourceLoudness(0.000, 16.20, 0.950),
        "source_unit_changed": SourceLoudness(-0.023, 0.66, 0.100),
        "stale_snapshot": SourceLoudness(-0.002, 0.66, 0.075),
        "test_from_one_source": SourceLoudness(-0.005, 0.67, 0.150),
        "tokenizer_version_drift": SourceLoudness(-0.018, 0.68, 0.175),
        "undeclared_missing_code": SourceLoudness(-0.020, 0.62, 0.075),
        "undeclared_thinning": SourceLoudness(-0.001, 0.63, 0.050),
        "vocabulary_default_changed": SourceLoudness(-0.006, 0.70, 0.200),
    }
)
