"""View model of a grade: each criterion with the answer, the truth and the points."""

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
    """One text, or one for each entry of a patch; empty: no answer."""
    truth: tuple[str, ...]
    awarded: float
    possible: float
    verdict: str | None = None
    """One sentence on how the fix was judged; None: another criterion than the fix."""

    @property
    def mark(self) -> str:
        """``full``, ``part`` or ``none``."""
        if self.awarded >= self.possible:
            return "full"
        return "part" if self.awarded > 0 else "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosisView:
    """One diagnosis, beside the fault it was graded against."""

    heading: str | None
    """Number of the entry and the fault it was matched with; None: the task takes a single diagnosis."""
    parts: tuple[GradedPart, ...]
    reasoning: str | None
    """The diagnosis as the agent wrote it."""
    confidence: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeView:
    """A submission and its grade."""

    entries: tuple[DiagnosisView, ...]
    missed: tuple[str, ...]
    """Planted faults that no entry was matched with."""
    penalties: tuple[Penalty, ...]
    brier: float | None
    score: float


def build_grade_view(submitted: DiagnosisSubmitted, truth: Truth | Composition) -> GradeView:
    """The view of a submission's grade."""
    graded, faults = submitted.grade, {one.fault_id: one for one in truth.planted}
    breakdown = graded.breakdown
    if isinstance(breakdown, ComposedBreakdown):
        entries = tuple(
            _entry(
                diagnosis, one, faults.get(one.fault_id or ""), f"Entry {number}: {one.fault_id or 'matches nothing'}"
            )
            for number, (diagnosis, one) in enumerate(zip(submitted.diagnoses, breakdown.entries, strict=True), start=1)
        )
    else:
        entries = (_entry(submitted.diagnoses[0], breakdown, truth.planted[0], None),)
    return GradeView(
        entries=entries,
        missed=breakdown.missed if isinstance(breakdown, ComposedBreakdown) else (),
        penalties=breakdown.penalties,
        brier=graded.brier,
        score=graded.score,
    )


def _entry(
    diagnosis: Diagnosis, points: Breakdown | GradedEntry, truth: Truth | None, heading: str | None
) -> DiagnosisView:
    plain = (
        ("Category", diagnosis.failure_category, truth.failure_category if truth else None, points.failure_category),
        ("File", diagnosis.root_cause_file, truth.root_cause_file if truth else None, points.root_cause_file),
        ("Field", diagnosis.root_cause_field, truth.root_cause_field if truth else None, points.root_cause_field),
    )
    fix = points.proposed_fix
    return DiagnosisView(
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
                answered=_fix(diagnosis, fix.read_as or diagnosis.patch or ()),
                truth=tuple(format_patch(entry) for entry in truth.patch) if truth else (),
                awarded=fix.awarded,
                possible=fix.possible,
                verdict=fix.verdict,
            ),
        ),
        reasoning=diagnosis.diagnosis,
        confidence=diagnosis.confidence,
    )


def _fix(diagnosis: Diagnosis, read_as: tuple[PatchEntry, ...]) -> tuple[str, ...]:
    words = (diagnosis.proposed_fix,) if diagnosis.proposed_fix else ()
    return (*words, *_edits(diagnosis), *(format_patch(entry) for entry in read_as))


def _edits(diagnosis: Diagnosis) -> tuple[str, ...]:
    """Edits as they were sent, before what was read from them."""
    if isinstance(diagnosis.edits, str):
        return (diagnosis.edits,)
    return tuple(f"{edit.file}: replace\n{edit.find}\nby\n{edit.replace}" for edit in diagnosis.edits or ())


def format_patch(entry: PatchEntry) -> str:
    """A patch entry as one line of text."""
    return f"{entry.file}: {entry.field} = {entry.value}"
