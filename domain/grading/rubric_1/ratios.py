"""Reads numbers that are stated relative to something: to the present value, or to the whole of the rows."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import NamedTuple

from domain.grading.rubric_1 import concepts
from domain.grading.rubric_1.naming import to_words

NUMBER = r"\d+(?:\.\d+)?(?:e[-+]?\d+)?|\.\d+"
_N = rf"({NUMBER})"
_PERCENT = r"\s*(?:%|percent\b|per cent\b)"
_APPROXIMATELY = r"(?:about |around |roughly |~)?"
_NUMBER_WORDS = {
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "ten": 10,
    "twenty": 20,
    "fifty": 50,
    "a hundred": 100,
    "hundred": 100,
    "a thousand": 1000,
    "thousand": 1000,
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
_MAX_ORDERS = 12
"""Orders of magnitude; more is no proposal."""


class _Rule(NamedTuple):
    """One way to state a change; the factor divides or multiplies as `direction` or the clause demands."""

    pattern: re.Pattern[str]
    factor: Callable[[re.Match[str]], float]
    direction: str
    """``down``, ``up``, or ``stated``: the clause must state which."""


def _rule(pattern: str, factor: Callable[[re.Match[str]], float], direction: str = "stated") -> _Rule:
    return _Rule(re.compile(pattern), factor, direction)


def _first_number(found: re.Match[str]) -> float:
    return float(found[1])


_RULES = (
    _rule(rf"\b{_N}(?:\s*(?:-|–|to|or)\s*(?:{NUMBER}))? orders? of magnitude", lambda found: 10.0 ** _orders(found)),
    _rule(r"\ban order of magnitude\b", lambda found: 10.0),
    _rule(rf"\bdivid\w+\b[^.;]*?\bby (?:a factor of )?{_APPROXIMATELY}{_N}(?!{_PERCENT})", _first_number, "down"),
    _rule(rf"\bmultipl\w+\b[^.;]*?\bby (?:a factor of )?{_APPROXIMATELY}{_N}(?!{_PERCENT})", _first_number, "up"),
    _rule(rf"\bfactor (?:of )?{_APPROXIMATELY}{_N}", _first_number),
    _rule(rf"\b{_N}\s*(?:x\b|times\b|-?\s*fold\b)", _first_number),
    _rule(rf"\b{_N}{_PERCENT} off\b", lambda found: 1 / max(1e-9, 1 - float(found[1]) / 100), "down"),
    _rule(rf"\bby {_APPROXIMATELY}{_N}{_PERCENT}", lambda found: 1 / max(1e-9, 1 - float(found[1]) / 100)),
    _rule(
        rf"\b(?:reduc|lower|decreas|shrink|cut|scal|increas|rais)\w*\b[^.;]*\bby {_APPROXIMATELY}{_N}\b", _first_number
    ),
    _rule(r"\b1/(\d{1,5})(?:th|rd|nd)?\b(?!/)", _first_number, "down"),
    _rule(r"\bhalv(?:e|ed|ing)\b|\b(?:in|by) half\b", lambda found: 2.0, "down"),
)
_FRACTION = re.compile(
    rf"\b(?:a|one|1)[ -]({'|'.join(_FRACTIONS)})\b(?! (?:of (?:the |all )?(?:data|rows|customers|samples|examples|records|units|table)|for))"
)
_OF_VALUE = re.compile(r"\b(?:of (?:its|the|what|that|this)|value|current|present|reduc\w*|cut|lower\w*|to)\b")
_OF_ROWS = re.compile(r"\bdata\b|training (?:set|rows)")


def _orders(found: re.Match[str]) -> float:
    return min(float(found[1]), _MAX_ORDERS)


def relative_value(text: str, present: float) -> float | None:
    """The value that a lower-case clause proposes relative to the present one; None: it states none."""
    if math.isnan(present):
        return None
    for word, size in _NUMBER_WORDS.items():
        text = re.sub(rf"\b{word}\b(?= (?:orders? of|times|fold)|-fold)|(?<=by ){word}\b", f"{size:g}", text)
    words = to_words(text)
    down, up = concepts.DOWN.search(words), concepts.UP.search(words)
    stated = "down" if down else "up" if up else None
    for rule in _RULES:
        found = rule.pattern.search(text)
        direction = stated if rule.direction == "stated" else rule.direction
        if found is not None and direction is not None:
            return _scaled(present, rule.factor(found), direction)
    fraction = _FRACTION.search(text)
    if fraction and _OF_VALUE.search(text) and not _OF_ROWS.search(text):
        return present * _FRACTIONS[fraction[1]]
    return None


def _scaled(present: float, factor: float, direction: str) -> float | None:
    if not math.isfinite(factor) or factor <= 0:
        return None
    value = present / factor if direction == "down" else present * factor
    return value if math.isfinite(value) else None


_THREE_WAY_SPLIT = re.compile(r"\b(\d{2})\s*[/:-]\s*(\d{2})\s*[/:-]\s*(\d{2})\b")
_TWO_WAY_SPLIT = re.compile(r"\b(\d{2})\s*[/:]\s*(\d{2})\b")
_SHARE = re.compile(
    rf"\b(\d{{1,2}}(?:\.\d+)?){_PERCENT}|\b(0?\.\d+)(?= (?:for|to) (?:the )?(?:train|test|eval|held|hold))"
)
_PART = re.compile(r"train|test|held|hold|reserv|set aside|evaluat")
_PORTION = re.compile(r"\b(?:a|one) (fifth|quarter|tenth|third)\b")
_MAX_DISTANCE = 26
"""Characters between a share and the word that says what it is a share for."""


def held_out_share(text: str) -> float | None:
    """Share of the rows held out for testing, from "80/20", "70/15/15", "80% for training", "a fifth"."""
    three, two = _THREE_WAY_SPLIT.search(text), _TWO_WAY_SPLIT.search(text)
    if three and sum(int(part) for part in three.groups()) == 100:
        return int(three[3]) / 100
    if two and int(two[1]) + int(two[2]) == 100:
        return int(two[2]) / 100 if "test" in text[: two.start()] else min(int(two[1]), int(two[2])) / 100
    shares = {share for found in _SHARE.finditer(text) if (share := _share_for_testing(text, found)) is not None}
    if shares:
        return shares.pop() if len(shares) == 1 else None
    portion = _PORTION.search(text)
    return round(_FRACTIONS[portion[1]], 4) if portion else None


def _share_for_testing(text: str, found: re.Match[str]) -> float | None:
    """What a share means for testing, by the nearest word that says so: one right before it, else one behind."""
    share = float(found[1]) / 100 if found[1] else float(found[2])
    before = re.split(r"\d|\band\b|,", text[max(0, found.start() - _MAX_DISTANCE) : found.start()])[-1]
    after = re.split(r"\d", text[found.end() : found.end() + _MAX_DISTANCE])[0]
    parts = [part[0] for part in _PART.finditer(before)][-1:] or [part[0] for part in _PART.finditer(after)][:1]
    if not parts:
        return None
    return round(1 - share if parts[0] == "train" else share, 6)
