"""What changed since the last good run: the declarations before it, read from the texts with changes.diff undone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from mlops_debug_env.protocol.types import ArtifactName

CHANGES: ArtifactName = "changes.diff"
_SPAN = re.compile(r"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_VERSION = re.compile(r"[\"']?\b(tabular|textkit)[\"']?\s*[:=]+\s*[\"']?(\d+\.\d+)")
_WORD = re.compile(r"\w+")
_CHANGED_LINE = re.compile(r"^([+-])(.*)$", re.MULTILINE)


class Hunk(NamedTuple):
    """One place of a file that a patch changes."""

    file: str
    start: int
    """Line of the changed file, from 1."""
    before: tuple[str, ...]
    after: tuple[str, ...]


def hunks_of(diff: str) -> Iterator[Hunk]:
    """The hunks of all patches of a text, in their order."""
    file, lines = "", iter(diff.splitlines())
    for line in lines:
        if line.startswith("+++ b/"):
            file = line.removeprefix("+++ b/").strip()
        elif span := _SPAN.match(line):
            old, new = int(span[1] or 1), int(span[3] or 1)
            before: list[str] = []
            after: list[str] = []
            while len(before) < old or len(after) < new:
                one = next(lines, None)
                if one is None:
                    return
                if one.startswith("\\"):  # "No newline at end of file" is no line of it
                    continue
                if not one.startswith("+"):
                    before.append(one[1:])
                if not one.startswith("-"):
                    after.append(one[1:])
            yield Hunk(file, int(span[2]), tuple(before), tuple(after))


def undone(texts: Mapping[str, str], diff: str) -> dict[str, str]:
    """The texts before the changes; a hunk that does not fit is left as it is."""
    found = {name: text.splitlines() for name, text in texts.items()}
    for hunk in reversed(list(hunks_of(diff))):
        lines = found.get(hunk.file, [])
        place = hunk.start - 1 if hunk.after else hunk.start
        if tuple(lines[place : place + len(hunk.after)]) == hunk.after:
            lines[place : place + len(hunk.after)] = hunk.before
    return {name: "\n".join(lines) + "\n" for name, lines in found.items()}


def versions_of(diff: str) -> tuple[dict[str, str], dict[str, str]]:
    """Libraries whose version was changed: by path, the version before and after all changes."""
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    for sign, line in _CHANGED_LINE.findall(diff):
        for name, version in _VERSION.findall(line):
            if sign == "-":
                before.setdefault(f"environment.{name}", version)
            else:
                after[f"environment.{name}"] = version
    return before, after


def named_in(diff: str, file: str, names: Mapping[str, tuple[str, ...]]) -> set[str]:
    """Which declarations of a file that was not read are changed: by path, words of a changed line that name one."""
    found = set()
    for hunk in hunks_of(diff):
        if hunk.file == file:
            words = set(_WORD.findall("\n".join(set(hunk.before) ^ set(hunk.after))))
            found |= {path for path, of_path in names.items() if words & set(of_path)}
    return found
