"""The recorded result of grading one diagnosis: values only. `grader.py` computes them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from domain.actions import PatchEntry
from domain.types import ArtifactName, SanityCheckName


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


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


class Breakdown(_Value):
    """Where the score comes from."""

    failure_category: Part
    root_cause_file: Part
    root_cause_field: Part
    proposed_fix: FixPart
    penalties: tuple[Penalty, ...]


class Grade(_Value):
    """Per-criterion result for one diagnosis."""

    rubric_version: str
    score: float
    """In [0.01, 0.99], four decimals."""
    brier: float | None
    """(confidence - 1 if category, file and field all earned full points else 0) squared; null: no confidence."""
    breakdown: Breakdown
