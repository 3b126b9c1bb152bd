"""Grades against runs of several sources: which declarations a text names, whether a patch repairs.

A patch repairs where, after it, the broken agreement holds and no other breaks that held before.
"""

from __future__ import annotations

import re

from domain.diagnosis import PatchEntry
from domain.grade import VERDICT_TEXT, PatchVerdict
from domain.rubric import Rubric
from domain.scenario import Truth
from domain.training.multi_source.agreements import broken
from domain.training.multi_source.case import FAMILY, State
from domain.training.multi_source.registry import (
    UnknownFieldError,
    ValueOutsideFieldError,
    resolve,
)
from domain.training.multi_source.run import NoRowsError, holdout_accuracy, simulate
from domain.training.pipeline import FieldValue
from domain.types import ARTIFACT_NAMES

ACCURACY_TOLERANCE = 0.04
"""How far below the repaired run's accuracy on fresh rows one with further changes may lie."""
_WORD = re.compile(r"[a-z0-9]+")


def is_declared(truth: Truth) -> bool:
    """Whether the run is one of several sources."""
    return truth.pipeline.get("family") == FAMILY


def state_of(truth: Truth) -> State:
    """What ran."""
    return State.from_json(truth.pipeline)


def changes_of(state: State, patch: tuple[PatchEntry, ...]) -> dict[str, FieldValue]:
    """Path to new value.

    Raises:
        UnknownFieldError: the run does not declare a field.
        ValueOutsideFieldError: a field cannot take its value, or is given two.
    """
    changes: dict[str, FieldValue] = {}
    for entry in patch:
        spec = resolve(state.layout, entry.file, entry.field)
        value = spec.check(entry.value, state.layout)
        if changes.setdefault(spec.path, value) != value:
            raise ValueOutsideFieldError(spec.path, "one value", entry.value)
    return changes


def verify_patch(truth: Truth, patch: tuple[PatchEntry, ...], *, rubric: Rubric) -> PatchVerdict:
    """Judge a patch."""
    state = state_of(truth)
    try:
        changes = changes_of(state, patch)
    except (UnknownFieldError, ValueOutsideFieldError) as error:
        return PatchVerdict(credit=0.0, explanation=f"{error}.")
    layout, world = state.layout, state.world
    causes = truth.accepted.fields
    touched = {path for path in changes if path in causes and changes[path] != state.declared[path]}
    if not touched:
        return PatchVerdict(credit=0.0, explanation=VERDICT_TEXT["unchanged"])
    patched, before = state.declaring(changes), broken(layout, world, state.declared)
    after = broken(layout, world, patched.declared)
    target = str(truth.root_cause_field)
    if target in after and not _is_left_out(state, target, changes):
        return PatchVerdict(credit=0.0, explanation="The declaration still does not agree with the data.")
    if after - before:
        names = ", ".join(sorted(after - before))
        return PatchVerdict(credit=0.0, explanation=f"{names} would not agree with the data any more.")
    if set(changes) == touched:
        is_twin = all(changes.get(entry.field) == entry.value for entry in truth.patch)
        return PatchVerdict(credit=1.0, explanation=VERDICT_TEXT["twin" if is_twin else "agrees"])
    return _with_further_changes(state, patched, truth, rubric)


def _is_left_out(state: State, target: str, changes: dict[str, FieldValue]) -> bool:
    """Whether the rows that are wrong from some month on are no longer used."""
    last = state.world[target]
    months = state.layout.months
    if last not in months:
        return False
    limit = months.index(str(last)) + 1
    return any(
        path.endswith(".used_until") and value in months and months.index(str(value)) <= limit
        for path, value in changes.items()
    )


def _with_further_changes(state: State, patched: State, truth: Truth, rubric: Rubric) -> PatchVerdict:
    repaired = state.declaring({entry.field: entry.value for entry in truth.patch})
    try:
        accuracy, expected = holdout_accuracy(simulate(patched)), holdout_accuracy(simulate(repaired))
    except NoRowsError:
        return PatchVerdict(credit=0.0, explanation="The patch leaves no row to train on.")
    if accuracy < expected - ACCURACY_TOLERANCE:
        return PatchVerdict(
            credit=0.0,
            explanation=f"Run again with the patch: accuracy on fresh rows is {accuracy:.3f}, {expected:.3f} without the fault.",
        )
    return PatchVerdict(
        credit=rubric.unneeded_entry_share,
        explanation=f"Run again with the patch: accuracy on fresh rows is {accuracy:.3f}, {expected:.3f} without the fault; "
        "the patch changes more than was needed.",
    )


def paths_named(state: State, text: str | None) -> frozenset[str]:
    """The declarations that a text names, by path or by the words of one."""
    if not text:
        return frozenset()
    rest = " " + text + " "
    for file in ARTIFACT_NAMES:
        for mark in (":", "/", "#", "::"):
            rest = rest.replace(f" {file}{mark}", " ")
    rest = normal_text(rest)
    found = set()
    for path in sorted(state.declared, key=len, reverse=True):
        if _place_of(path, rest) is not None:
            found.add(path)
            rest = rest.replace(path, " ")
    return frozenset(found) if found else _by_words(state, text)


def _place_of(path: str, text: str) -> re.Match[str] | None:
    """Where a path stands in a text, and not as a part of a longer one."""
    # A run has some two hundred paths: an expression is compiled for those only that occur at all.
    return re.search(rf"(?<![\w.]){re.escape(path)}(?![\w.]*\w)", text) if path in text else None


def normal_text(text: str) -> str:
    """With dots for brackets and slashes between names."""
    return re.sub(r"(?<=\w)\s*(?:/|->|→|>)\s*(?=\w)", ".", _without_brackets(text))


def _without_brackets(text: str) -> str:
    return re.sub(r"\[\s*['\"]?([\w ]+?)['\"]?\s*\]", r".\1", text)


def _by_words(state: State, text: str) -> frozenset[str]:
    words = set(_WORD.findall(text.lower()))
    fitting = []
    for path in state.declared:
        own = [part for part in _WORD.findall(path.lower()) if part not in ("sources", "columns")]
        if all(part in words for part in own):
            fitting.append((len(own), path))
    longest = max((size for size, _ in fitting), default=0)
    return frozenset(path for size, path in fitting if size == longest)


__all__ = [
    "changes_of",
    "is_declared",
    "paths_named",
    "state_of",
    "verify_patch",
]
