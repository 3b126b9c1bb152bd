"""Reads the new value of a numeric field from a clause: absolute, relative, percent, split ratio, or only a direction."""

from __future__ import annotations

import math
import re
from typing import Literal, NamedTuple

from domain.field import FieldSpec
from domain.reading import concepts
from domain.reading.naming import mask_fields, to_words
from domain.training.pipeline import FieldValue

Direction = Literal["up", "down"]


class Proposed(NamedTuple):
    """What a clause proposes for one field."""

    values: tuple[FieldValue, ...] = ()
    direction: Direction | None = None


_WORD_NUMBERS = {
    "one": 1.0,
    "two": 2.0,
    "three": 3.0,
    "four": 4.0,
    "five": 5.0,
    "ten": 10.0,
    "fifteen": 15.0,
    "twenty": 20.0,
    "fifty": 50.0,
    "sixteen": 16.0,
    "thirty two": 32.0,
    "sixty four": 64.0,
    "hundred": 100.0,
    "a hundred": 100.0,
    "thousand": 1000.0,
}
_FRACTIONS = {
    "half": 0.5,
    "third": 1 / 3,
    "quarter": 0.25,
    "fifth": 0.2,
    "tenth": 0.1,
    "hundredth": 0.01,
    "thousandth": 0.001,
}
_NUMBER = r"\d+(?:\.\d+)?(?:e[-+]?\d+)?|\.\d+"
_TOKEN = re.compile(
    rf"(?P<number>(?<![a-z_])(?:{_NUMBER}))(?P<percent>\s*(?:%|percent\b|per cent\b))?|(?P<word>[a-z]+\d*)|(?P<mark>->|=>|→|=|:|/|-|–|<|≤|~)"
)
_PROPOSES = frozenset(
    "to = : -> => → use using set eg like be say try or between at ≤ below under value of by with exceed most".split()
)
_COUNTED = frozenset("makes causes lets leads gives yields means rows row steps updates points there".split())
"""Words behind a number that was measured or was there before."""
_ASSIGNS = frozenset(("to", "=", ":", "->", "=>", "→", "be"))
_VAGUE = frozenset("about around roughly approximately ~ only just".split())
_DESCRIBES = frozenset("from than currently was were presently had current old exceeds".split())


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
    words = to_words(lowered)
    base = float(present) if isinstance(present, (int, float)) else math.nan
    relative = _relative(lowered, base)
    if relative is not None:
        return Proposed((_rounded(spec, relative),))
    if spec.field == "train_test_split.test_size":
        share = _held_out(lowered)
        if share is not None:
            return Proposed((share,))
    values = tuple(
        _fitting(spec, number) for number in _absolute(lowered, spec, is_subject=is_subject) if number.value != base
    )
    if values:
        return Proposed(values)
    down, up = concepts.DOWN.search(words), concepts.UP.search(words)
    if (down is None) == (up is None):
        return Proposed()
    return Proposed((), "down" if down else "up")


def _fitting(spec: FieldSpec, number: _Number) -> FieldValue:
    value = number.value / 100 if number.is_percent else number.value
    if spec.field.endswith("_size") and spec.type == "number" and value > 1 and spec.high is not None and spec.high < 1:
        value /= 100
    return _rounded(spec, value)


def _rounded(spec: FieldSpec, value: float) -> FieldValue:
    return int(round(value)) if spec.type == "integer" else float(f"{value:.6g}")


