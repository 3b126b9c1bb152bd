"""Reads the new value of a numeric field from a clause: absolute, relative, percent, split ratio, or only a direction."""

from __future__ import annotations

import math
import re
from typing import Literal, NamedTuple

from domain.fields.field import FieldSpec
from domain.grading.rubric_1 import concepts
from domain.grading.rubric_1.naming import mask_fields, to_words
from domain.grading.rubric_1.ratios import NUMBER, held_out_share, relative_value
from domain.training.pipeline import FieldValue

Direction = Literal["up", "down"]


class Proposed(NamedTuple):
    """What a clause proposes for one field."""

    values: tuple[FieldValue, ...] = ()
    direction: Direction | None = None


_TOKEN = re.compile(
    rf"(?P<number>(?<![a-z_])(?:{NUMBER}))(?P<percent>\s*(?:%|percent\b|per cent\b))?|(?P<word>[a-z]+\d*)|(?P<mark>->|=>|→|=|:|/|-|–|<|≤|~)"
)
_PROPOSAL_WORDS = frozenset(
    "to = : -> => → use using set eg ie like be say try or between at ≤ below under value of by with exceed most least restore give start begin".split()
)
_MEASURED_WORDS = frozenset("makes causes lets leads gives yields means rows row steps updates points there".split())
"""Words that follow a number which was measured or was there before."""
_COUNT_WORDS = {"zero": 0, "eight": 8, "ten": 10, "twelve": 12, "sixteen": 16, "twenty": 20, "thirty": 30}
_COUNT_WORD = re.compile(rf"\b(?:{'|'.join(_COUNT_WORDS)})\b(?! (?:orders?|times|fold))")
_EXCESS_WORDS = frozenset("too far way much".split())
_ASSIGNMENT_WORDS = frozenset(("to", "=", ":", "->", "=>", "→", "be"))
_APPROXIMATION_WORDS = frozenset("about around roughly approximately ~ only just".split())
_OLD_VALUE_WORDS = frozenset("from than currently was were presently had current old exceeds".split())


class _Number(NamedTuple):
    value: float
    is_percent: bool
    place: int


def propose_number(spec: FieldSpec, clause: str, present: FieldValue, *, is_subject: bool) -> Proposed:
    """What `clause` (negated parts already taken out) proposes for `spec`.

    Args:
        spec: a number or integer field.
        clause: raw text.
        present: the field's value now; relative changes start from it.
        is_subject: whether the text as a whole is about this field; another one takes a number only where it is assigned.
    """
    lowered = re.sub(r"(?<=\d),(?=\d{3}\b)", "", clause.lower())
    lowered = _COUNT_WORD.sub(lambda found: str(_COUNT_WORDS[found[0]]), lowered)
    words = to_words(lowered)
    base = float(present) if isinstance(present, (int, float)) else math.nan
    relative = relative_value(lowered, base)
    if relative is not None:
        return Proposed((_rounded(spec, relative),))
    if spec.field == "train_test_split.test_size":
        share = held_out_share(lowered)
        if share is not None:
            return Proposed((share,))
    numbers = _absolute_numbers(lowered, spec, is_subject=is_subject)
    changed = [number for number in numbers if number.value != base]
    if changed or (numbers and concepts.DIRECTIVE.search(words)):  # asking for the value it has is asking, too
        return Proposed(tuple(_in_field_units(spec, number) for number in changed or numbers))
    down, up = concepts.DOWN.search(words), concepts.UP.search(words)
    if (down is None) == (up is None):
        return Proposed()
    return Proposed((), "down" if down else "up")


def _in_field_units(spec: FieldSpec, number: _Number) -> FieldValue:
    value = number.value / 100 if number.is_percent else number.value
    if spec.field.endswith("_size") and spec.type == "number" and value > 1 and spec.high is not None and spec.high < 1:
        value /= 100
    return _rounded(spec, value)


def _rounded(spec: FieldSpec, value: float) -> FieldValue:
    return int(round(value)) if spec.type == "integer" else float(f"{value:.6g}")


def _absolute_numbers(text: str, spec: FieldSpec, *, is_subject: bool) -> list[_Number]:
    """Numbers that are proposed as the new value, in order; what was is left out."""
    tokens = list(_TOKEN.finditer(text))
    own = set(to_words(spec.field).split()) | {word for alias in spec.aliases for word in alias.split()}
    named, _ = mask_fields(to_words(text))
    others = {word for other in named - {spec} for word in to_words(other.field).split()} - own
    found: list[_Number] = []
    proposed_before = False
    for place, token in enumerate(tokens):
        if token["number"] is None:
            continue
        if _is_old_value(tokens, place):
            proposed_before = False
            continue
        is_proposed = _is_proposed(tokens, place, own, others, in_range=proposed_before, is_subject=is_subject)
        proposed_before = is_proposed
        value = float(token["number"])
        if is_proposed and math.isfinite(value):
            found.append(_Number(value, token["percent"] is not None, place))
    return found


def _is_old_value(tokens: list[re.Match[str]], place: int) -> bool:
    """Whether the number stands before an arrow or "to N": the value that was."""
    after = [token[0].strip() for token in tokens[place + 1 : place + 3]]
    if after[:1] and after[0] in ("->", "=>", "→"):
        return True
    before = [token[0].strip() for token in tokens[max(0, place - 3) : place]]
    return "from" in before[-2:] and "to" not in before[-1:] and after[:1] == ["to"]


def _is_proposed(
    tokens: list[re.Match[str]], place: int, own: set[str], others: set[str], *, in_range: bool, is_subject: bool
) -> bool:
    before = [token[0].strip() for token in tokens[max(0, place - 5) : place]][::-1]
    after = [token[0] for token in tokens[place + 1 : place + 3]]
    is_named = len(before) > 1 and before[0] in ("of", "to", "=") and bool(set(before[1:3]) & own) and is_subject
    is_rate = after[1:] in (["per"], ["a"], ["each"])
    if (set(after) & _MEASURED_WORDS and not is_named and not is_rate) or (
        after[:1] == ["is"] and set(after[1:]) & _EXCESS_WORDS
    ):
        return False
    if not before:
        return is_subject
    if in_range and before[0] in ("-", "–", "or", "to", "/", "and"):
        return True
    for distance, word in enumerate(before):
        if word in _APPROXIMATION_WORDS:
            continue
        if word in _OLD_VALUE_WORDS or (word == "with" and distance == len(before) - 1):
            return False
        if word == "is" or word in others:
            return False
        if word in _ASSIGNMENT_WORDS or (is_subject and (word in _PROPOSAL_WORDS or word in own)):
            return True
    return False
