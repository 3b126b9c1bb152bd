"""Filters lines of a text by a keyword or an epoch range. Plain matching in linear time; no pattern of the agent's."""

from __future__ import annotations

import re
from typing import Callable

_EPOCH_FILTER = re.compile(r"epoch:\s*([0-9]{1,9})(?:\s*-\s*([0-9]{1,9}))?")
_EPOCH_OF_LINE = re.compile(r"\bepoch[ =:]*0*([0-9]{1,9})\b")


def normalise_filter(log_filter: str | None) -> str | None:
    """The form in which filters are compared: trimmed, lower-case; None: no filter."""
    return (log_filter.strip().lower() or None) if log_filter is not None else None


def filter_lines(text: str, log_filter: str) -> list[str]:
    """The lines that a filter keeps, in order. ``epoch:3`` and ``epoch:2-5`` keep lines that name such an epoch."""
    wanted = log_filter.strip().lower()
    keeps = _keeps_epochs(wanted) or (lambda line: wanted in line)
    return [line for line in text.split("\n") if line and keeps(line.lower())]


def _keeps_epochs(wanted: str) -> Callable[[str], bool] | None:
    """A predicate for lower-case lines; None: the filter is a plain keyword."""
    parsed = _EPOCH_FILTER.fullmatch(wanted)
    if parsed is None:
        return None
    first = int(parsed[1])
    last = int(parsed[2]) if parsed[2] is not None else first

    def keeps(line: str) -> bool:
        named = _EPOCH_OF_LINE.search(line)
        return named is not None and first <= int(named[1]) <= last

    return keeps