def _relative(text: str, base: float) -> float | None:
    """A change stated relative to the present value."""
    if math.isnan(base):
        return None
    for word, size in _WORD_NUMBERS.items():
        text = re.sub(rf"\b{word}\b(?= (?:orders? of|times|fold))", f"{size:g}", text)
    number = rf"({_NUMBER})"
    orders = re.search(rf"\b{number}(?:\s*(?:-|–|to|or)\s*(?:{_NUMBER}))? orders? of magnitude", text)
    down, up = concepts.DOWN.search(to_words(text)), concepts.UP.search(to_words(text))
    if orders and (down or up):
        return float(base * 10.0 ** (-float(orders[1]) if down else float(orders[1])))
    if re.search(r"\ban order of magnitude\b", text) and (down or up):
        return base / 10 if down else base * 10
    divided = re.search(
        rf"\b(?:divid\w+|scal\w+ down|cut)\b[^.;]*?\bby (?:a factor of |about |around |roughly |~)?{number}(?!\s*(?:%|percent))\b",
        text,
    )
    if divided:
        return base / float(divided[1])
    factor = re.search(
        rf"\b(?:factor of|by) (?:about |around |roughly )?{number}\s*(?:x|×)?(?!\s*(?:%|percent|orders|\d|\.))", text
    )
    if (
        factor
        and (down or up)
        and re.search(r"factor|\b(?:reduc|lower|decreas|increas|rais|shrink)\w*\b[^.;]*\bby\b", text)
    ):
        return base / float(factor[1]) if down else base * float(factor[1])
    percent = re.search(
        rf"\b(?:by (?:about |around |roughly )?{number}\s*(?:%|percent)|{number}\s*(?:%|percent) off)", text
    )
    if percent and (down or up or percent[2]):
        share = float(percent[1] or percent[2]) / 100
        return base * (1 - share) if down or percent[2] else base * (1 + share)
    times = re.search(
        rf"{number}\s*(?:times|x|×|-?\s*fold)\s*(smaller|lower|less|larger|higher|bigger|reduction|decrease)", text
    )
    if times:
        return (
            base / float(times[1])
            if times[2] in ("smaller", "lower", "less", "reduction", "decrease")
            else base * float(times[1])
        )
    fraction = re.search(rf"\b(?:a|one|1)[ -]({'|'.join(_FRACTIONS)})\b(?! (?:of the (?:data|rows)|for))", text)
    if (
        fraction
        and re.search(r"\b(?:of (?:its|the|what|that|this)|value|current|present|reduce|cut|lower|to)\b", text)
        and not re.search(r"\bdata\b|training (?:set|rows)", text)
    ):
        return base * _FRACTIONS[fraction[1]]
    over = re.search(r"\b1/(\d+)(?:th|rd|nd)?\b(?!/)", text)
    if over and float(over[1]) > 2:
        return base / float(over[1])
    if re.search(r"\bhalv(?:e|ed|ing)\b|\b(?:in|by) half\b", text):
        return base / 2
    multiplied = re.search(rf"\bmultipl\w+\b[^.;]*?\bby {number}", text)
    return base * float(multiplied[1]) if multiplied else None


def _held_out(text: str) -> float | None:
    """Share held out for testing, from "80/20", "70/15/15" or "80% for training"."""
    three = re.search(r"\b(\d{2})\s*[/:-]\s*(\d{2})\s*[/:-]\s*(\d{2})\b", text)
    if three and sum(int(part) for part in three.groups()) == 100:
        return int(three[3]) / 100
    two = re.search(r"\b(\d{2})\s*[/:]\s*(\d{2})\b", text)
    if two and int(two[1]) + int(two[2]) == 100:
        return min(int(two[1]), int(two[2])) / 100 if "test" not in text[: two.start()] else int(two[2]) / 100
    share = re.search(r"\b(\d{1,2})\s*(?:%|percent|per cent)[^.;\d]{0,30}?\b(train|test|held|hold|evaluat)", text)
    if share:
        return (100 - int(share[1])) / 100 if share[2] == "train" else int(share[1]) / 100
    out = re.search(
        r"\b(?:hold|holding|held|reserv\w+|set aside)(?: out)? (?:only |just |about |around |~)?(\d{1,2})\s*(?:%|percent|per cent)",
        text,
    )
    if out:
        return int(out[1]) / 100
    held = re.search(
        r"\b(?:hold\w*|held|reserv\w+|set aside|keep\w*) (?:out )?(?:only |just |about |around |a |one )?(fifth|quarter|tenth|third)\b",
        text,
    )
    if held:
        return round(_FRACTIONS[held[1]], 4)
    portion = re.search(r"\b(?:a|one) (fifth|quarter|tenth|third)\b", text)
    return round(_FRACTIONS[portion[1]], 4) if portion else None


def _absolute(text: str, spec: FieldSpec, *, is_subject: bool) -> list[_Number]:
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
        if _is_old(tokens, place):
            proposed_before = False
            continue
        status = _status(tokens, place, own, others, in_range=proposed_before, is_subject=is_subject)
        proposed_before = status
        if status:
            found.append(_Number(float(token["number"]), token["percent"] is not None, place))
    return found


def _is_old(tokens: list[re.Match[str]], place: int) -> bool:
    """Whether the number stands before an arrow or "to N": the value that was."""
    ahead = [token[0].strip() for token in tokens[place + 1 : place + 3]]
    if ahead[:1] and ahead[0] in ("->", "=>", "→"):
        return True
    behind = [token[0].strip() for token in tokens[max(0, place - 3) : place]]
    return "from" in behind[-2:] and "to" not in behind[-1:] and ahead[:1] == ["to"]


def _status(
    tokens: list[re.Match[str]], place: int, own: set[str], others: set[str], *, in_range: bool, is_subject: bool
) -> bool:
    behind = [token[0].strip() for token in tokens[max(0, place - 5) : place]][::-1]
    if {token[0] for token in tokens[place + 1 : place + 3]} & _COUNTED:
        return False
    if not behind:
        return is_subject
    if in_range and behind[0] in ("-", "–", "or", "to", "/", "and"):
        return True
    for distance, word in enumerate(behind):
        if word in _VAGUE:
            continue
        if word in _DESCRIBES or (word == "with" and distance == len(behind) - 1):
            return False
        if word == "is" or word in others:
            return False
        if word in _ASSIGNS or (is_subject and (word in _PROPOSES or word in own)):
            return True
    return False
