"""How the code of a run writes the values of its fields: names of its own, and whole lines that only one value has."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Iterator

from domain.fields.registry import find
from domain.grading.free_text.clauses import Segment, normalize
from domain.training.artifacts import render_code
from domain.training.artifacts.code.names import SCHEMES
from domain.training.pipeline import FieldValue, Pipeline
from domain.types import ArtifactName

Lines = dict[FieldValue, tuple[str, ...]]
"""By value, without blanks and quotation marks."""
_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*")
_SHORTEST = 6
"""Characters of a line that can be quoted."""


def in_plain_names(text: str, scheme: str) -> str:
    """The text with the names that the code of a run has written as the plainest code has them."""
    names = {own: plain for plain, own in SCHEMES[scheme].items() if "_" in own or own.isupper() and len(own) > 2}
    return _NAME.sub(lambda found: names.get(found[0], found[0]), text)


@lru_cache(maxsize=256)
def code_lines(current: Pipeline, file: ArtifactName, field: str) -> Lines:
    """For each value of a choice in the code the lines that only it has; for other fields nothing."""
    spec = find(file, field)
    if file != "preprocessing.py" or spec.attribute is None or spec.type not in ("choice", "boolean"):
        return {}
    codes = {
        value: frozenset(render_code(current.with_value(spec.attribute, spec.to_pipeline(value))).splitlines())
        for value in ((True, False) if spec.type == "boolean" else spec.choices)
    }
    shared = frozenset.intersection(*codes.values())
    return {
        value: tuple(packed for line in sorted(own - shared) if len(packed := _compact(in_plain_names(line, current.style.names))) >= _SHORTEST)
        for value, own in codes.items()
    }  # fmt: skip


def _compact(text: str) -> str:
    """Normalised, without blanks, commas and quotation marks."""
    return _packed(normalize(text)).removeprefix("return")


def _packed(text: str) -> str:
    return re.sub(r"[\s'\"`&,;\x01\x02]|\breturn\b", "", text)


class Quotes:
    """The segments of a text in one piece, to find lines of code in it."""

    def __init__(self, segments: list[Segment]) -> None:
        self._text, self._ends = "", []
        for segment in segments:
            if segment.role != "join":
                self._text += _packed(segment.text)
                self._ends.append((len(self._text), segment))

    def of(self, lines: tuple[str, ...]) -> Iterator[Segment]:
        """The segments in which one of these lines ends."""
        for line in lines:
            place = self._text.find(line)
            end = place + len(line)
            if place >= 0 and not self._text[end : end + 1].isalnum():
                yield next(segment for last, segment in self._ends if end <= last)
