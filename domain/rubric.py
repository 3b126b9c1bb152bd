"""Rubrics: versioned numbers for rewards and grades. (OpenEnv calls the *callable* a rubric.)"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Mapping

from domain.types import TaskId


@dataclass(frozen=True, slots=True, kw_only=True)
class Rubric:
    """All numbers that turn events into rewards and a diagnosis into a score. Units: points of score."""

    version: str = "1"
    category_points: float = 0.15
    file_points: float = 0.25
    field_points: float = 0.30
    fix_points: float = 0.30
    direction_only_fix_points: float = 0.20
    """Most that a fix in words earns when only its field and the right direction can be read."""
    contradicting_fix_share: float = 2 / 3
    """Share that a fix earns when another field was named as the root cause: else guessing two faults at once would pay."""
    contradicting_words_share: float = 1.0
    """Share that a patch earns when the words beside it propose another change."""
    one_extra_field_share: float = 0.4
    """Share of the field points when one wrong field is named beside the right one; two or more earn nothing."""
    unneeded_entry_share: float = 0.5
    """Share of the fix points when the patch repairs the run but carries an entry it did not need."""
    few_reads_penalty: float = 0.05
    few_reads_below: int = 3
    """Artifacts that must have been read to avoid the penalty."""
    low_score_tasks: frozenset[TaskId] = frozenset({"hard"})
    """Tasks on which half of what is missing to ``low_score_threshold`` is deducted."""
    low_score_threshold: float = 0.70
    low_score_share: float = 0.5
    unmatched_penalty: float = 0.25
    """Where several faults may be planted: for each entry of a diagnosis that no fault is left for, or that earns nothing."""
    lowest_score: float = 0.01
    highest_score: float = 0.99
    new_artifact_reward: float = 0.02
    repeated_read_reward: float = -0.02
    new_check_reward: float = 0.01
    reader: int = 1
    """Which reader reads fixes in words: 1 `domain.grading.rubric_1`, 2 `domain.grading.free_text`. From 2 on, values of a
    patch are read leniently, names count as they stand in the files, and a patch that is not the repair itself is judged by
    the re-run alone."""
    max_steps: Mapping[TaskId, int] = field(
        default_factory=lambda: MappingProxyType({"easy": 20, "medium": 30, "hard": 40, "expert": 50})
    )
    max_experiments: Mapping[TaskId, int] = field(
        default_factory=lambda: MappingProxyType({"easy": 0, "medium": 0, "hard": 0, "expert": 0})
    )
    """Before there were experiments, no task had any."""

    @property
    def reads_meaning(self) -> bool:
        """Whether names, values and verdicts are those of the second reader."""
        return self.reader > 1

    @property
    def low_score_share_in_words(self) -> str:
        return "half" if self.low_score_share == 0.5 else f"{self.low_score_share:.0%}"


class UnknownRubricError(ValueError):
    """The rubric of an episode is not known to this program."""

    def __init__(self, version: str) -> None:
        super().__init__(f"unknown rubric: version {version!r}; this program knows {', '.join(sorted(RUBRICS))}")
        self.version = version


_FIRST = Rubric()
RUBRIC = Rubric(
    version="2",
    contradicting_words_share=2 / 3,
    reader=2,
    max_steps=MappingProxyType({"easy": 20, "medium": 30, "hard": 16, "expert": 16}),
    max_experiments=MappingProxyType({"easy": 1, "medium": 2, "hard": 3, "expert": 3}),
)
"""What new episodes are begun under. What was recorded goes by `rubric_of` its own version."""
RUBRICS: Mapping[str, Rubric] = MappingProxyType({each.version: each for each in (_FIRST, RUBRIC)})
"""Every rubric that an episode was recorded under. One is never changed: a new rubric is a further row."""


def rubric_of(version: str) -> Rubric:
    """The rubric of a recorded version; raises ``UnknownRubricError``."""
    if version not in RUBRICS:
        raise UnknownRubricError(version)
    return RUBRICS[version]
