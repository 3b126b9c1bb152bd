"""Formats numbers, times and values for the templates."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any, Callable, Mapping

from markupsafe import Markup, escape

from domain.episode.event_text import end_reason_text

MINUS = "\N{MINUS SIGN}"
NONE = "\N{EN DASH}"
_JOINTS = re.compile(r"(?<=\w)([._])(?=[A-Za-z{])")
_BREAK = Markup("<wbr>")
_WHOLE = 20
"""Characters of a text that fits on a line everywhere."""
_FLAT_LIST = re.compile(r"\[\n[^\[\]{}\"]*\]|\[\n(?:\s*\"[\w.-]*\",?)+\n\s*\]")
"""A list of numbers, or of simple words, that is spread over lines."""


def format_score(score: float | None) -> str:
    """Two decimals: finer differences mean nothing to a reader."""
    return NONE if score is None else f"{score:.2f}"


def format_reward(reward: float | None) -> str:
    """With a sign, or a dash for a reset, which earns nothing."""
    if reward is None:
        return NONE
    sign = MINUS if reward < 0 else "+"
    return f"{sign}{abs(reward):.2f}" if round(reward, 2) == round(reward, 4) else f"{sign}{abs(reward):.4f}"


def format_total(total: float) -> str:
    return f"{MINUS if total < 0 else ''}{abs(total):.2f}"


def format_percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def format_count(count: int) -> str:
    return f"{count:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def format_gap(milliseconds: float | None) -> str:
    """A duration in the unit that suits its length."""
    if milliseconds is None:
        return NONE
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h"


def format_time(recorded_at: str) -> str:
    """A recorded time, to the second, in UTC."""
    return recorded_at[:19].replace("T", " ")


def format_minute(recorded_at: str) -> str:
    """A recorded time, to the minute, in UTC."""
    return recorded_at[:16].replace("T", " ")


def format_clock(recorded_at: str) -> str:
    return recorded_at[11:23]


def format_value(value: Any) -> str:
    """A measured or queried value as JSON, as the agent saw it, with a list of plain values on one line."""
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return "\n".join(value)
    if isinstance(value, str):
        return value
    return _FLAT_LIST.sub(
        lambda found: re.sub(r"\n\s*", " ", found[0]), json.dumps(value, indent=1, ensure_ascii=False)
    )


def format_plain_number(number: float) -> str:
    """At most four digits, as measurements have them."""
    return f"{number:.4g}".replace("-", MINUS)


def breakable(text: str) -> Markup:
    """A text whose long paths may be broken after their dots and underscores."""
    if len(text) <= _WHOLE or "\n" in text:  # of code, every character stands where it was written
        return escape(text)
    return Markup("").join(
        escape(part) if at % 2 == 0 else part + _BREAK for at, part in enumerate(_JOINTS.split(text))
    )


def gap_ms(earlier: str, later: str) -> float | None:
    """Milliseconds between two recorded times; None: one of them is invalid."""
    try:
        return (parse_time(later) - parse_time(earlier)).total_seconds() * 1000
    except ValueError:
        return None


def parse_time(recorded_at: str) -> datetime:
    return datetime.fromisoformat(recorded_at).astimezone(UTC)


FILTERS: Mapping[str, Callable[..., str]] = {
    "score": format_score,
    "reward": format_reward,
    "total": format_total,
    "percent": format_percent,
    "count": format_count,
    "gap": format_gap,
    "time": format_time,
    "minute": format_minute,
    "clock": format_clock,
    "end": end_reason_text,
    "value": format_value,
    "plain": format_plain_number,
    "breakable": breakable,
}
