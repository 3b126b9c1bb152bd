"""The stored form of a graded submission: what was submitted and earned, and nothing that follows from its rubric.

What points are out of, the words of the usual verdicts and penalties, and the Brier score follow from what is stored, by
tables that never change.
"""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from domain.diagnosis import Diagnosis, PatchEntry, Reported
from domain.grade import (
    CONTRADICTING,
    FEW_READS,
    UNMATCHED,
    VERDICT_TEXT,
    Breakdown,
    ComposedBreakdown,
    FixPart,
    Grade,
    GradedEntry,
    Part,
    Penalty,
    brier_of,
    penalty_reason,
)
from domain.rubric import Rubric, rubric_of

_VERDICT_BY_TEXT: Mapping[str, str] = {
    **{sentence: name for name, sentence in VERDICT_TEXT.items()},
    **{sentence + CONTRADICTING: name + "!" for name, sentence in VERDICT_TEXT.items()},
}
_TEXT_BY_VERDICT: Mapping[str, str] = {name: sentence for sentence, name in _VERDICT_BY_TEXT.items()}


class _Stored(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StoredEntry(_Stored):
    """One diagnosis with what it earned."""

    diagnosis: Diagnosis
    """Without the parts that are null."""
    points: tuple[float, float, float, float] | None = None
    """Of category, file, field and fix; null: the entry was matched with no fault."""
    credit: float | None = None
    """Share of the fix points that running the training with the patch granted; null: nothing was run or looked up."""
    verdict: str = "unmatched"
    """Name of a sentence, with ``!`` behind it where the fix repairs another field than was named; else the sentence."""
    read_as: tuple[PatchEntry, ...] | None = None
    """The patch that was read from the edits, the words or the spelling of the fix; null: the diagnosis' own, or none."""
    fault: str | None = None
    """The fault it was matched with, where there may be several; null: none, or there is only one."""


class StoredSubmission(_Stored):
    """The payload of a `submit` event."""

    entries: tuple[StoredEntry, ...]
    """In the order they were submitted; one, but on the expert task none, one or two."""
    missed: tuple[str, ...] | None = None
    """Planted faults that no entry was matched with; null: the task plants exactly one."""
    penalties: tuple[tuple[str, float], ...] = ()
    """Each a name, or a reason in words, and its amount."""
    rubric: str
    """Version of the rubric that the points are of."""
    score: float
    """In [0.01, 0.99], four decimals."""
    reported: Reported | None = None
    """What the client says its investigation cost; null: not said."""
    observation_digest: str


def to_stored(
    diagnoses: tuple[Diagnosis, ...], grade: Grade, reported: Reported | None, observation_digest: str
) -> dict[str, Any]:
    """The payload, as JSON."""
    breakdown = grade.breakdown
    graded: Sequence[Breakdown | GradedEntry] = (
        breakdown.entries if isinstance(breakdown, ComposedBreakdown) else (breakdown,)
    )
    body: dict[str, Any] = {
        "entries": [
            _entry(diagnosis, one, credit)
            for diagnosis, one, credit in zip(diagnoses, graded, grade.credits, strict=True)
        ],
        "rubric": grade.rubric_version,
        "score": grade.score,
        "observation_digest": observation_digest,
    }
    if isinstance(breakdown, ComposedBreakdown):
        body["missed"] = list(breakdown.missed)
    if breakdown.penalties:
        body["penalties"] = [[_name_of(one.reason, grade.rubric_version), one.amount] for one in breakdown.penalties]
    if reported is not None:
        body["reported"] = reported.model_dump(mode="json", exclude_none=True)
    return body


def _as_texts(entry: PatchEntry) -> tuple[str, str, str]:
    return entry.file, entry.field, repr(entry.value)


def _entry(diagnosis: Diagnosis, graded: Breakdown | GradedEntry, credit: float | None) -> dict[str, Any]:
    body: dict[str, Any] = {"diagnosis": without_nulls(diagnosis.model_dump(mode="json"))}
    if isinstance(graded, GradedEntry):
        if graded.fault_id is None:
            return body
        body["fault"] = graded.fault_id
    fix = graded.proposed_fix
    parts = (graded.failure_category, graded.root_cause_file, graded.root_cause_field, fix)
    body["points"] = [part.awarded for part in parts]
    body["verdict"] = _VERDICT_BY_TEXT.get(fix.verdict, fix.verdict)
    if credit is not None:
        body["credit"] = credit
    # With values as texts: in Python 1, 1.0 and True are equal, as values of a patch they are not.
    if list(map(_as_texts, fix.read_as)) != list(map(_as_texts, diagnosis.patch or ())):
        body["read_as"] = [entry.model_dump(mode="json") for entry in fix.read_as]
    return body


def without_nulls(diagnosis: dict[str, Any]) -> dict[str, Any]:
    """A diagnosis without the parts that are missing; the value of a patch may be null."""
    return {name: value for name, value in diagnosis.items() if value is not None}


def _name_of(reason: str, version: str) -> str:
    """The name of a penalty, or its reason where no penalty of this rubric has it."""
    rubric = rubric_of(version)
    names = (FEW_READS, UNMATCHED, *sorted(rubric.low_score_tasks))
    return next((name for name in names if penalty_reason(name, rubric) == reason), reason)


def grade_of(stored: StoredSubmission) -> Grade:
    """The whole grade; raises ``UnknownRubricError``."""
    rubric = rubric_of(stored.rubric)
    penalties = tuple(Penalty(reason=penalty_reason(name, rubric), amount=amount) for name, amount in stored.penalties)
    parts = [_parts(entry, rubric) for entry in stored.entries]
    breakdown: Breakdown | ComposedBreakdown
    if stored.missed is None:
        if len(parts) != 1:
            raise ValueError(f"one diagnosis was asked for, {len(parts)} are recorded")
        breakdown = Breakdown(**parts[0], penalties=penalties)
        are_right = [breakdown.is_right]
    else:
        entries = tuple(
            GradedEntry(fault_id=entry.fault, **each) for entry, each in zip(stored.entries, parts, strict=True)
        )
        breakdown = ComposedBreakdown(entries=entries, missed=stored.missed, penalties=penalties)
        are_right = [one.names_the_cause for one in entries]
    return Grade(
        rubric_version=stored.rubric,
        score=stored.score,
        brier=brier_of([entry.diagnosis.confidence for entry in stored.entries], are_right),
        breakdown=breakdown,
        credits=tuple(entry.credit for entry in stored.entries),
    )


def _parts(entry: StoredEntry, rubric: Rubric) -> dict[str, Any]:
    category, file, field, fix = entry.points or (0.0, 0.0, 0.0, 0.0)
    read_as = entry.read_as if entry.read_as is not None else entry.diagnosis.patch or ()
    return {
        "failure_category": Part(awarded=category, possible=rubric.category_points),
        "root_cause_file": Part(awarded=file, possible=rubric.file_points),
        "root_cause_field": Part(awarded=field, possible=rubric.field_points),
        "proposed_fix": FixPart(
            awarded=fix,
            possible=rubric.fix_points,
            read_as=read_as if entry.points is not None else (),
            verdict=_TEXT_BY_VERDICT.get(entry.verdict, entry.verdict),
        ),
    }


def from_version_2(payload: dict[str, Any]) -> dict[str, Any]:
    """The payload of a single diagnosis as it was stored before: every part with its sentence and what it was out of."""
    grade, verdict, diagnosis = payload["grade"], payload["verdict"], payload["diagnosis"]
    parts, fix = grade["breakdown"], grade["breakdown"]["proposed_fix"]
    entry: dict[str, Any] = {
        "diagnosis": without_nulls(diagnosis),
        "points": [
            parts[name]["awarded"]
            for name in ("failure_category", "root_cause_file", "root_cause_field", "proposed_fix")
        ],
        "verdict": _VERDICT_BY_TEXT.get(fix["verdict"], fix["verdict"]),
    }
    if verdict is not None:
        entry["credit"] = verdict["credit"]
    if fix["read_as"] != (diagnosis["patch"] or []):
        entry["read_as"] = fix["read_as"]
    body: dict[str, Any] = {
        "entries": [entry],
        "rubric": grade["rubric_version"],
        "score": grade["score"],
        "observation_digest": payload["observation_digest"],
    }
    if parts["penalties"]:
        body["penalties"] = [
            [_name_of(one["reason"], grade["rubric_version"]), one["amount"]] for one in parts["penalties"]
        ]
    if payload["reported"] is not None:
        body["reported"] = payload["reported"]
    return body
