"""Determines which lines of each artifact an agent was shown, and at which step for the first time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Iterable, Mapping, Sequence

from domain.episode.query import MISSING, filter_lines, query_lines
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
        return range(len(lines)) if event.log_filter is None else _kept(lines, filter_lines(text, event.log_filter))
    if event.artifact in _LINE_ORIENTED:
        found = query_lines(text, event.field)
        return () if found is MISSING else _kept(lines, found)
    return find_field(lines, event.field)


def _kept(lines: Sequence[str], found: Iterable[str]) -> list[int]:
    # Equal lines match together, so that the kept texts determine their indexes.
    kept = set(found)
    return [at for at, line in enumerate(lines) if line in kept]


@dataclass(frozen=True, slots=True)
class _Block:
    """A range of lines: a key with everything below it."""

    first: int
    end: int
    indent: int


def find_field(lines: Sequence[str], path: str) -> range:
    """The lines of a field of an indented document; if a path ends within a line, that line; empty if there is no such field."""
    return FieldFinder(lines).find(path)


class FieldFinder:
    """Finds the lines of fields of one document. Keeps the children of each block, for the next field."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._indents = [_indent(line) for line in lines]
        self._known: dict[int, list[int]] = {}
        self._blocks: dict[int, _Block] = {}

    def find(self, path: str) -> range:
        """As `find_field`."""
        block = _Block(-1, len(self._lines), -1)
        steps = _INDEX.sub(r".\1", path.strip()).split(".")
        at = 0
        while at < len(steps):
            found, taken = self._child(block, steps[at:])
            if found is None:
                break
            block, at = found, at + taken
        return range(0) if block.first < 0 else range(block.first, block.end)

    def _child(self, parent: _Block, steps: Sequence[str]) -> tuple[_Block | None, int]:
        lines, children = self._lines, self._children(parent)
        if not children:
            return None, 0
        if parent.first < 0 and len(children) == 1 and lines[children[0]].strip() == "{":
            return self._child(_Block(children[0], len(lines), self._indents[children[0]]), steps)
        for taken in range(1, len(steps) + 1):  # a key may contain dots
            name = ".".join(steps[:taken])
            for at in children:
                if _key(lines[at]) == name:
                    return self._block(at), taken
        is_index = steps[0].isascii() and steps[0].isdigit() and len(steps[0]) <= 6
        if is_index and int(steps[0]) < len(children) and _key(lines[children[0]]) is None:
            return self._block(children[int(steps[0])]), 1
        return None, 0

    def _children(self, parent: _Block) -> list[int]:
        """The lines of the least indent inside of a block."""
        known = self._known.get(parent.first)
        if known is None:
            inside = [
                (at, indent)
                for at in range(parent.first + 1, parent.end)
                if (indent := self._indents[at]) > parent.indent and not _closes(self._lines[at])
            ]
            own = min((indent for _, indent in inside), default=0)
            known = self._known[parent.first] = [at for at, indent in inside if indent == own]
        return known

    def _block(self, first: int) -> _Block:
        """The block that a line begins."""
        known = self._blocks.get(first)
        if known is None:
            lines, indents, indent, end = self._lines, self._indents, self._indents[first], first + 1
            while end < len(lines) and indents[end] > indent:
                end += 1
            if end < len(lines) and end > first + 1 and _closes(lines[end]):
                end += 1
            known = self._blocks[first] = _Block(first, end, indent)
        return known


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _closes(line: str) -> bool:
    return line.strip().rstrip(",") in ("}", "]")


def _key(line: str) -> str | None:
    found = _KEY_LINE.match(line)
    if found is None:
        return None
    return found[2] if found[2] is not None else found[3]
