"""Applies edits to texts: an exact string found once and replaced, or the hunks of a unified diff. Changes text, reads nothing.

All edits are found in the file as it is shown, so their order does not matter; two that overlap are refused.
"""

from __future__ import annotations

import re
from typing import Iterable, Mapping, NamedTuple

MAX_HUNKS = 16


class EditError(ValueError):
    """An edit cannot be applied or read; the message says why, in one clause."""


class OverlapError(EditError):
    """Two edits change the same text: neither can be read alone."""


class Replacement(NamedTuple):
    """One place of a file that is replaced."""

    file: str
    """As the agent wrote it."""
    find: str
    replace: str
    line: int | None = None
    """Where a diff says it begins, from 1; None: the text is found once."""


def replaced(text: str, file: str, replacements: Iterable[Replacement]) -> str:
    """The text after replacements that are all found in it; raises ``EditError``."""
    spans = sorted((_place_of(one, text, file), one) for one in replacements)
    for (start, one), (following, _) in zip(spans, spans[1:], strict=False):
        if start + len(one.find) > following:
            raise OverlapError(f"{file}: two edits overlap")
    for start, one in reversed(spans):
        text = text[:start] + one.replace + text[start + len(one.find) :]
    return text


def _place_of(one: Replacement, text: str, file: str) -> int:
    """Where the text to be replaced starts. Of several places that of a diff is the one nearest to its line."""
    places = _places(one.find, text)
    if not places:
        raise EditError(
            f"{file}: the text to be replaced does not occur in the file as it is shown: {_quoted(one.find)}"
        )
    if len(places) == 1:
        return places[0]
    if one.line is None:
        raise EditError(
            f"{file}: the text to be replaced occurs {len(places)} times; give more of it: {_quoted(one.find)}"
        )
    wanted = one.line
    return min(places, key=lambda place: (abs(text.count("\n", 0, place) + 1 - wanted), place))


def _places(find: str, text: str) -> list[int]:
    """Every place that does not overlap the one before."""
    found, place = [], text.find(find)
    while place >= 0:
        found.append(place)
        place = text.find(find, place + len(find))
    return found


def _quoted(text: str) -> str:
    line = next((line.strip() for line in text.splitlines() if line.strip()), text)
    return f"`{line if len(line) <= 60 else line[:60] + '...'}`"


_HUNK = re.compile(r"@@(?: -(\d{1,6})(?:,\d{1,6})? \+\d{1,6}(?:,\d{1,6})? @@.*|.*)")
_NAME = re.compile(r"(?:---|\+\+\+) (?:[ab]/)?([^\t\n]+)")


def replacements_of(diff: str) -> tuple[Replacement, ...]:
    """What a unified diff replaces, a hunk each; raises ``EditError``. Counts of lines are not needed, their texts are."""
    file: str | None = None
    found: list[Replacement] = []
    hunk: list[str] | None = None
    line: int | None = None
    lines = diff.replace("\r\n", "\n").split("\n")
    for at, text in enumerate(lines):
        is_head = text.startswith("--- ") and lines[at + 1 : at + 2] != [] and lines[at + 1].startswith("+++ ")
        start = _HUNK.fullmatch(text) if text.startswith("@@") else None
        if is_head or start or text.startswith(("diff ", "```", "index ")):
            _close(hunk, file, line, found)
            hunk = None
        if start is not None:
            hunk, line = [], int(start[1]) if start[1] else 1
        elif hunk is not None and not (text.startswith("+++ ") and not hunk):
            hunk.append(text)
        elif (name := _NAME.match(text)) is not None and name[1].strip() != "/dev/null":
            file = name[1].strip()
    _close(hunk, file, line, found)
    if not found:
        raise EditError("the edits are no unified diff: no hunk with a changed line could be read")
    return tuple(found)


def _close(hunk: list[str] | None, file: str | None, line: int | None, found: list[Replacement]) -> None:
    if hunk is None:
        return
    if file is None:
        raise EditError("the diff names no file: it needs lines such as --- a/config.yaml and +++ b/config.yaml")
    while hunk and not hunk[-1]:
        hunk.pop()  # a blank line behind the diff
    old = "".join(f"{one[1:]}\n" for one in hunk if one[:1] in ("", " ", "-"))
    new = "".join(f"{one[1:]}\n" for one in hunk if one[:1] in ("", " ", "+"))
    if old == new:
        return
    if not old:
        raise EditError(f"{file}: a hunk that only adds lines needs a line of the file around them")
    found.append(Replacement(file, old, new, line))
    if len(found) > MAX_HUNKS:
        raise EditError(f"the diff has more than {MAX_HUNKS} hunks")


def by_file(replacements: Iterable[Replacement], name_of: Mapping[str, str]) -> dict[str, list[Replacement]]:
    """Replacements by the artifact that each one's file is."""
    found: dict[str, list[Replacement]] = {}
    for one in replacements:
        found.setdefault(name_of[one.file], []).append(one)
    return found
