"""The diff of the changes since the last good run: its lines by kind, and which of its changes are guilty.

Rule 1: a change is guilty if it changed what a root cause declares. Of YAML the values at the path are compared, before and after
the commit; of code the tokens that changed must follow the name of the field.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Iterable, Literal, Mapping, Sequence

from domain.episode.query import MISSING, parse_document, query_document
from domain.types import ArtifactName

CHANGES: ArtifactName = "changes.diff"
DiffKind = Literal["add", "del", "hunk", "file", ""]

_HUNK = re.compile(r"@@ -([0-9]+),([0-9]+) \+([0-9]+),([0-9]+) @@")
_TYPES = ("str", "int", "float", "bool", "object", "None", "Final")
"""Words between a name and its value."""
_TOKEN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|-?[0-9][0-9.]*|\S")


@dataclass(frozen=True, slots=True)
class Cause:
    """What a root cause declares, and where."""

    file: ArtifactName
    path: str
    repair: str
    """What would agree with the data, in words."""


@dataclass(frozen=True, slots=True)
class Guilt:
    """Which changes are guilty."""

    lines: frozenset[int]
    """Indexes of lines of the diff."""
    unchanged: tuple[str, ...]
    """Paths of root causes that no change is guilty of: the data changed."""


@dataclass(slots=True)
class _Hunk:
    """One hunk; ``at`` and ``end`` are indexes of lines of the diff."""

    at: int
    end: int
    start: int
    """Index of its first line in the file after the patch."""


@dataclass(slots=True)
class _Patch:
    """The hunks that one commit has in one file."""

    file: str
    file_lines: range
    hunks: list[_Hunk] = field(default_factory=list)


def diff_kinds(lines: Sequence[str]) -> tuple[DiffKind, ...]:
    """The kind of each line of a diff; empty: context, and what stands around the hunks."""
    kinds: list[DiffKind] = [""] * len(lines)
    for patch in _parse(lines):
        for at in patch.file_lines:
            kinds[at] = "file"
        for hunk in patch.hunks:
            kinds[hunk.at] = "hunk"
            for at in range(hunk.at + 1, hunk.end):
                kinds[at] = "add" if lines[at][:1] == "+" else "del" if lines[at][:1] == "-" else ""
    return tuple(kinds)


def guilty_lines(lines: Sequence[str], texts: Mapping[ArtifactName, str], causes: Iterable[Cause]) -> Guilt:
    """The added and removed lines of the guilty changes; ``texts``: the files of the run, to which the diff leads."""
    patches = _parse(lines)
    found: list[int] = []
    innocent: list[str] = []
    for cause in causes:
        own = _changed_lines(lines, patches, texts, cause)
        found += own
        if not own:
            innocent.append(cause.path)
    return Guilt(lines=frozenset(found), unchanged=tuple(innocent))


def _parse(lines: Sequence[str]) -> list[_Patch]:
    patches: list[_Patch] = []
    at = 0
    while at < len(lines):
        header = _HUNK.match(lines[at])
        if lines[at].startswith("--- a/") and lines[at + 1 : at + 2] and lines[at + 1].startswith("+++ b/"):
            patches.append(_Patch(lines[at + 1][6:].strip(), range(at, at + 2)))
            at += 2
        elif header is not None and patches:
            end = _hunk_end(lines, at + 1, int(header[2]), int(header[4]))
            patches[-1].hunks.append(_Hunk(at, end, max(int(header[3]) - (int(header[4]) > 0), 0)))
            at = end
        else:
            at += 1
    return patches


def _hunk_end(lines: Sequence[str], at: int, old: int, new: int) -> int:
    """The index after the last line of a hunk, by its numbers of lines before and after."""
    while at < len(lines) and (old > 0 or new > 0):
        sign = lines[at][:1]
        old -= sign != "+"
        new -= sign != "-"
        at += 1
    return at


def _changed_lines(
    lines: Sequence[str], patches: Sequence[_Patch], texts: Mapping[ArtifactName, str], cause: Cause
) -> list[int]:
    """The changed lines of the patch that changed what a path declares; none: no patch did."""
    text = texts.get(cause.file)
    after = None if text is None else text.splitlines()
    for patch in reversed(patches):
        if patch.file != cause.file:
            continue
        before = None if after is None else _undo(after, lines, patch)
        changed = [at for hunk in patch.hunks for at in range(hunk.at + 1, hunk.end) if lines[at][:1] in ("+", "-")]
        if cause.file.endswith(".yaml"):
            if before is not None and after is not None and _value(before, cause) != _value(after, cause):
                return changed
        elif _names_what_changed([lines[at] for at in changed], cause.path):
            return changed
        after = before
    return []


def _undo(after: list[str], lines: Sequence[str], patch: _Patch) -> list[str] | None:
    """The file before a patch; None: an added line is not where the patch has it."""
    before = list(after)
    for hunk in reversed(patch.hunks):
        place = hunk.start
        for at in range(hunk.at + 1, hunk.end):
            sign, text = lines[at][:1], lines[at][1:]
            if sign == "-":
                before.insert(place, text)
            elif sign == "+":
                if before[place : place + 1] != [text]:
                    return None
                del before[place]
                continue
            place += 1
    return before


def _value(text: Sequence[str], cause: Cause) -> object:
    document = parse_document(cause.file, "\n".join(text) + "\n")
    return MISSING if document is MISSING else query_document(document, cause.path)


def _names_what_changed(changed: Sequence[str], path: str) -> bool:
    """Whether the name before the first token that differs is the field's, or that of the column which it belongs to; or the
    column itself was added or moved."""
    names = tuple(part.lower() for part in path.split(".")[-2:])
    old = _TOKEN.findall("\n".join(line[1:] for line in changed if line[0] == "-"))
    new = _TOKEN.findall("\n".join(line[1:] for line in changed if line[0] == "+"))
    for tag, first, last, start, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        if names[0] in (*old[first:last], *new[start:end]):
            return True
        words = [word.lower() for word in new[:start] if (word[0].isalpha() or word[0] == "_") and word not in _TYPES]
        return bool(words) and any(words[-1] == name or words[-1].endswith(f"_{name}") for name in names)
    return names[0] in old  # the lines are the same at another place
