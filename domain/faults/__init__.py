"""The catalogue of faults that can be planted. Adding one is adding one small file and its line here."""

from __future__ import annotations

from domain.faults import (
    batch_size_overflow,
    bottleneck,
    data_leakage_overlap,
    data_leakage_scaler,
    double_softmax,
    dropout_too_high,
    early_stop_patience,
    eval_dropout_on,
    eval_on_train,
    eval_wrong_checkpoint,
    exploding_lr,
    feature_order_eval,
    feature_selection_leak,
    grad_clip_too_small,
    group_leakage,
    init_gain_too_large,
    label_encoder_mismatch,
    label_row_misaligned,
    lr_too_small,
    missing_output_unit,
    no_scaling,
    oversample_before_split,
    proxy_feature,
    scaler_missing_eval,
    scaler_refit_eval,
    second_split_from_all,
    sentinel_impute,
    shuffle_off_sorted,
    silent_metric_swap,
    target_encoding_insample,
    target_encoding_leak,
    tokenizer_version_drift,
    unit_mismatch_eval,
    val_loader_is_test,
    weight_decay_too_large,
    wrong_optimizer,
    wrong_split_ratio,
    zero_init,
)
from domain.faults.fault import Fault, UnknownFaultError
from domain.types import TaskId

CATALOGUE: dict[str, Fault] = {
    fault.fault_id: fault
    for fault in (
        dropout_too_high.FAULT,
        bottleneck.FAULT,
        missing_output_unit.FAULT,
        no_scaling.FAULT,
        batch_size_overflow.FAULT,
        wrong_optimizer.FAULT,
        exploding_lr.FAULT,
        lr_too_small.FAULT,
        grad_clip_too_small.FAULT,
        weight_decay_too_large.FAULT,
        zero_init.FAULT,
        init_gain_too_large.FAULT,
        double_softmax.FAULT,
        shuffle_off_sorted.FAULT,
        early_stop_patience.FAULT,
        label_row_misaligned.FAULT,
        scaler_missing_eval.FAULT,
        sentinel_impute.FAULT,
        target_encoding_insample.FAULT,
        wrong_split_ratio.FAULT,
        data_leakage_overlap.FAULT,
        data_leakage_scaler.FAULT,
        second_split_from_all.FAULT,
        oversample_before_split.FAULT,
        group_leakage.FAULT,
        target_encoding_leak.FAULT,
        feature_selection_leak.FAULT,
        proxy_feature.FAULT,
        label_encoder_mismatch.FAULT,
        scaler_refit_eval.FAULT,
        unit_mismatch_eval.FAULT,
        feature_order_eval.FAULT,
        tokenizer_version_drift.FAULT,
        silent_metric_swap.FAULT,
        eval_wrong_checkpoint.FAULT,
        eval_on_train.FAULT,
        eval_dropout_on.FAULT,
        val_loader_is_test.FAULT,
    )
}

_TASKS: tuple[TaskId, ...] = ("easy", "medium")
POOLS: dict[TaskId, tuple[str, ...]] = {
    task: tuple(fault.fault_id for fault in CATALOGUE.values() if fault.task_id == task) for task in _TASKS
}
"""The faults that a task on one table may plant, in the catalogue's order. The others are of stored scenarios of generator 4,
and of the task that planted them there. The order is part of what a seed means: a change of it raises
``GENERATOR_VERSION``."""


def find_fault(fault_id: str) -> Fault:
    """The fault with this id.

    Raises:
        UnknownFaultError: the catalogue has none.
    """
    if fault_id not in CATALOGUE:
        raise UnknownFaultError(fault_id)
    return CATALOGUE[fault_id]


__all__ = ["CATALOGUE", "POOLS", "Fault", "UnknownFaultError", "find_fault"]
