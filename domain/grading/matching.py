"""Grades what was submitted, whichever the task: one diagnosis against one fault, or a list against what was planted.

Where none, one or two faults may be planted, each entry is graded against each fault as a diagnosis of that one alone, and
the one-to-one match that gives the best score counts.
"""

from __future__ import annotations

from itertools import permutations
from typing import Iterator, Sequence

from domain.diagnosis import Diagnosis
from domain.grade import (
    FEW_READS,
    UNMATCHED,
    VERDICT_TEXT,
    ComposedBreakdown,
    FixPart,
    Grade,
    GradedEntry,
    Investigation,
    Part,
    PatchVerdict,
    Penalty,
    brier_of,
    penalty_reason,
)
from domain.grading.scoring import as_score, credit_of, grade
from domain.rubric import RUBRIC, Rubric
from domain.scenario import Composition, Truth
from domain.types import COMPOSED_TASK, TaskId

Verdicts = Sequence[Sequence[PatchVerdict | None]]
"""For each entry, for each planted fault: of `verify_patch` on the patch of `read_fix`; None where that is empty."""

_Match = tuple[int | None, ...]
"""For each entry the place of the fault it is matched with."""

_PARTS = ("failure_category", "root_cause_file", "root_cause_field", "proposed_fix")
_NO_INVESTIGATION = Investigation(artifacts_read=(), checks_run=(), duplicate_reads=0, refused=0, steps=0)


def grade_diagnoses(
    diagnoses: Sequence[Diagnosis],
    truth: Truth | Composition,
    investigation: Investigation,
    verdicts: Verdicts,
    *,
    task_id: TaskId,
    rubric: Rubric = RUBRIC,
) -> Grade:
    """Grade all that was submitted; raises ``MissingVerdictError`` as `grade` does."""
    if isinstance(truth, Truth):
        ((verdict,),) = verdicts
        return grade(diagnoses[0], truth, investigation, verdict, task_id=task_id, rubric=rubric)
    table = [
        [
            _grade_entry(diagnosis, fault, verdict, rubric)
            for fault, verdict in zip(truth.faults, verdicts_of_entry, strict=True)
        ]
        for diagnosis, verdicts_of_entry in zip(diagnoses, verdicts, strict=True)
    ]
    match = best_match([[entry.points for entry in row] for row in table])
    entries = tuple(
        _unmatched_entry(rubric) if place is None else row[place] for row, place in zip(table, match, strict=True)
    )
    return Grade(
        rubric_version=rubric.version,
        score=_score(entries, truth, investigation, rubric),
        brier=brier_of([diagnosis.confidence for diagnosis in diagnoses], [one.names_the_cause for one in entries]),
        breakdown=ComposedBreakdown(
            entries=entries,
            missed=tuple(fault.fault_id for place, fault in enumerate(truth.faults) if place not in match),
            penalties=_penalties(entries, truth, investigation, rubric),
        ),
        credits=tuple(
            None if place is None else credit_of(diagnosis, truth.faults[place], verdicts[number][place], rubric)
            for number, (diagnosis, place) in enumerate(zip(diagnoses, match, strict=True))
        ),
    )


def best_match(points: Sequence[Sequence[float]]) -> _Match:
    """The one-to-one match of entries (rows) with faults (columns) that scores best.

    An entry that would earn nothing is left unmatched. Of several equally good matches the one counts that leaves fewest
    entries over, then the first: which of two equal entries that is changes no score.
    """

    def rank_of(match: _Match) -> tuple[float, int]:
        earned = [row[place] for row, place in zip(points, match, strict=True) if place is not None]
        return round(sum(earned), 4), len(earned)

    return max(_possible_matches(points), key=rank_of)


def _possible_matches(points: Sequence[Sequence[float]]) -> Iterator[_Match]:
    """Every one-to-one match in which each matched entry earns something."""
    faults = len(points[0]) if points else 0
    places: list[int | None] = [*range(faults), *[None] * len(points)]
    for match in dict.fromkeys(permutations(places, len(points))):
        if all(place is None or row[place] > 0 for row, place in zip(points, match, strict=True)):
            yield match


def _grade_entry(diagnosis: Diagnosis, fault: Truth, verdict: PatchVerdict | None, rubric: Rubric) -> GradedEntry:
    """An entry against one fault: the four parts, without what the investigation costs."""
    parts = grade(diagnosis, fault, _NO_INVESTIGATION, verdict, task_id=COMPOSED_TASK, rubric=rubric).breakdown
    return GradedEntry(fault_id=fault.fault_id, **{name: getattr(parts, name) for name in _PARTS})


def _unmatched_entry(rubric: Rubric) -> GradedEntry:
    return GradedEntry(
        fault_id=None,
        failure_category=Part(awarded=0.0, possible=rubric.category_points),
        root_cause_file=Part(awarded=0.0, possible=rubric.file_points),
        root_cause_field=Part(awarded=0.0, possible=rubric.field_points),
        proposed_fix=FixPart(awarded=0.0, possible=rubric.fix_points, read_as=(), verdict=VERDICT_TEXT["unmatched"]),
    )


def _score(entries: Sequence[GradedEntry], truth: Composition, investigation: Investigation, rubric: Rubric) -> float:
    if not truth.faults:
        return rubric.lowest_score if entries else rubric.highest_score
    if not entries:
        return rubric.lowest_score
    mean = sum(one.points for one in entries) / len(truth.faults)
    return as_score(mean + sum(one.amount for one in _penalties(entries, truth, investigation, rubric)), rubric)


def _penalties(
    entries: Sequence[GradedEntry], truth: Composition, investigation: Investigation, rubric: Rubric
) -> tuple[Penalty, ...]:
    """What is taken off the mean. Nothing where the score is fixed: on a healthy run, and for an empty list."""
    if not truth.faults or not entries:
        return ()
    found = [
        Penalty(reason=penalty_reason(UNMATCHED, rubric), amount=-rubric.unmatched_penalty)
        for one in entries
        if one.fault_id is None
    ]
    if len(investigation.artifacts_read) < rubric.few_reads_below:
        found.append(Penalty(reason=penalty_reason(FEW_READS, rubric), amount=-rubric.few_reads_penalty))
    return tuple(found)
