"""Reads a proposed fix in plain words into a patch, in the registry's own vocabulary. Pure, table-driven, bounded.

A text is cut into clauses. A clause about what to keep, or about the old value, proposes nothing; what follows "instead of"
or "not" is taken out. What is left proposes a value of the field it names, or of the field named before it. Two or more
values that contradict each other for a choice are a hedge and read as nothing.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from domain.diagnosis import Diagnosis, PatchEntry
from domain.fields.field import FieldSpec, ValueOutsideFieldError
from domain.grading.rubric_1 import clauses, concepts
from domain.grading.rubric_1.choices import choice_of_constant, propose_choice, quoted_choice
from domain.grading.rubric_1.naming import fields_named, settable_fields, to_words
from domain.grading.rubric_1.numbers import Direction, Proposed, propose_number
from domain.scenario import Truth
from domain.training.pipeline import FieldValue, Pipeline

MAX_FIX_CHARACTERS = 600
MAX_ENTRIES = 2


class FixReading(NamedTuple):
    """What a diagnosis proposes to change."""

    patch: tuple[PatchEntry, ...]
    """To be judged as a patch; empty: nothing concrete could be read."""
    direction_hints: tuple[tuple[FieldSpec, Direction], ...] = ()
    """Numeric fields of which only the direction of change could be read."""


NO_CHANGE = FixReading(())


def read_fix(diagnosis: Diagnosis, truth: Truth) -> FixReading:
    """What to judge: the patch as it stands, else what the words of the fix propose for the run at hand."""
    if diagnosis.patch:
        return FixReading(diagnosis.patch)
    if not diagnosis.proposed_fix:
        return NO_CHANGE
    named_as_cause = fields_named(diagnosis.root_cause_field)
    return read_text(diagnosis.proposed_fix, named_as_cause, Pipeline.from_json(truth.pipeline))


@lru_cache(maxsize=512)
def read_text(text: str, named_as_cause: tuple[FieldSpec, ...], current: Pipeline) -> FixReading:
    """Read a fix in words.

    Args:
        text: at most 600 characters.
        named_as_cause: the fields named as the root cause: what "it" means where the text names none.
        current: the pipeline that the fix is proposed for; relative changes start from its values.
    """
    text = clauses.normalize(text[:MAX_FIX_CHARACTERS])
    parts = clauses.split(text)
    if len(parts) > clauses.MAX_CLAUSES:
        return NO_CHANGE
    reader = _Reader(text, named_as_cause, current)
    for clause in parts:
        reader.read_clause(clause)
    return reader.result()


class _Reader:
    """Goes through the clauses of one text and keeps what they propose."""

    def __init__(self, text: str, named_as_cause: tuple[FieldSpec, ...], current: Pipeline) -> None:
        self._current = current
        merged = _without_cofields(named_as_cause)
        self._subject = merged[0] if len(merged) == 1 else None
        self._values: dict[FieldSpec, list[FieldValue]] = {}
        self._direction_hints: dict[FieldSpec, Direction] = {}
        self._current_direction: Direction | None = None
        """Direction that the clause before proposed for its field."""
        self._is_ruled_out = False
        """Whether the clause before forbade something."""
        self._quoted_attribute: str | None = None
        """Path of the value that a quoted line of code settles."""
        if self._subject is not None:
            quoted = quoted_choice(self._subject, text, current)
            if quoted is not None:
                self._quoted_attribute = self._subject.attribute
                self._values[self._subject] = [quoted]

    def read_clause(self, clause: clauses.Clause) -> None:
        """Read one clause."""
        text, subject = clause.text, self._subject
        named = _target_fields(text, subject)
        if self._is_ruled_out and (clause.is_reason or clause.is_parenthetical):
            return
        if clause.is_reason and named and subject not in named:
            return
        self._is_ruled_out = clauses.is_prohibition(text)
        is_constant = subject is not None and choice_of_constant(subject, text) is not None
        if clauses.keeps_current(text) and not is_constant:
            return
        if self._current_direction is not None and clauses.is_bare_name(text):
            self._direction_hints = {**dict.fromkeys(named, self._current_direction), **self._direction_hints}
            return
        self._current_direction = None
        targets = named
        if subject is not None and subject not in named and (is_constant or not named):
            targets = [subject]
        proposed = False
        for spec in targets:
            if spec.attribute != self._quoted_attribute and (spec == subject or clauses.requests_change(text)):
                found = self._propose(spec, text, is_only=len(targets) == 1)
                self._record(spec, found, ignore_direction=subject in targets and spec != subject)
                proposed |= found != Proposed()
        if subject is not None and subject not in targets and not proposed and self._read_for_subject(subject, text):
            return
        if (
            len(named) == 1
            and not clause.is_reason
            and not is_constant
            and (subject is None or clauses.requests_change(text))
        ):
            self._subject = named[0]

    def _read_for_subject(self, subject: FieldSpec, text: str) -> bool:
        """Whether a request that names other fields, for which it has no value, has one for the subject: then it is kept."""
        if (
            subject.type in ("number", "integer")
            or subject.attribute == self._quoted_attribute
            or not clauses.requests_change(text)
        ):
            return False
        found = self._propose(subject, text, is_only=False)
        self._record(subject, found, ignore_direction=False)
        return bool(found.values)

    def _propose(self, spec: FieldSpec, clause: str, *, is_only: bool) -> Proposed:
        text, present = clauses.without_negated(clause), self._current_value(spec)
        if spec.type in ("number", "integer"):
            proposed = propose_number(spec, text, present, is_subject=is_only or spec == self._subject)
            if proposed.values or not concepts.TO_NULL.search(to_words(text)):
                return proposed
            return Proposed((concepts.NULL,)) if spec.nullable else Proposed((0,)) if spec.low == 0 else proposed
        value = propose_choice(spec, text, present, self._current)
        return Proposed((value,) if value is not None else ())

    def _record(self, spec: FieldSpec, proposed: Proposed, *, ignore_direction: bool) -> None:
        """Record values or a direction. ``ignore_direction``: the clause is about another field, and so is its direction."""
        if proposed.values:
            self._values.setdefault(spec, []).extend(proposed.values)
        elif proposed.direction is not None and not ignore_direction and spec not in self._direction_hints:
            self._direction_hints[spec] = self._current_direction = proposed.direction

    def result(self) -> FixReading:
        """What the text proposes as a whole. A field that is given the value it has counts: it was asked for, unneeded."""
        entries = []
        for spec, proposed in self._values.items():
            chosen = _choose_value(spec, proposed, self._current_value(spec))
            if chosen is not None:
                value = None if chosen == concepts.NULL else chosen
                entries.append(PatchEntry(file=spec.file, field=spec.field, value=value))
        fields = {spec.attribute for spec in (*self._values, *self._direction_hints)}
        if len(fields) > MAX_ENTRIES:
            return NO_CHANGE
        return FixReading(tuple(entries)) if entries else FixReading((), tuple(self._direction_hints.items()))

    def _current_value(self, spec: FieldSpec) -> FieldValue:
        return spec.from_pipeline(self._current.value(spec.attribute or ""))


def _target_fields(clause: str, subject: FieldSpec | None) -> list[FieldSpec]:
    """The fields a clause is about: those left of an assignment, else all it names."""
    for part in (re.split(r"(?<![=<>!])=(?!=)|:(?=\s)", clause)[0], clause):
        settable = _without_cofields(settable_fields(to_words(part), subject))
        if settable:
            return settable
    return []


def _without_cofields(specs: tuple[FieldSpec, ...]) -> list[FieldSpec]:
    """Co-fields (two names of one value) count once."""
    seen: dict[str | None, FieldSpec] = {}
    for spec in sorted(specs, key=lambda one: (one.opposite, one.field)):
        seen.setdefault(spec.attribute, spec)
    return list(seen.values())


def _choose_value(spec: FieldSpec, proposed: list[FieldValue], present: FieldValue) -> FieldValue:
    """One value: of several numbers the one nearest to the present value, so that a wide hedge gains nothing."""
    distinct = list(dict.fromkeys(proposed))
    if spec.type not in ("number", "integer") or concepts.NULL in distinct:
        return distinct[0] if len(distinct) == 1 else None
    numbers = [float(value) for value in distinct if isinstance(value, (int, float))]
    base = float(present) if isinstance(present, (int, float)) else 0.0
    nearest = min((value for value in numbers if value != base), key=lambda value: abs(value - base), default=base)
    value: float | int = int(nearest) if spec.type == "integer" and nearest == int(nearest) else nearest
    try:
        spec.to_pipeline(value)
    except ValueOutsideFieldError:
        return None
    return value
