"""The recorded result of grading one diagnosis: values only. `grader.py` computes them."""

from __future__ import annotations

from types import MappingProxyType
from typing import Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from domain.diagnosis import PatchEntry
from domain.rubric import Rubric
from domain.types import ArtifactName, SanityCheckName


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


VERDICT_TEXT: Mapping[str, str] = MappingProxyType(
    {
        "twin": "The patch gives back the run without the fault.",
        "safe": "The value lies in the range that is known to repair this run.",
        "exact": "The fault rests on one exact value, and this is another one: not run again.",
        "agrees": "The declaration agrees with the data again.",
        "unchanged": "The cause stays as it was.",
        "unread": "No field and new value could be read.",
        "several": "More than one field is to be changed, none to a stated value.",
        "unmatched": "It matches nothing that was planted.",
    }
)
"""Fixed texts of verdicts, by the names they are recorded under. A sentence never changes: that would
change what old episodes are answered with."""
CONTRADICTING = " It repairs another field than the one named as the root cause: two thirds of the points."
"""Note on a fix that repairs another field than was named."""
CONTRADICTING_WORDS = " The words of the fix are wrong: they propose another change: two thirds of the points."
"""Note on a patch that repairs, beside words that propose another change."""
UNREAD_PART = " What could not be read counts as a change that was not needed. Unread:"
"""Begins the note on edits of which only a part could be read."""
_TWO_THIRDS = "two thirds of the points."
NOTES = (*(note.removesuffix(_TWO_THIRDS) for note in (CONTRADICTING, CONTRADICTING_WORDS)), UNREAD_PART)
"""What may stand behind the sentence of a verdict: it follows from the diagnosis, not from the run."""


def with_share(note: str, share: float) -> str:
    """A note with the share of the points that a rubric leaves."""
    return note if share == 2 / 3 else f"{note.removesuffix(_TWO_THIRDS)}{share:.0%} of the points."


def without_notes(verdict: str) -> str:
    """The sentence that a re-run or a table gave."""
    return verdict[: min((at for note in NOTES if (at := verdict.find(note)) >= 0), default=len(verdict))]


class PatchVerdict(_Value):
    """What re-running the training with a patch showed."""

    credit: float
    """Share of the fix points earned: 1, 0.5 (an unneeded second entry) or 0."""
    explanation: str
    """One sentence for the reader of the breakdown."""


class Part(_Value):
    """Points of one criterion."""

    awarded: float
    possible: float


class FixPart(Part):
    """Points of the proposed fix, with what was read and how it was judged."""

    read_as: tuple[PatchEntry, ...]
    """The patch that was judged: the agent's own, or what was read from its words; empty: nothing readable."""
    verdict: str


class Penalty(_Value):
    """Points taken off, and why."""

    reason: str
    amount: float
    """Negative."""


class Investigation(_Value):
    """What the agent had looked at when it submitted."""

    artifacts_read: tuple[ArtifactName, ...]
    """In order of first success."""
    checks_run: tuple[SanityCheckName, ...]
    duplicate_reads: int
    refused: int
    steps: int


class _Parts(_Value):
    failure_category: Part
    root_cause_file: Part
    root_cause_field: Part
    proposed_fix: FixPart

    @property
    def points(self) -> float:
        """What the four parts earned together."""
        parts = (self.failure_category, self.root_cause_file, self.root_cause_field, self.proposed_fix)
        return round(sum(part.awarded for part in parts), 4)

    @property
    def names_the_cause(self) -> bool:
        """Whether category, file and field earned full points: what a confidence is about."""
        parts = (self.failure_category, self.root_cause_file, self.root_cause_field)
        return all(part.awarded == part.possible for part in parts)


class Breakdown(_Parts):
    """Where the score comes from."""

    penalties: tuple[Penalty, ...]

    @property
    def is_right(self) -> bool:
        """Whether the diagnosis named the cause."""
        return self.names_the_cause

    @property
    def is_borne_out(self) -> bool:
        """The outcome that a stated confidence is scored against."""
        return self.names_the_cause


class GradedEntry(_Parts):
    """One entry of a diagnosis of none, one or two faults, graded against the fault it was matched with."""

    fault_id: str | None
    """Null: it matches none of those that were planted."""


class ComposedBreakdown(_Value):
    """Where the score comes from where none, one or two faults may be planted."""

    entries: tuple[GradedEntry, ...]
    """In the order they were submitted."""
    missed: tuple[str, ...]
    """The planted faults that no entry was matched with."""
    penalties: tuple[Penalty, ...]

    @property
    def is_right(self) -> bool:
        """Whether every fault was named, and nothing else was."""
        return not self.missed and all(one.fault_id is not None and one.names_the_cause for one in self.entries)

    @property
    def is_borne_out(self) -> bool:
        """The outcome that a stated confidence is scored against: of a single entry its own, whatever faults are missed."""
        return self.entries[0].names_the_cause if len(self.entries) == 1 else self.is_right


class Grade(_Value):
    """Per-criterion result for one diagnosis."""

    rubric_version: str
    score: float
    """In [0.01, 0.99], four decimals."""
    brier: float | None
    """(confidence - 1 if category, file and field all earned full points else 0) squared, the mean over the entries that
    state one; null: no confidence."""
    breakdown: Breakdown | ComposedBreakdown
    credits: tuple[float | None, ...]
    """For each entry the share of the fix points that its patch earned; null: there was none to run."""

    @property
    def only_breakdown(self) -> Breakdown:
        """Of a diagnosis on a task that plants exactly one fault.

        Raises:
            ValueError: the task may plant none, one or two.
        """
        if isinstance(self.breakdown, Breakdown):
            return self.breakdown
        raise ValueError("the grade is of a list of diagnoses")


FEW_READS = "few_reads"
UNMATCHED = "unmatched"
"""Penalties by the names they are recorded under; on a task that lowers low scores, the task's own name is a third."""


def penalty_reason(name: str, rubric: Rubric) -> str:
    """The reason of a penalty in words; a name that stands for none is a reason already."""
    if name == FEW_READS:
        return f"fewer than {rubric.few_reads_below} artifacts read"
    if name == UNMATCHED:
        return "an entry that matches nothing"
    if name in rubric.low_score_tasks:
        return f"{name}: {rubric.low_score_share_in_words} of what is missing to {rubric.low_score_threshold:.2f}"
    return name


def brier_of(confidences: Sequence[float | None], are_right: Sequence[bool]) -> float | None:
    """Mean Brier score of the confidences that are not None; None where all are."""
    squares = [
        (stated - is_right) ** 2 for stated, is_right in zip(confidences, are_right, strict=True) if stated is not None
    ]
    return round(sum(squares) / len(squares), 4) if squares else None
