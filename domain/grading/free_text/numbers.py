"""The numbers of a segment: as they stand, as shares, and relative to a present value."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import NamedTuple

from domain.grading.free_text.language import FRACTIONS, pattern

_MAX_ORDERS = 12
"""Orders of magnitude; more is no proposal."""


class Number(NamedTuple):
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


@lru_cache(maxsize=1024)
def numbers(text: str) -> tuple[Number, ...]:
    """Absolute numbers and shares of a segment of a normalised text."""
    found = [Number(1 / _parts(each), "share", *each.span()) for each in pattern("fraction").finditer(text)]
    split = pattern("parts").search(text)
    if split and sum(parts := [int(part) for part in split.groups() if part]) == 100:
        found.append(Number((parts[-1] if len(parts) == 3 else min(parts)) / 100, "share", *split.span()))
    for each in pattern("mention").finditer(text):
        value = float(each[1])
        if math.isfinite(value) and not any(each.start() < one.end and one.start < each.end() for one in found):
            found.append(Number(value / 100 if each[2] else value, "percent" if each[2] else "absolute", *each.span()))
    return tuple(found)


def _parts(fraction: re.Match[str]) -> float:
    return FRACTIONS[fraction[1].lower()] if fraction[1] else max(1.0, float(fraction[2]))


def relative(text: str, context: str, present: float) -> Number | None:
    """The value that a segment proposes relative to the present one; its clause, the `context`, may say where it goes."""
    ways = directions(text)
    down, up = ways if any(ways) else directions(context)
    sign = -1 if down else 1
    rules = (
        ("orders", lambda number: 10.0 ** (sign * min(number, _MAX_ORDERS)), down or up),
        ("divide", lambda number: 1 / number, True),
        ("multiply", lambda number: number, True),
        ("factor", lambda number: number**sign, down or up),
        ("by_percent", lambda number: 1 + sign * number / 100, down or up),
        ("half", lambda _: 0.5, True),
        ("double", lambda _: 2.0, True),
    )
    for name, factor, may_apply in rules:
        found = pattern(name).search(text) if may_apply else None
        if found is not None:
            try:
                value = present * factor(float(next((one for one in found.groups() if one), 1)))
            except (ZeroDivisionError, OverflowError):
                return None
            return Number(value, "relative", *found.span()) if math.isfinite(value) and value >= 0 else None
    found = pattern("fraction").search(text) if pattern("of_itself").search(text) else None
    return Number(present / _parts(found), "relative", *found.span()) if found else None
