"""Reads the new value of a choice: named, the value of a constant of the code, expressed in words, or quoted as code."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

from domain.fields.field import FieldSpec
from domain.grading.rubric_1 import concepts
from domain.grading.rubric_1.clauses import ARROW
from domain.grading.rubric_1.naming import MASK, mask_fields, to_words
from domain.training.artifacts import render_code
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.style import PLAIN

_CHANGE = re.compile(rf"{ARROW.pattern}|\bshould (?:be|become|read)\b|\bbecomes\b")
_OLD_VALUE = re.compile(r"\bfrom [^\s,;]+(?= to\b)")
_ASSIGNED = (
    r"(?:=\s*|:\s*|\b(?:to|use|using|with|be|by|load|choose|pick|select|restore)\s+(?:the\s+)?)['\"(]*(?:[\w.]+-)*"
)
_NOT_AN_EXPRESSION = r"(?![\w\[(.=]|\s*[-+*]\s*\d)"
"""An expression that is called, indexed or added to is not a choice."""


def propose_choice(spec: FieldSpec, clause: str, present: FieldValue, current: Pipeline) -> FieldValue:
    """The choice that `clause` (what it rules out already taken away) proposes; None: none, or more than one.

    Args:
        spec: a choice or boolean field.
        clause: raw text.
        present: the field's value now.
        current: the pipeline that the fix is proposed for.
    """
    if ("sorted", "sorted") in concepts.FIELD_CONCEPTS.get(spec.field, ()) and concepts.SORT_REQUEST.search(
        to_words(clause)
    ):
        return "sorted"
    value = _by_name(spec, clause, present)
    if value is None:
        value = choice_of_constant(spec, clause)
    if value is None:
        value = _by_expression(spec, clause, present, current)
    if value is not None:
        return _resolve(spec, value, present, current)
    words = to_words(ARROW.split(clause)[-1])
    _, left = mask_fields(words)
    wanted = concepts.FIELD_CONCEPTS.get(spec.field, ())
    met = {_resolve(spec, choice, present, current) for concept, choice in wanted if _expresses(concept, words, left)}
    is_observation = present in met and not concepts.DIRECTIVE.search(
        words
    )  # it describes the present value and requests nothing
    return met.pop() if len(met) == 1 and not is_observation else None


def choice_of_constant(spec: FieldSpec, clause: str) -> FieldValue:
    """The choice of a constant of preprocessing.py that the clause names, as written there."""
    known = concepts.IDENTIFIERS.get(spec.field)
    words = to_words(clause)
    if known is None or any(concepts.CONCEPTS[name].search(words) for name in ("other", "sorted", "reversed")):
        return None
    pattern, choice = known
    return choice if pattern.search(_CHANGE.split(clause)[-1]) else None


def quoted_choice(spec: FieldSpec, text: str, current: Pipeline) -> FieldValue:
    """The choice whose line of preprocessing.py the text quotes, spaces and quotation marks aside; the last one counts."""
    if not _options(spec) or ("=" not in text and "(" not in text):
        return None
    quoted = _compact(text)
    shown, plain = _distinctive_lines(spec, current), _distinctive_lines(spec, _in_plain_style(current))
    places = {
        choice: max(
            (_position_of_quote(_compact(line), quoted) for line in (*shown[choice], *plain[choice])),
            default=_NOT_QUOTED,
        )
        for choice in shown
    }
    last = max(places, key=lambda choice: places[choice])
    return last if places[last] > _NOT_QUOTED else None


_NOT_QUOTED = (-1, 0)


def _position_of_quote(line: str, text: str) -> tuple[int, int]:
    """Where the line ends in a text that quotes it, and its length: of two that end alike the longer one is quoted."""
    end = r"(?!\w)" if line[-1:].isalnum() else ""
    found = list(re.finditer(rf"(?<![\w,.]){re.escape(line)}{end}", text))
    return (found[-1].end(), len(line)) if found else _NOT_QUOTED


def _options(spec: FieldSpec) -> tuple[str | bool, ...]:
    """The values of a choice or boolean field; none for others."""
    if spec.attribute is None:
        return ()
    return (True, False) if spec.type == "boolean" else spec.choices


@lru_cache(maxsize=512)
def _distinctive_lines(spec: FieldSpec, current: Pipeline) -> dict[str | bool, tuple[str, ...]]:
    """For each value of the field the lines of preprocessing.py that only it has."""
    codes = {
        choice: render_code(current.with_value(spec.attribute or "", spec.to_pipeline(choice))).splitlines()
        for choice in _options(spec)
    }
    shared = frozenset.intersection(*(frozenset(map(_compact, lines)) for lines in codes.values()))
    return {choice: tuple(line for line in lines if _compact(line) not in shared) for choice, lines in codes.items()}


def _by_expression(spec: FieldSpec, clause: str, present: FieldValue, current: Pipeline) -> FieldValue:
    """The value whose expression in preprocessing.py the clause writes, such as ``scaler.transform``."""
    value = _match_expression(_expressions(spec, current), clause, present)
    return (
        value if value is not None else _match_expression(_expressions(spec, _in_plain_style(current)), clause, present)
    )


def _in_plain_style(current: Pipeline) -> Pipeline:
    return replace(current, style=PLAIN)


def _match_expression(expressions: dict[str | bool, str], clause: str, present: FieldValue) -> FieldValue:
    parts = _CHANGE.split(clause)
    found = _find_expressions(expressions, parts[-1])
    if not found and len(parts) > 1 and _find_expressions(expressions, parts[0]):
        found = {choice for choice, expression in expressions.items() if not expression}
    if len(found) != 1 or concepts.CONCEPTS["disable"].search(to_words(clause)):
        return None
    (value,) = found
    return None if value == present and not concepts.DIRECTIVE.search(to_words(clause)) else value


def _find_expressions(expressions: dict[str | bool, str], text: str) -> set[str | bool]:
    """Longest first, since one may be part of another."""
    bare, found = re.sub(r"\s*([^\w\s])\s*", r"\1", _without_quotes(text)), set()
    for choice, expression in sorted(expressions.items(), key=lambda pair: -len(pair[1])):
        if not re.search(r"[(.\[,A-Z]", expression):
            continue
        left = re.sub(rf"(?<![\w.]){re.escape(expression)}(?!\w)", "#", bare)
        if left != bare:
            found.add(choice)
            bare = left
    return found


@lru_cache(maxsize=512)
def _expressions(spec: FieldSpec, current: Pipeline) -> dict[str | bool, str]:
    """For each value of the field what its first own line has that the others' have not."""
    lines = _distinctive_lines(spec, current)
    if not lines or not all(lines.values()):
        return {}
    tokens = {choice: re.findall(r"\w+|[^\w\s]", _without_quotes(own[0])) for choice, own in lines.items()}
    shortest = min(map(len, tokens.values()))
    head = next((n for n in range(shortest) if len({row[n] for row in tokens.values()}) > 1), shortest)
    left = shortest - head
    tail = next((n for n in range(left) if len({row[-1 - n] for row in tokens.values()}) > 1), left)
    return {choice: "".join(row[head : len(row) - tail]) for choice, row in tokens.items()}


