"""The catalogue of faults that can be planted. Adding one is adding one small file and its line here."""

from __future__ import annotations

from domain.faults import (
    batch_size_overflow,
    data_leakage_overlap,
    data_leakage_scaler,
    exploding_lr,
    label_encoder_mismatch,
    silent_metric_swap,
    tokenizer_version_drift,
    wrong_optimizer,
    wrong_split_ratio,
)
from domain.faults.fault import Fault, UnknownFaultError
from domain.types import TASK_IDS, TaskId

CATALOGUE: dict[str, Fault] = {
    fault.fault_id: fault
    for fault in (
        exploding_lr.FAULT,
        wrong_optimizer.FAULT,
        batch_size_overflow.FAULT,
        data_leakage_scaler.FAULT,
        data_leakage_overlap.FAULT,
        wrong_split_ratio.FAULT,
        label_encoder_mismatch.FAULT,
        silent_metric_swap.FAULT,
        tokenizer_version_drift.FAULT,
    )
}

POOLS: dict[TaskId, tuple[str, ...]] = {
    task: tuple(sorted(fault.fault_id for fault in CATALOGUE.values() if fault.task_id == task)) for task in TASK_IDS
}
"""The faults that a task may plant, alphabetically."""


def find_fault(fault_id: str) -> Fault:
    """The fault with this id.

    Raises:
        UnknownFaultError: the catalogue has none.
    """
    if fault_id not in CATALOGUE:
        raise UnknownFaultError(fault_id)
    return CATALOGUE[fault_id]


__all__ = ["CATALOGUE", "POOLS", "Fault", "UnknownFaultError", "find_fault"]
