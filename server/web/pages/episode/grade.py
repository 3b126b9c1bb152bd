"""The grade of what was submitted, part by part, beside what was answered and what was true."""

from __future__ import annotations

from dataclasses import dataclass

from domain.diagnosis import Diagnosis, PatchEntry
from domain.events import DiagnosisSubmitted
from domain.grade import Breakdown, ComposedBreakdown, GradedEntry, Penalty
from domain.scenario import Composition, Truth


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
class EntryShown:
    """One diagnosis, beside the fault it was held against."""

    heading: str | None
    """Which entry it is and what it was matched with; null: the task asks for one."""
    parts: tuple[GradedPart, ...]
    reasoning: str | None
    """The diagnosis in the agent's words."""
    confidence: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeShown:
    """What was submitted, and its grade."""

    entries: tuple[EntryShown, ...]
    missed: tuple[str, ...]
    """Planted faults that no entry was matched with."""
    penalties: tuple[Penalty, ...]
    brier: float | None
    score: float


def show_grade(submitted: DiagnosisSubmitted, truth: Truth | Composition) -> GradeShown:
    graded, faults = submitted.grade, {one.fault_id: one for one in truth.planted}
    breakdown = graded.breakdown
    if isinstance(breakdown, ComposedBreakdown):
        entries = tuple(
            _entry(said, one, faults.get(one.fault_id or ""), f"Entry {number}: {one.fault_id or 'matches nothing'}")
            for number, (said, one) in enumerate(zip(submitted.diagnoses, breakdown.entries, strict=True), start=1)
        )
    else:
        entries = (_entry(submitted.diagnoses[0], breakdown, truth.planted[0], None),)
    return GradeShown(
        entries=entries,
        missed=breakdown.missed if isinstance(breakdown, ComposedBreakdown) else (),
        penalties=breakdown.penalties,
        brier=graded.brier,
        score=graded.score,
    )


def _entry(said: Diagnosis, points: Breakdown | GradedEntry, truth: Truth | None, heading: str | None) -> EntryShown:
    plain = (
        ("Category", said.failure_category, truth.failure_category if truth else None, points.failure_category),
        ("File", said.root_cause_file, truth.root_cause_file if truth else None, points.root_cause_file),
        ("Field", said.root_cause_field, truth.root_cause_field if truth else None, points.root_cause_field),
    )
    fix = points.proposed_fix
    return EntryShown(
        heading=heading,
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
                answered=_fix(said, fix.read_as or said.patch or ()),
                truth=tuple(format_patch(entry) for entry in truth.patch) if truth else (),
                awarded=fix.awarded,
                possible=fix.possible,
                verdict=fix.verdict,
            ),
        ),
        reasoning=said.diagnosis,
        confidence=said.confidence,
    )


def _fix(said: Diagnosis, read_as: tuple[PatchEntry, ...]) -> tuple[str, ...]:
    words = (said.proposed_fix,) if said.proposed_fix else ()
    return (*words, *(format_patch(entry) for entry in read_as))


def format_patch(entry: PatchEntry) -> str:
    return f"{entry.file}: {entry.field} = {entry.value}"
