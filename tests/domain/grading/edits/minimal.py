"""The smallest edit that turns one text into another, written by a program from both texts."""

from __future__ import annotations

import difflib

from domain.diagnosis import TextEdit
from domain.grading.written_run import Declaration, run_of
from domain.scenario import Truth
from domain.types import ArtifactName


def repair(truth: Truth) -> tuple[ArtifactName, str, str]:
    """The file that the true patch changes, as it is shown and as the renderer writes it after the patch."""
    run, (entry,) = run_of(truth), truth.patch
    changes = {Declaration(entry.file, entry.field): entry.value}
    ((file, new),) = [(one, new) for one in run.files if (new := run.rendered(one, changes)) != run.text(one)]
    return file, run.text(file), new


def edits_between(file: str, old: str, new: str) -> tuple[TextEdit, ...]:
    """One edit for each run of changed lines, with as many lines around it as make it occur once."""
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    found = []
    for tag, start, end, other_start, other_end in difflib.SequenceMatcher(
        None, before, after, autojunk=False
    ).get_opcodes():
        if tag == "equal":
            continue
        head, tail = start, end
        while old.count("".join(before[head:tail])) != 1 or head == tail:
            head, tail = max(0, head - 1), min(len(before), tail + (head == 0))
        written = [*before[head:start], *after[other_start:other_end], *before[end:tail]]
        found.append(TextEdit(file=file, find="".join(before[head:tail]), replace="".join(written)))
    return tuple(found)


def unified_diff(file: str, old: str, new: str) -> str:
    """As git writes it."""
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    return "".join(difflib.unified_diff(before, after, f"a/{file}", f"b/{file}"))
