"""The code of a run in a text: its own names, and lines that only one value of a field has."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import lru_cache
from typing import Iterator

from domain.grading.edits.places import WrittenCode, written
from domain.grading.free_text.clauses import Segment, normalize
from domain.grading.written_run import Declaration, SingleTableRun, WrittenRun
from domain.training.artifacts.code.names import SCHEMES
from domain.training.pipeline import FieldValue

SHORTEST = 6
"""Characters of a line that can be quoted."""
Lines = dict[Declaration, dict[FieldValue, frozenset[str]]]


def in_plain_names(text: str, run: WrittenRun) -> str:
    """The text with the names that the code of a run has written as the plainest code has them."""
    if not isinstance(run, SingleTableRun):
        return text
    scheme = SCHEMES[run.pipeline.style.names]
    names = {own: plain for plain, own in scheme.items() if "_" in own or own.isupper() and len(own) > 2}
    return re.sub(r"(?<![\w.])[A-Za-z_]\w*", lambda found: names.get(found[0], found[0]), text)


@lru_cache(maxsize=64)
def lines_of(run: WrittenRun) -> Lines:
    """For each value of a choice in the code the lines that only it has."""
    found: Lines = defaultdict(dict)
    for code in (written(run, file) for file in run.files if file.endswith(".py")):
        assert isinstance(code, WrittenCode)
        gone: dict[Declaration, list[frozenset[str]]] = defaultdict(list)
        for version in code.versions:
            if not run.is_number(version.declaration):
                found[version.declaration][version.value] = _packed_all(version.new_lines, run)
                gone[version.declaration].append(frozenset(code.shown.lines[line - 1] for line in version.lines))
        for declaration, own in gone.items():
            found[declaration][run.declarations[declaration]] = _packed_all(frozenset.intersection(*own), run)
    return found


def _packed_all(lines: frozenset[str], run: WrittenRun) -> frozenset[str]:
    packed = (_packed(normalize(in_plain_names(line.partition("  #")[0], run))) for line in lines)
    return frozenset(line for line in packed if len(line) >= SHORTEST)


def _packed(text: str) -> str:
    """Without blanks, commas and quotation marks."""
    return re.sub(r"[\s'\"`&,;\x01\x02]|\breturn\b", "", text)


def quoted(lines: frozenset[str], segments: list[Segment]) -> Iterator[Segment]:
    """The segments in which one of these lines ends."""
    parts = [(_packed(segment.text), segment) for segment in segments if segment.role != "join"]
    text = "".join(part for part, _ in parts)
    for line in lines:
        place = text.find(line)
        end = place + len(line)
        is_whole = place >= 0 and not text[end : end + 1].isalnum() and not text[place - 1 : place].isalnum()
        for part, segment in parts if is_whole else ():
            end -= len(part)
            if end <= 0:
                yield segment
                break
