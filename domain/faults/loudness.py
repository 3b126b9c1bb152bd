"""How loud each fault is, as measured: written by ``python -m bench.measure_loudness --write``."""

from __future__ import annotations

from types import MappingProxyType
from typing import Mapping, NamedTuple


class Loudness(NamedTuple):
    """What planting a fault did in a row of seeds."""

    test_change: float
    """Mean of the reported test accuracy minus the twin's."""
    shown: float
    """Share of the runs whose log or results show that something happened."""
    missed: float
    """Share of the runs in which no check raises a flag that the twin's does not."""


SEEDS = 200
LOUD = 0.75
"""Shown in this share of the runs, a fault belongs to the easy task."""
LOUDNESS: Mapping[str, Loudness] = MappingProxyType(
    {
        "batch_size_overflow": Loudness(-0.230, 1.000, 0.000),
        "bottleneck": Loudness(-0.372, 1.000, 0.010),
        "data_leakage_overlap": Loudness(0.069, 0.115, 0.000),
        "data_leakage_scaler": Loudness(0.002, 0.040, 0.000),
        "double_softmax": Loudness(-0.042, 0.215, 0.565),
        "dropout_too_high": Loudness(-0.170, 0.980, 0.010),
        "early_stop_patience": Loudness(-0.039, 0.140, 0.095),
        "eval_dropout_on": Loudness(-0.055, 0.145, 0.210),
        "eval_on_train": Loudness(0.105, 0.550, 0.000),
        "eval_wrong_checkpoint": Loudness(-0.191, 0.735, 0.030),
        "exploding_lr": Loudness(-0.422, 1.000, 0.000),
        "feature_order_eval": Loudness(-0.574, 1.000, 0.000),
        "feature_selection_leak": Loudness(0.004, 0.080, 0.000),
        "grad_clip_too_small": Loudness(-0.535, 1.000, 0.000),
        "group_leakage": Loudness(0.074, 0.075, 0.000),
        "init_gain_too_large": Loudness(-0.367, 1.000, 0.005),
        "label_encoder_mismatch": Loudness(-0.715, 1.000, 0.000),
        "label_row_misaligned": Loudness(-0.550, 1.000, 0.000),
        "lr_too_small": Loudness(-0.563, 1.000, 0.000),
        "missing_output_unit": Loudness(-0.126, 1.000, 0.000),
        "no_scaling": Loudness(-0.491, 1.000, 0.000),
        "oversample_before_split": Loudness(-0.040, 0.245, 0.000),
        "proxy_feature": Loudness(0.072, 0.205, 0.000),
        "scaler_missing_eval": Loudness(-0.572, 1.000, 0.000),
        "scaler_refit_eval": Loudness(-0.002, 0.050, 0.000),
        "second_split_from_all": Loudness(0.091, 0.385, 0.000),
        "sentinel_impute": Loudness(-0.003, 0.075, 0.000),
        "shuffle_off_sorted": Loudness(-0.195, 0.610, 0.000),
        "silent_metric_swap": Loudness(0.004, 0.050, 0.385),
        "target_encoding_insample": Loudness(-0.033, 0.205, 0.000),
        "target_encoding_leak": Loudness(0.069, 0.090, 0.000),
        "tokenizer_version_drift": Loudness(-0.080, 0.415, 0.040),
        "unit_mismatch_eval": Loudness(-0.510, 1.000, 0.000),
        "val_loader_is_test": Loudness(0.004, 0.060, 0.000),
        "weight_decay_too_large": Loudness(-0.315, 0.915, 0.115),
        "wrong_optimizer": Loudness(-0.211, 0.990, 0.005),
        "wrong_split_ratio": Loudness(-0.119, 0.775, 0.225),
        "zero_init": Loudness(-0.157, 0.520, 0.005),
    }
)
