"""Suites: versioned data that says what a ranked round consists of. A suite never changes; a new one has a new name."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Mapping

from domain.chain import canonical, digest_of
from domain.types import TASK_IDS, TaskId


class UnknownSuiteError(LookupError):
    """No suite has this name."""

    def __init__(self, suite_id: str) -> None:
        super().__init__(f"there is no suite {suite_id}; there are {', '.join(sorted(SUITES))}")
        self.suite_id = suite_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """The tasks of a round in their order, and for each task the faults and how often each counts."""

    suite_id: str
    entries: tuple[TaskId, ...]
    """The task of each entry; an agent names entries by their place, from 1."""
    mix: Mapping[TaskId, tuple[str, ...]]
    """A multiset of faults for each task: what an entry of that task is drawn from."""

    def task_of(self, entry: int) -> TaskId:
        """The task of an entry; raises ``UnknownEntryError``."""
        if not 1 <= entry <= len(self.entries):
            raise UnknownEntryError(self.suite_id, entry, len(self.entries))
        return self.entries[entry - 1]

    def weight_of(self, fault_id: str, task_id: TaskId) -> float:
        """Share of the faults of a task."""
        faults = self.mix[task_id]
        return faults.count(fault_id) / len(faults)

    def to_json(self) -> dict[str, Any]:
        """The suite as it is published."""
        mix = {task_id: list(self.mix[task_id]) for task_id in TASK_IDS if task_id in self.mix}
        return {"suite_id": self.suite_id, "entries": list(self.entries), "mix": mix}

    @property
    def digest(self) -> str:
        """What a round records of its suite: 64 hex digits."""
        return digest_of(canonical(self.to_json())).hex()


class UnknownEntryError(LookupError):
    """A suite has no such place."""

    def __init__(self, suite_id: str, entry: int, count: int) -> None:
        super().__init__(f"{suite_id} has entries 1 to {count}, not {entry}")
        self.entry = entry
        self.count = count


RANKED_1 = Suite(
    suite_id="ranked-1",
    entries=("easy", "medium", "hard") * 3,
    mix=MappingProxyType(
        {
            "easy": ("batch_size_overflow", "exploding_lr", "wrong_optimizer"),
            "medium": ("data_leakage_overlap", "data_leakage_scaler", "wrong_split_ratio"),
            "hard": ("label_encoder_mismatch", "silent_metric_swap", "tokenizer_version_drift"),
        }
    ),
)

SUITES: Mapping[str, Suite] = MappingProxyType({suite.suite_id: suite for suite in (RANKED_1,)})


def find_suite(suite_id: str) -> Suite:
    """Raises ``UnknownSuiteError``."""
    if suite_id not in SUITES:
        raise UnknownSuiteError(suite_id)
    return SUITES[suite_id]
