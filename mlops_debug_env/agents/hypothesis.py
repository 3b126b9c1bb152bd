"""Hypotheses about one field each, scored by clues in log odds; confidence follows from the lead of the best one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Callable, Iterable, Iterator

from mlops_debug_env.agents.evidence import Evidence
from mlops_debug_env.protocol.actions import Diagnosis, PatchEntry
from mlops_debug_env.protocol.types import ArtifactName, FailureCategory

UNEXPLAINED = 2.0
"""Score of the hypothesis that no rule covers the fault."""


@dataclass(frozen=True, slots=True)
class Clue:
    """One observation for or against a hypothesis."""

    holds: bool | None
    """None: unknown."""
    weight: float
    """Log odds added if it holds."""
    words: str
    against: float = 0.0
    """Log odds subtracted if it does not hold."""

    @property
    def score(self) -> float:
        if self.holds is None:
            return 0.0
        return self.weight if self.holds else -self.against


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """One field has a harmful value; ``value`` would be a harmless one."""

    category: FailureCategory
    file: ArtifactName
    field: str
    value: bool | int | float | str | None
    fix: str
    clues: tuple[Clue, ...]

    @property
    def score(self) -> float:
        return sum(clue.score for clue in self.clues)

    def to_diagnosis(self, confidence: float) -> Diagnosis:
        """The hypothesis as an answer, with the clues that hold as its reasons."""
        reasons = "; ".join(clue.words for clue in self.clues if clue.holds)
        return Diagnosis(
            failure_category=self.category,
            root_cause_file=self.file,
            root_cause_field=self.field,
            diagnosis=f"{self.field} of {self.file} is set to a harmful value: {reasons or 'nothing else fits'}.",
            proposed_fix=self.fix,
            patch=(PatchEntry(file=self.file, field=self.field, value=self.value),),
            confidence=confidence,
        )


Rule = Callable[[Evidence], Iterator[Hypothesis]]


def weigh(rules: Iterable[Rule], evidence: Evidence) -> list[Hypothesis]:
    """The hypotheses of all rules, best first; equal scores in the order of the rules."""
    made = [each for rule in rules for each in rule(evidence)]
    return sorted(made, key=lambda each: -each.score)


def of_each_field(hypotheses: Iterable[Hypothesis]) -> list[Hypothesis]:
    """The best one about each field, in the same order."""
    best: dict[str, Hypothesis] = {}
    for each in hypotheses:
        best.setdefault(each.field, each)
    return list(best.values())


def share_of_best(hypotheses: list[Hypothesis]) -> float:
    """Softmax share of the best hypothesis, in [0, 1], with ``UNEXPLAINED`` among the others."""
    if not hypotheses:
        return 0.0
    best = hypotheses[0].score
    rivals = [each.score for each in hypotheses[1:]] + [UNEXPLAINED]
    return 1.0 / (1.0 + sum(math.exp(min(rival - best, 50.0)) for rival in rivals))
