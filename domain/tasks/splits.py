"""Which scenarios are for training, for validation and for testing: the numbered tasks of each split. Static data.

A scenario is generated from task, seed and split. The ranges of the three splits never meet, so that a seed of a numbered
task also identifies the split it was numbered in; other seeds belong to no split.

A split's tasks are numbered by going round the three tasks of one fault, seed by seed; behind them come those of none, one or
two faults, so that no number ever meant another task.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Mapping

from domain.types import COMPOSED_TASK, SINGLE_FAULT_TASKS, TASK_IDS, SplitName, TaskId


class UnknownTaskError(Exception):
    """A split has no task of this number, or not this one."""

    def __init__(self, split: SplitName, index: int, but: str = "") -> None:
        super().__init__(f"{split} has no task {index} {but}".rstrip() + f"; it has {SPLITS[split].task_count}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The seeds of one split, the same for every task."""

    first_seed: int
    seed_count: int

    @property
    def task_count(self) -> int:
        return self.seed_count * len(TASK_IDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedTask:
    """One task of a split: what to reset with."""

    split: SplitName
    index: int
    task_id: TaskId
    seed: int


SPLITS: Mapping[SplitName, Split] = MappingProxyType(
    {
        "train": Split(first_seed=0, seed_count=100_000),
        "validation": Split(first_seed=1_000_000, seed_count=1_000),
        "test": Split(first_seed=2_000_000, seed_count=1_000),
    }
)


def numbered_task(split: SplitName, index: int) -> NumberedTask:
    """The task of this number; raises ``UnknownTaskError``."""
    if not 0 <= index < SPLITS[split].task_count:
        raise UnknownTaskError(split, index)
    first, count = SPLITS[split].first_seed, SPLITS[split].seed_count
    seed, which = divmod(index, len(SINGLE_FAULT_TASKS))
    if seed >= count:
        behind = index - count * len(SINGLE_FAULT_TASKS)
        return NumberedTask(split=split, index=index, task_id=COMPOSED_TASK, seed=first + behind)
    return NumberedTask(split=split, index=index, task_id=SINGLE_FAULT_TASKS[which], seed=first + seed)
