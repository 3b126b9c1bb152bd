"""Draws the faults of the task of none, one or two: how many, and which two can be combined.

Two faults can be combined where they, and the repairs declared for them, set different values of the pipeline, and where each
leaves a mark of its own: the checks of the run with both raise something that those of the run with only the other do not.
``python -m bench.measure_pairs`` measured it; a pair can be combined where both marks were seen in at least 85 % of 24 seeds.
"""

from __future__ import annotations

from itertools import combinations

from domain.faults import CATALOGUE, UnknownFaultError, find_fault
from domain.training.randomness import Stream

HEALTHY = "none"
"""The id of no fault at all."""
SEPARATOR = "+"
"""Stands between the ids of two faults."""
FAULT_COUNTS: tuple[int, ...] = (0, 1, 1, 2, 2)
"""How many faults are planted, all five equally likely. A healthy run must be likely enough that false alarms cost, and
unlikely enough that submitting nothing earns less than a guess at the hard task may: an empty list scores 0.99 / 5."""

_NOT_COMBINED: dict[str, str] = {
    "batch_size_overflow": "double_softmax early_stop_patience shuffle_off_sorted weight_decay_too_large wrong_optimizer wrong_split_ratio",
    "bottleneck": "double_softmax eval_dropout_on eval_wrong_checkpoint exploding_lr lr_too_small weight_decay_too_large wrong_optimizer",
    "data_leakage_overlap": "eval_dropout_on eval_wrong_checkpoint group_leakage oversample_before_split second_split_from_all silent_metric_swap val_loader_is_test",
    "double_softmax": "dropout_too_high early_stop_patience exploding_lr grad_clip_too_small label_row_misaligned lr_too_small no_scaling shuffle_off_sorted wrong_optimizer wrong_split_ratio",
    "dropout_too_high": "exploding_lr lr_too_small no_scaling shuffle_off_sorted weight_decay_too_large",
    "early_stop_patience": "eval_wrong_checkpoint weight_decay_too_large wrong_optimizer",
    "eval_dropout_on": "eval_wrong_checkpoint exploding_lr no_scaling shuffle_off_sorted silent_metric_swap val_loader_is_test wrong_optimizer wrong_split_ratio",
    "eval_on_train": "scaler_refit_eval",
    "eval_wrong_checkpoint": "no_scaling silent_metric_swap val_loader_is_test",
    "exploding_lr": "grad_clip_too_small init_gain_too_large lr_too_small no_scaling weight_decay_too_large wrong_optimizer",
    "feature_order_eval": "label_encoder_mismatch scaler_missing_eval scaler_refit_eval unit_mismatch_eval",
    "feature_selection_leak": "wrong_split_ratio",
    "grad_clip_too_small": "lr_too_small no_scaling weight_decay_too_large wrong_optimizer",
    "group_leakage": "second_split_from_all wrong_split_ratio",
    "init_gain_too_large": "lr_too_small no_scaling shuffle_off_sorted weight_decay_too_large zero_init",
    "label_encoder_mismatch": "no_scaling scaler_missing_eval unit_mismatch_eval",
    "label_row_misaligned": "lr_too_small proxy_feature weight_decay_too_large wrong_split_ratio",
    "lr_too_small": "no_scaling shuffle_off_sorted weight_decay_too_large wrong_optimizer",
    "missing_output_unit": "wrong_optimizer",
    "no_scaling": "scaler_missing_eval wrong_optimizer",
    "oversample_before_split": "shuffle_off_sorted wrong_split_ratio",
    "proxy_feature": "target_encoding_insample wrong_split_ratio",
    "scaler_missing_eval": "scaler_refit_eval unit_mismatch_eval",
    "scaler_refit_eval": "unit_mismatch_eval",
    "shuffle_off_sorted": "wrong_optimizer",
    "silent_metric_swap": "val_loader_is_test",
    "target_encoding_leak": "wrong_split_ratio",
    "val_loader_is_test": "wrong_split_ratio",
    "weight_decay_too_large": "wrong_optimizer wrong_split_ratio",
    "wrong_optimizer": "wrong_split_ratio",
}
"""A fault to those that it is never planted beside, each pair once: they set the same value, or one hides the other."""


def _can_be_combined(one: str, other: str) -> bool:
    return other not in _NOT_COMBINED.get(one, "").split()


PAIRS: tuple[tuple[str, str], ...] = tuple(
    pair for pair in combinations(sorted(CATALOGUE), 2) if _can_be_combined(*pair)
)
"""In alphabetical order, which is part of what a seed means, as that of the catalogue is."""


def draw_faults(draw: Stream) -> tuple[str, ...]:
    """The ids of the faults of a seed, in alphabetical order."""
    match draw.choice(FAULT_COUNTS):
        case 0:
            return ()
        case 1:
            return (draw.choice(tuple(CATALOGUE)),)
        case _:
            return draw.choice(PAIRS)


def named_faults(fault_id: str) -> tuple[str, ...]:
    """The ids that a joint id names, in alphabetical order.

    Raises:
        UnknownFaultError: the catalogue has no such fault, or the two cannot stand side by side.
    """
    if fault_id == HEALTHY:
        return ()
    named = tuple(sorted(fault_id.split(SEPARATOR)))
    attributes = {find_fault(one).spec.attribute for one in named}
    if len(named) > 2 or len(attributes) < len(named):
        raise UnknownFaultError(fault_id)
    return named
