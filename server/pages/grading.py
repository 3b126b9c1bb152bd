"""The grade of a diagnosis, part by part, beside what was answered and what was true."""

from __future__ import annotations

from dataclasses import dataclass

from domain.actions import Diagnosis, PatchEntry
from domain.events import DiagnosisSubmitted
from domain.grade import Penalty
from domain.scenario import Truth


@dataclass(frozen=True, slots=True, kw_only=True)
class GradedPart:
    """One criterion."""

    name: str
    answered: tuple[str, ...]
    """One text, or one for each entry of a patch; empty: not answered."""
    truth: tuple[str, ...]
    awarded: float
    possible: float
    verdict: str | None = None
    """One sentence on how the fix was judged; null: it is no fix."""

    @property
    def mark(self) -> str:
        """``full``, ``part`` or ``none``."""
        if self.awarded >= self.possible:
            return "full"
        return "part" if self.awarded > 0 else "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeShown:
    """A diagnosis and its grade."""

    parts: tuple[GradedPart, ...]
    penalties: tuple[Penalty, ...]
    reasoning: str | None
    """The diagnosis in the agent's words."""
    confidence: float | None
    brier: float | None
    score: float


def show_grade(submitted: DiagnosisSubmitted, truth: Truth) -> GradeShown:
    said, graded = submitted.diagnosis, submitted.grade
    points = graded.breakdown
    plain = (
        ("Category", said.failure_category, truth.failure_category, points.failure_category),
        ("File", said.root_cause_file, truth.root_cause_file, points.root_cause_file),
        ("Field", said.root_cause_field, truth.root_cause_field, points.root_cause_field),
    )
    fix = points.proposed_fix
    return GradeShown(
        parts=(
            *(
                GradedPart(
                    name=name,
                    answered=(answer,) if answer else (),
                    truth=(true,) if true else (),
                    awarded=part.awarded,
                    possible=part.possible,
                )
                for name, answer, true, part in plain
            ),
            GradedPart(
                name="Fix",
                answered=_fix(said, fix.read_as),
                truth=tuple(say_patch(entry) for entry in truth.patch),
                awarded=fix.awarded,
                possible=fix.possible,
                verdict=fix.verdict,
            ),
        ),
        penalties=points.penalties,
        reasoning=said.diagnosis,
        confidence=said.confidence,
        brier=graded.brier,
        score=graded.score,
    )


def _fix(said: Diagnosis, read_as: tuple[PatchEntry, ...]) -> tuple[str, ...]:
    words = (said.proposed_fix,) if said.proposed_fix else ()
    return (*words, *(say_patch(entry) for entry in read_as))


def say_patch(entry: PatchEntry) -> str:
    return f"{entry.file}: {entry.field} = {entry.value}"
