"""What a diagnosis proposes to change, from its patch, its edits or its words, as one patch in the registry's words."""

from __future__ import annotations

from typing import NamedTuple

from domain.diagnosis import Diagnosis, PatchEntry
from domain.grading import declarations
from domain.grading.edits.reading import read_edits
from domain.grading.entries import declaration_named, patch_meant
from domain.grading.free_text import fixes
from domain.grading.free_text.fixes import DirectionHint, FixReading
from domain.grading.written_run import Declaration, WrittenRun, run_of
from domain.rubric import RUBRIC, Rubric
from domain.scenario import Truth
from domain.training.pipeline import FieldValue


class Reading(NamedTuple):
    """What is to be judged."""

    patch: tuple[PatchEntry, ...]
    """Empty: nothing concrete could be read."""
    direction_hints: tuple[DirectionHint, ...] = ()
    """Numeric fields of which only the direction of change could be read."""
    problems: tuple[str, ...] = ()
    """What of the edits could not be read, in clauses."""

    @property
    def fields(self) -> frozenset[str]:
        """The fields that are changed."""
        hints = (spec.field for spec, _ in self.direction_hints)
        return frozenset(entry.field for entry in self.patch) or frozenset(hints)


def read_fix(diagnosis: Diagnosis, truth: Truth, rubric: Rubric = RUBRIC) -> Reading:
    """What to judge: the patch, else what the edits change, else what the words of the fix propose."""
    if diagnosis.patch:
        if not rubric.reads_meaning:
            return Reading(diagnosis.patch)
        return Reading(patch_meant(run_of(truth), diagnosis.patch))
    problems: tuple[str, ...] = ()
    if diagnosis.edits:
        found = read_edits(diagnosis.edits, run_of(truth))
        if found.patch:
            return Reading(found.patch, problems=found.problems)
        problems = found.problems
    words = read_words(diagnosis, truth, rubric)
    return Reading(words.patch, words.direction_hints, problems)


def read_words(diagnosis: Diagnosis, truth: Truth, rubric: Rubric = RUBRIC) -> FixReading:
    """What the words of the fix propose, whatever patch or edits stand beside them."""
    if rubric.reader > 1 or declarations.is_declared(truth):
        return fixes.read_words(diagnosis, truth)
    # Only episodes of before need it, and it takes a while to import.
    from domain.grading.rubric_1 import fixes as first_reader

    first = first_reader.read_fix(diagnosis.model_copy(update={"patch": None, "edits": None}), truth)
    return FixReading(
        first.patch, tuple((Declaration(spec.file, spec.field), way) for spec, way in first.direction_hints)
    )


def words_contradict(diagnosis: Diagnosis, reading: Reading, truth: Truth, rubric: Rubric = RUBRIC) -> bool:
    """Whether the words of a fix propose another change than the patch or the edits beside them.

    They do where nothing of what they propose agrees: numbers agree that go the same way. What proposes the present value
    proposes nothing.
    """
    if not diagnosis.proposed_fix or not reading.patch or not (diagnosis.patch or diagnosis.edits):
        return False
    words, run = read_words(diagnosis, truth, rubric), run_of(truth)
    changes = {one: entry.value for entry in reading.patch if (one := _declaration(run, entry)) is not None}
    proposed = {one: entry.value for entry in words.patch if (one := _declaration(run, entry)) is not None}
    proposed = {one: value for one, value in proposed.items() if value != run.declarations[one]}
    if proposed:
        return not any(one in changes and _agree(run, one, value, changes[one]) for one, value in proposed.items())
    for spec, direction in words.direction_hints:
        value = changes.get(Declaration(spec.file, spec.field))
        present = run.declarations.get(Declaration(spec.file, spec.field))
        if isinstance(value, (int, float)) and isinstance(present, (int, float)) and value != present:
            return (value > present) != (direction == "up")
    return False


def _declaration(run: WrittenRun, entry: PatchEntry) -> Declaration | None:
    return declaration_named(run, entry.file, entry.field)


def _agree(run: WrittenRun, declaration: Declaration, one: FieldValue, other: FieldValue) -> bool:
    present = run.declarations[declaration]
    numbers = [
        value for value in (one, other, present) if isinstance(value, (int, float)) and not isinstance(value, bool)
    ]
    if run.is_number(declaration) and len(numbers) == 3:
        return (numbers[0] > numbers[2]) == (numbers[1] > numbers[2])
    return one == other or str(one) == str(other)


__all__ = ["Reading", "read_fix", "read_words", "words_contradict"]
