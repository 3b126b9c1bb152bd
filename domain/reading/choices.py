"""Reads the new value of a choice: named as such, held by a constant of the code, meant by words, or quoted as code."""

from __future__ import annotations

import re

from domain.field import FieldSpec
from domain.reading import concepts
from domain.reading.clauses import ARROW
from domain.reading.naming import MASK, mask_fields, to_words
from domain.training.artifacts import render_code
from domain.training.pipeline import FieldValue, Pipeline

_BECOMES = re.compile(rf"{ARROW.pattern}|\bshould (?:be|become|read)\b|\bbecomes\b")
_BEFORE = r"(?:=\s*|:\s*|\b(?:to|use|using|with|be|by)\s+)['\"(]*(?:[\w.]+-)*"
_BEHIND = r"(?![\w\[(.]|\s*[-+*]\s*\d)"
"""A choice that is called, indexed or added to is no choice."""


def propose_choice(spec: FieldSpec, clause: str, present: FieldValue, current: Pipeline) -> FieldValue:
    """The choice that `clause` (what it rules out already taken away) proposes; None: none, or more than one.

    Args:
        spec: a choice or boolean field.
        clause: raw text.
        present: the field's value now.
        current: the pipeline that the fix is proposed for.
    """
    value = _literal(spec, clause, present)
    if value is None:
        value = held_by_a_constant(spec, clause)
    if value is not None:
        return _resolved(spec, value, present, current)
    words = to_words(ARROW.split(clause)[-1])
    _, left = mask_fields(words)
    wanted = concepts.FIELD_CONCEPTS.get(spec.field, ())
    met = {_resolved(spec, choice, present, current) for concept, choice in wanted if _means(concept, words, left)}
    is_told = present in met and not concepts.DIRECTIVE.search(words)  # telling what is, not asking for it
    return met.pop() if len(met) == 1 and not is_told else None


def held_by_a_constant(spec: FieldSpec, clause: str) -> FieldValue:
    """The choice of a constant of preprocessing.py that the clause names, as written there."""
    known = concepts.IDENTIFIERS.get(spec.field)
    if known is None or concepts.CONCEPTS["other"].search(to_words(clause)):
        return None
    pattern, choice = known
    return choice if pattern.search(_BECOMES.split(clause)[-1]) else None


def quoted_choice(spec: FieldSpec, text: str, current: Pipeline) -> FieldValue:
    """The choice whose line of preprocessing.py the text quotes, spaces and quotation marks aside; the last one counts."""
    if spec.type != "choice" or spec.attribute is None or ("=" not in text and "(" not in text):
        return None
    quoted = _bare(text)
    lines = {choice: _code_lines(current, spec, choice) for choice in spec.choices}
    shared = frozenset.intersection(*lines.values())
    places = {choice: max((quoted.rfind(line) for line in lines[choice] - shared), default=-1) for choice in lines}
    last = max(places, key=lambda choice: places[choice])
    return last if places[last] >= 0 else None


def _code_lines(current: Pipeline, spec: FieldSpec, choice: str) -> frozenset[str]:
    changed = current.with_value(spec.attribute or "", spec.to_pipeline(choice))
    return frozenset(_bare(line) for line in render_code(changed).splitlines())


def _bare(text: str) -> str:
    return re.sub(r"[\s'\"`]+|\breturn\b", "", text)


def _literal(spec: FieldSpec, clause: str, present: FieldValue) -> FieldValue:
    """A choice that is named as such: behind an arrow, "=", "to", "use" and the like, or right behind the field."""
    if spec.type == "boolean":
        return None
    tail = _BECOMES.split(clause)[-1]
    named = [choice for choice in spec.choices if _is_named(choice, tail, is_changed=tail != clause)]
    if len(named) != 1 or (named[0] == present and not concepts.DIRECTIVE.search(to_words(clause))):
        return None
    return named[0]


def _is_named(choice: str, tail: str, *, is_changed: bool) -> bool:
    if re.search(_BEFORE + re.escape(choice) + _BEHIND, tail, re.IGNORECASE):
        return True
    _, left = mask_fields(to_words(tail))
    word = to_words(choice)
    if choice.lower() in concepts.PLAIN_WORDS:
        return is_changed and left.startswith(word)
    return f"{MASK}{word.strip()} " in left or (is_changed and word in left)


def _resolved(spec: FieldSpec, value: FieldValue, present: FieldValue, current: Pipeline) -> FieldValue:
    if value == concepts.AS_TRAINING:
        return current.preprocessing.tokenizer_train
    if value == concepts.OPPOSITE:
        return next(choice for choice in spec.choices if choice != present)
    return value


def _means(concept: str, words: str, left: str) -> bool:
    spoiler = concepts.SPOILERS.get(concept)
    if spoiler is not None and concepts.CONCEPTS[spoiler].search(left):
        return False
    return all(
        concepts.CONCEPTS[part].search(words) or concepts.CONCEPTS[part].search(left) for part in concept.split("+")
    )
