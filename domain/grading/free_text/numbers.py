"""The numbers of a segment: as they stand, as shares, and relative to a present value."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import NamedTuple

from domain.grading.free_text.language import FRACTIONS, NUMBERS, pattern

_MAX_ORDERS = 12
"""Orders of magnitude; more is no proposal."""


class Mention(NamedTuple):
    """A number that a text may propose."""

    value: float
    kind: str
    """``absolute``, ``percent``, ``share`` or ``relative``."""
    start: int
    end: int


@lru_cache(maxsize=1024)
def directions(text: str) -> tuple[bool, bool]:
    """Whether a segment says down, and whether it says up."""
    text = pattern("too_little").sub(" raise ", pattern("too_much").sub(" reduce ", text))
    return pattern("down").search(text) is not None, pattern("up").search(text) is not None


def with_digits(text: str) -> str:
    """Number words as digits, and no commas in thousands."""
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    return pattern("number_word").sub(lambda found: f"{NUMBERS[found[1]]:g}", text)


@lru_cache(maxsize=1024)
def mentions(text: str) -> tuple[Mention, ...]:
    """Absolute numbers and shares of a segment (see `with_digits`)."""
    found = [Mention(1 / _parts(each), "share", *each.span()) for each in pattern("fraction").finditer(text)]
    split = pattern("parts").search(text)
    if split and sum(int(part or 0) for part in split.groups()) == 100:
        parts = [int(part) for part in split.groups() if part]
        found.append(Mention((parts[-1] if len(parts) == 3 else min(parts)) / 100, "share", *split.span()))
    for each in pattern("mention").finditer(text):
        value = float(each[1])
        if math.isfinite(value) and not any(each.start() < one.end and one.start < each.end() for one in found):
            found.append(Mention(value / 100 if each[2] else value, "percent" if each[2] else "absolute", *each.span()))
    return tuple(found)


def _parts(fraction: re.Match[str]) -> float:
    return FRACTIONS[fraction[1].lower()] if fraction[1] else max(1.0, float(fraction[2]))


def relative(text: str, context: str, present: float) -> Mention | None:
    """The value that a segment proposes relative to the present one; its clause, the `context`, may say where it goes."""
    down, up = directions(text)
    if not (down or up):
        down, up = directions(context)
    sign = -1.0 if down else 1.0
    rules = (
        ("orders", lambda found: 10.0 ** (sign * min(float(found[1] or 1), _MAX_ORDERS)), down or up),
        ("divide", lambda found: 1 / float(found[1] or found[2]), True),
        ("multiply", lambda found: float(found[1]), True),
        ("factor", lambda found: float(found[1] or found[2] or found[3]) ** sign, down or up),
        ("by_percent", lambda found: 1 + sign * float(found[1] or found[2]) / 100, down or up),
        ("half", lambda found: 0.5, True),
        ("double", lambda found: 2.0, True),
        ("fraction", lambda found: 1 / _parts(found), pattern("of_itself").search(text) is not None),
    )
    for name, factor, may_apply in rules:
        found = pattern(name).search(text) if may_apply else None
        if found is not None:
            try:
                value = present * factor(found)
            except (ZeroDivisionError, OverflowError):
                return None
            return Mention(value, "relative", *found.span()) if math.isfinite(value) and value >= 0 else None
    return None
