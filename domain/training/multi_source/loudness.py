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
        "class_dropping_join": SourceLoudness(-0.014, 1.01, 0.500),
        "class_weight_order": SourceLoudness(-0.008, 0.76, 0.275),
        "day_month_exchanged": SourceLoudness(-0.004, 3.27, 0.925),
        "evaluation_rows_in_training": SourceLoudness(-0.002, 0.65, 0.025),
        "exchanged_label_codes": SourceLoudness(-0.079, 1.13, 0.675),
        "feature_updated_after_outcome": SourceLoudness(-0.033, 0.68, 0.125),
        "frozen_column": SourceLoudness(-0.051, 0.65, 0.200),
        "group_leakage": SourceLoudness(-0.054, 0.70, 0.075),
        "immature_labels": SourceLoudness(-0.020, 1.74, 0.875),
        "label_encoder_mismatch": SourceLoudness(0.000, 5.63, 1.000),
        "loss_over_padding": SourceLoudness(-0.063, 1.64, 0.900),
        "random_labels_from_source": SourceLoudness(-0.011, 1.25, 0.650),
        "random_split_of_drift": SourceLoudness(-0.051, 0.70, 0.150),
        "row_multiplying_join": SourceLoudness(0.006, 0.68, 0.250),
        "scaler_default_changed": SourceLoudness(-0.011, 0.75, 0.200),
        "sentinel_impute": SourceLoudness(-0.118, 0.71, 0.175),
        "shuffle_off_sorted": SourceLoudness(-0.029, 1.18, 0.625),
        "silent_metric_swap": SourceLoudness(0.000, 13.58, 0.950),
        "source_unit_changed": SourceLoudness(-0.034, 0.66, 0.150),
        "stale_snapshot": SourceLoudness(-0.001, 0.69, 0.075),
        "test_from_one_source": SourceLoudness(0.000, 0.73, 0.100),
        "tokenizer_version_drift": SourceLoudness(-0.032, 0.73, 0.150),
        "undeclared_missing_code": SourceLoudness(-0.013, 0.67, 0.125),
        "undeclared_thinning": SourceLoudness(-0.003, 0.63, 0.175),
        "vocabulary_default_changed": SourceLoudness(-0.063, 0.70, 0.250),
    }
)
