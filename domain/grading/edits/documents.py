"""YAML as data: every scalar with its path and line, read from libyaml's events within fixed bounds.

Nothing is constructed: no tags, no anchors, no aliases, so a small text cannot become a large document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from domain.grading.edits.text import EditError
from domain.training.pipeline import FieldValue

MAX_EVENTS = 4000
MAX_DEPTH = 12
# libyaml parses about ten times as fast; wheels of PyYAML carry it, a source build may not.
_FASTEST: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {
    **dict.fromkeys(("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"), False),
}
_NUMBER = re.compile(r"[-+]?(?:\d[\d_]*)?\.?\d+(?:[eE][-+]?\d{1,3})?|[-+]?\d+\.")

Path = tuple[str, ...]


class Leaf(NamedTuple):
    """A scalar, or a list of scalars joined by commas."""

    value: FieldValue
    line: int
    """From 1."""


def leaves_of(text: str, file: str) -> dict[Path, Leaf]:
    """Path to scalar; the place in a list stands for a key. Raises ``EditError``."""
    reader = _Reader(file)
    try:
        for event in _events(text, file):
            reader.read(event)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = "" if mark is None else f": line {mark.line + 1}"
        raise EditError(f"{file} is no YAML after the edit{place}") from error
    return reader.leaves


def _events(text: str, file: str) -> Iterator[Any]:
    for number, event in enumerate(yaml.parse(text, Loader=_FASTEST)):
        if number > MAX_EVENTS:
            raise EditError(f"{file} is too long after the edit")
        yield event


class _Reader:
    """Follows the events of one document."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._open: list[tuple[bool, list[str]]] = []
        """Of each open collection: whether it is a mapping, and the key or index that its next value has."""
        self._documents = 0
        self.leaves: dict[Path, Leaf] = {}

    def read(self, event: Any) -> None:
        match event:
            case yaml.AliasEvent():
                raise EditError(f"{self._file}: anchors and aliases are not read")
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise EditError(f"{self._file} has more than one document after the edit")
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._begin(event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._open.pop()
                self._next()
            case yaml.ScalarEvent():
                self._scalar(event)

    def _begin(self, event: Any) -> None:
        if event.anchor or event.tag:
            raise EditError(f"{self._file}: anchors and tags are not read")
        if len(self._open) >= MAX_DEPTH:
            raise EditError(f"{self._file} is nested too deeply after the edit")
        if self._open and self._open[-1][0] and not self._open[-1][1]:
            raise EditError(f"{self._file}: a key has to be a word")
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        self._open.append((is_mapping, [] if is_mapping else ["0"]))

    def _scalar(self, event: Any) -> None:
        if event.anchor or event.tag:
            raise EditError(f"{self._file}: anchors and tags are not read")
        line = event.start_mark.line + 1
        if self._open and self._open[-1][0] and not self._open[-1][1]:
            self._open[-1][1].append(event.value)
            return
        path = tuple(key for _, keys in self._open for key in keys)
        if path in self.leaves:
            raise EditError(f"{self._file}: {'.'.join(path)} is given twice")
        value = scalar(event.value) if event.style in (None, "") else str(event.value)
        self.leaves[path] = Leaf(value, line)
        self._next()

    def _next(self) -> None:
        """After a value: a mapping waits for its next key, a list for its next place."""
        if not self._open:
            return
        is_mapping, keys = self._open[-1]
        if is_mapping:
            keys.clear()
        else:
            keys[0] = str(int(keys[0]) + 1)


def scalar(text: str) -> FieldValue:
    """A plain scalar, by YAML 1.1's words for booleans and null and YAML 1.2's numbers."""
    if text in _NULL:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if len(text) <= 40 and _NUMBER.fullmatch(text):
        number = float(text.replace("_", ""))
        return int(number) if number.is_integer() and re.fullmatch(r"[-+]?[\d_]+", text) else number
    return text