def _without_quotes(line: str) -> str:
    return re.sub(r"['\"`]", "", line)


def _compact(text: str) -> str:
    """Without quotation marks, and with blanks only where two words would run together."""
    words = re.sub(r"['\"`]|\breturn\b", " ", text)
    return re.sub(r"\s+", " ", re.sub(r"\s*([^\w\s])\s*", r"\1", words)).strip()


def _by_name(spec: FieldSpec, clause: str, present: FieldValue) -> FieldValue:
    """A choice that is named as such: behind an arrow, "=", "to", "use" and the like, or right behind the field."""
    if spec.type == "boolean":
        return None
    tail = _OLD_VALUE.sub("", _CHANGE.split(clause)[-1])
    named = [choice for choice in spec.choices if _is_named(choice, tail, is_changed=tail != clause)]
    if len(named) != 1 or (named[0] == present and not concepts.DIRECTIVE.search(to_words(clause))):
        return None
    return named[0]


def _is_named(choice: str, tail: str, *, is_changed: bool) -> bool:
    if re.search(_ASSIGNED + re.escape(choice) + _NOT_AN_EXPRESSION, tail, re.IGNORECASE):
        return True
    _, left = mask_fields(to_words(tail))
    word = to_words(choice)
    if choice.lower() in concepts.COMMON_WORDS:
        return is_changed and left.startswith(word)
    return f"{MASK}{word.strip()} " in left or (is_changed and word in left)


def _resolve(spec: FieldSpec, value: FieldValue, present: FieldValue, current: Pipeline) -> FieldValue:
    if value == concepts.AS_TRAINING:
        return current.preprocessing.tokenizer_train
    if value == concepts.OPPOSITE:
        return next(choice for choice in spec.choices if choice != present)
    return value


def _expresses(concept: str, words: str, left: str) -> bool:
    cancelling = concepts.CANCELLED_BY.get(concept)
    if cancelling is not None and concepts.CONCEPTS[cancelling].search(left):
        return False
    return all(
        concepts.CONCEPTS[part].search(words) or concepts.CONCEPTS[part].search(left) for part in concept.split("+")
    )
