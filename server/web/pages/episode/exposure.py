"""Determines which lines of each artifact an agent was shown, and at which step for the first time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Iterable, Mapping, Sequence

from domain.episode.query import filter_lines
from domain.events import ArtifactRead, Event, FieldQueried
from domain.types import ArtifactName

_INDEX = re.compile(r"\[([0-9]{1,6})\]")
_KEY_LINE = re.compile(r'(\s*)(?:- )?(?:"((?:[^"\\]|\\.)*)"|([^\s:#]+))\s*:')
_LINE_ORIENTED: tuple[ArtifactName, ...] = ("train.log", "preprocessing.py", "train.py", "changes.diff")
"""Artifacts of which a query returns the matching lines."""

LineExposure = tuple[int | None, ...]
"""For each line of an artifact the step that showed it first; None: no step did."""


def line_exposure(texts: Mapping[ArtifactName, str], events: Sequence[Event]) -> dict[ArtifactName, LineExposure]:
    """The exposure of each artifact, from all events of an episode in order; the reset is step 0."""
    exposure: dict[ArtifactName, list[int | None]] = {name: [None] * len(_lines(text)) for name, text in texts.items()}
    for step, event in enumerate(events):
        if isinstance(event, ArtifactRead | FieldQueried):
            first_steps = exposure[event.artifact]
            for at in _shown_lines(texts[event.artifact], event):
                if first_steps[at] is None:
                    first_steps[at] = step
    return {name: tuple(first_steps) for name, first_steps in exposure.items()}


def _lines(text: str) -> list[str]:
    return text.rstrip("\n").split("\n")


def _shown_lines(text: str, event: ArtifactRead | FieldQueried) -> Iterable[int]:
    """Indexes of the lines that one step showed."""
    lines = _lines(text)
    if isinstance(event, ArtifactRead):
        return range(len(lines)) if event.log_filter is None else _matching(lines, text, event.log_filter)
    if event.artifact in _LINE_ORIENTED:
        return _matching(lines, text, event.field)
    return find_field(lines, event.field)


def _matching(lines: Sequence[str], text: str, keyword: str) -> list[int]:
    # Equal lines match together, so that the kept texts determine their indexes.
    kept = set(filter_lines(text, keyword))
    return [at for at, line in enumerate(lines) if line in kept]


@dataclass(frozen=True, slots=True)
class _Block:
    """A range of lines: a key with everything below it."""

    first: int
    end: int
    indent: int


def find_field(lines: Sequence[str], path: str) -> range:
    """The lines of a field of an indented document; if a path ends within a line, that line; empty if there is no such field."""
    block = _Block(-1, len(lines), -1)
    steps = _INDEX.sub(r".\1", path.strip()).split(".")
    at = 0
    while at < len(steps):
        found, taken = _child(lines, block, steps[at:])
        if found is None:
            break
        block, at = found, at + taken
    return range(0) if block.first < 0 else range(block.first, block.end)


def _child(lines: Sequence[str], parent: _Block, steps: Sequence[str]) -> tuple[_Block | None, int]:
    inside = range(parent.first + 1, parent.end)
    indents = [_indent(lines[at]) for at in inside if _indent(lines[at]) > parent.indent and not _closes(lines[at])]
    if not indents:
        return None, 0
    own = min(indents)
    children = [at for at in inside if _indent(lines[at]) == own and not _closes(lines[at])]
    if parent.first < 0 and len(children) == 1 and lines[children[0]].strip() == "{":
        return _child(lines, _Block(children[0], len(lines), own), steps)
    for taken in range(1, len(steps) + 1):  # a key may contain dots
        name = ".".join(steps[:taken])
        for at in children:
            if _key(lines[at]) == name:
                return _block(lines, at, own), taken
    is_index = steps[0].isascii() and steps[0].isdigit() and len(steps[0]) <= 6
    if is_index and int(steps[0]) < len(children) and _key(lines[children[0]]) is None:
        return _block(lines, children[int(steps[0])], own), 1
    return None, 0


def _block(lines: Sequence[str], first: int, indent: int) -> _Block:
    end = first + 1
    while end < len(lines) and _indent(lines[end]) > indent:
        end += 1
    if end < len(lines) and end > first + 1 and _closes(lines[end]):
        end += 1
    return _Block(first, end, indent)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _closes(line: str) -> bool:
    return line.strip().rstrip(",") in ("}", "]")


def _key(line: str) -> str | None:
    found = _KEY_LINE.match(line)
    if found is None:
        return None
    return found[2] if found[2] is not None else found[3]
