"""The catalogue of faults that can be planted. Adding one is adding one small file and its line here."""

from __future__ import annotations

from domain.faults import data_leakage_scaler, exploding_lr, silent_metric_swap
from domain.faults.fault import Fault, UnknownFaultError
from domain.types import TASK_IDS, TaskId

CATALOGUE: dict[str, Fault] = {
    fault.fault_id: fault
    for fault in (
        exploding_lr.FAULT,
        data_leakage_scaler.FAULT,
        silent_metric_swap.FAULT,
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
