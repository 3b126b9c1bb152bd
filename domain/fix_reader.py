"""Reads a proposed fix in plain words into a patch, in the registry's own vocabulary. Pure, table-driven, bounded.

A text is cut into clauses. A clause that says what to keep, or what was, proposes nothing; what stands behind "instead of"
or "not" is taken out. What is left proposes a value of the field it names, or of the field named before it. Two or more
values that contradict each other for a choice are a hedge and read as nothing.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from domain import fix_concepts as concepts
from domain.actions import Diagnosis, PatchEntry
from domain.fix_values import Proposed, propose_number
from domain.naming import MASK, fields_named, mask_fields, to_words
from domain.registry import FieldSpec, ValueOutsideFieldError
from domain.scenario import Truth
from domain.training.pipeline import FieldValue, Pipeline

Direction = Literal["up", "down"]
LONGEST_FIX = 600
MOST_ENTRIES = 2


class FixReading(NamedTuple):
    """What a diagnosis proposes to change."""

    patch: tuple[PatchEntry, ...]
    """To be judged as a patch; empty: nothing concrete could be read."""
    leaning: tuple[tuple[FieldSpec, Direction], ...] = ()
    """Numeric fields of which only the direction of change could be read."""


NOTHING = FixReading(())


def read_fix(diagnosis: Diagnosis, truth: Truth) -> FixReading:
    """What to judge: the patch as it stands, else what the words of the fix propose for the run at hand."""
    if diagnosis.patch:
        return FixReading(diagnosis.patch)
    if not diagnosis.proposed_fix:
        return NOTHING
    answered = fields_named(diagnosis.root_cause_field)
    return read_text(diagnosis.proposed_fix, answered, Pipeline.from_json(truth.pipeline))


def read_text(text: str, answered: tuple[FieldSpec, ...], current: Pipeline) -> FixReading:
    """Read a fix in words.

    Args:
        text: at most 600 characters.
        answered: the fields named as the root cause: what "it" means where the text names none.
        current: the pipeline that the fix is proposed for; relative changes start from its values.
    """
    subject = _subject(answered)
    values: dict[FieldSpec, list[FieldValue]] = {}
    leaning: dict[FieldSpec, Direction] = {}
    for clause in _clauses(text[:LONGEST_FIX]):
        named, _ = mask_fields(to_words(clause))
        settable = [spec for spec in named if spec.attribute is not None]
        if not settable and subject is None:
            continue
        specs = _merged(settable) or ([subject] if subject is not None else [])
        words = to_words(clause)
        if concepts.KEEP.search(words) and not re.search(r"->|=>|→", clause):
            continue
        for spec in specs:
            proposed = _propose(spec, clause, current, alone=len(specs) == 1)
            if proposed is None:
                continue
            if proposed.values:
                values.setdefault(spec, []).extend(proposed.values)
            elif proposed.direction and spec not in leaning:
                leaning[spec] = proposed.direction
        if len(settable) == 1:
            subject = settable[0]
    return _settle(values, leaning, current)


def _subject(answered: tuple[FieldSpec, ...]) -> FieldSpec | None:
    merged = _merged(list(answered))
    return merged[0] if len(merged) == 1 else None


def _merged(specs: list[FieldSpec]) -> list[FieldSpec]:
    """Co-fields (two names of one value) count once."""
    seen: dict[str | None, FieldSpec] = {}
    for spec in sorted(specs, key=lambda one: (one.opposite, one.field)):
        seen.setdefault(spec.attribute, spec)
    return list(seen.values())


_CLAUSE = re.compile(
    r"[;\n]+|(?<!\d)(?<!\be\.g)(?<!\bi\.e)[.!?](?=\s|$)|(?<=\d)[.](?=\s|$)|,(?=\s)|\s[–—-]\s"
    r"|\b(?:but|while|whereas|because|since|so that|then|which)\b"
    r"|\band\s+(?=(?:set|use|reduce|lower|decrease|increase|raise|keep|leave|switch|change|add|fit|do|don't|make|train|call|pass|swap|pin|re\w*)\b)",
    re.IGNORECASE,
)


def _clauses(text: str) -> list[str]:
    text = text.replace("’", "'").replace("e.g.", "eg").replace("i.e.", "ie").replace("approx.", "about")
    return [part for part in _CLAUSE.split(text) if part and part.strip()]


def _propose(spec: FieldSpec, clause: str, current: Pipeline, *, alone: bool) -> Proposed | None:
    positive = _positive(clause)
    if spec.attribute is None:
        return None
    present = spec.from_pipeline(current.value(spec.attribute))
    if spec.type in ("number", "integer"):
        return propose_number(spec, positive, present, alone=alone)
    value = _choice(spec, positive, present, current)
    return Proposed((value,), None) if value is not None else None


def _positive(clause: str) -> str:
    """The clause without what it rules out: all that stands behind a negation, up to "and", "to" or "use"."""
    found = re.search(
        r"\b(?:instead of|rather than|as opposed to|not|never|no longer|without|avoid\w*|stop\w*|don't|doesn't|cannot|isn't|shouldn't)\b",
        clause,
        re.IGNORECASE,
    )
    if found is None:
        return clause
    rest = clause[found.end() :]
    back = re.search(r"\b(?:use|to|but|should be)\b|->|→", rest) if found.start() < 3 else None
    return clause[: found.start()] + (rest[back.start() :] if back else "")


def _choice(spec: FieldSpec, positive: str, present: FieldValue, current: Pipeline) -> FieldValue:
    _, left = mask_fields(to_words(positive))
    words = to_words(positive)
    literal = _literal(spec, positive, present)
    if literal is not None:
        return literal
    met = [value for concept, value in concepts.FIELD_CONCEPTS.get(spec.field, ()) if _means(concept, words, left)]
    if len(set(met)) != 1:
        return None
    if met[0] == concepts.AS_TRAINING:
        return current.preprocessing.tokenizer_train
    if met[0] == concepts.OPPOSITE:
        return next(choice for choice in spec.choices if choice != present)
    return met[0]


def _means(concept: str, words: str, left: str) -> bool:
    spoiler = concepts.SPOILERS.get(concept)
    if spoiler is not None and concepts.CONCEPTS[spoiler].search(left):
        return False
    return all(
        concepts.CONCEPTS[part].search(words) is not None or concepts.CONCEPTS[part].search(left) is not None
        for part in concept.split("+")
    )


def _literal(spec: FieldSpec, positive: str, present: FieldValue) -> FieldValue:
    """A choice that is named as such: the last one behind an arrow, "=", ":", "to", "use", "with" or "be"."""
    if spec.type == "boolean":
        return None
    tail = positive
    for mark in ("->", "=>", "→"):
        tail = tail.split(mark)[-1]
    hits = []
    for choice in spec.choices:
        pattern = rf"(?:=\s*|:\s*|\bto\s+|\buse\s+|\busing\s+|\bwith\s+|\bbe\s+|\bof\s+|^\s*)['\"(]*(?:\w+-)*{re.escape(choice)}\b(?!\s*[\[(.=])"
        if re.search(pattern, tail, re.IGNORECASE) and choice != present:
            hits.append(choice)
    if len(hits) == 1 and spec.field not in ("metrics.val_accuracy", "metrics.test_accuracy"):
        return hits[0]
    return None


def _settle(
    values: dict[FieldSpec, list[FieldValue]], leaning: dict[FieldSpec, Direction], current: Pipeline
) -> FixReading:
    entries = []
    for spec, proposed in values.items():
        if spec.attribute is None:
            continue
        present = spec.from_pipeline(current.value(spec.attribute))
        changed = [value for value in proposed if value != present]
        chosen = _chosen(spec, changed, present)
        if chosen is not None:
            entries.append(PatchEntry(file=spec.file, field=spec.field, value=chosen))
    if entries:
        return FixReading(tuple(entries)) if len(entries) <= MOST_ENTRIES else NOTHING
    return FixReading((), tuple(leaning.items()))


def _chosen(spec: FieldSpec, proposed: list[FieldValue], present: FieldValue) -> FieldValue:
    """One value: of several numbers the one nearest to the present value, so that a wide hedge gains nothing."""
    distinct = list(dict.fromkeys(proposed))
    if not distinct:
        return None
    if spec.type not in ("number", "integer"):
        return distinct[0] if len(distinct) == 1 else None
    numbers = [float(value) for value in distinct if isinstance(value, (int, float))]
    base = float(present) if isinstance(present, (int, float)) else 0.0
    nearest = min(numbers, key=lambda value: abs(value - base))
    value: float | int = int(nearest) if spec.type == "integer" and nearest == int(nearest) else nearest
    try:
        spec.to_pipeline(value)
    except ValueOutsideFieldError:
        return None
    return value


__all__ = ["MASK", "NOTHING", "FixReading", "read_fix", "read_text"]
