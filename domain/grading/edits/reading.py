"""What edits of a run's files change, in the registry's words.

A YAML file is compared as data: each changed scalar is one declaration. Code is compared, as normalised statements, with what
the renderer writes for other values of the declarations that stand in the file: what equals one of them is that value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import combinations
from typing import NamedTuple

from domain.diagnosis import PatchEntry, TextEdit
from domain.grading.edits.code import Statement, numbers_in
from domain.grading.edits.documents import Leaf, Path, leaves_of
from domain.grading.edits.places import Difference, Version, WrittenCode, WrittenDocument, written
from domain.grading.edits.text import EditError, OverlapError, Replacement, by_file, replaced, replacements_of
from domain.grading.entries import artifact_named, value_meant
from domain.grading.written_run import Declaration, WrittenRun
from domain.training.pipeline import FieldValue
from domain.types import ArtifactName

MAX_ENTRIES = 2
MAX_NUMBERS = 8
"""New numbers of a file that are tried as the value of a declaration."""
MAX_PAIRS = 24
"""Pairs of declarations in one statement that are tried."""


class EditReading(NamedTuple):
    """What edits stand for."""

    patch: tuple[PatchEntry, ...]
    """In the registry's words; empty: nothing was read."""
    problems: tuple[str, ...] = ()
    """What could not be read, in clauses."""


def read_edits(edits: tuple[TextEdit, ...] | str, run: WrittenRun) -> EditReading:
    """Read edits of the files as they are shown; a text is a unified diff."""
    try:
        replacements = _replacements(edits)
        files = by_file(replacements, {one.file: _file_of(one.file, run) for one in replacements})
    except EditError as error:
        return EditReading((), (str(error),))
    patch: dict[Declaration, FieldValue] = {}
    problems: list[str] = []
    for file, own in files.items():
        _read_file(file, own, run, patch, problems)  # type: ignore[arg-type]
    if len(patch) > MAX_ENTRIES:
        return EditReading((), (f"the edits change {len(patch)} fields, {MAX_ENTRIES} at most",))
    entries = (PatchEntry(file=one.file, field=one.field, value=value) for one, value in patch.items())
    return EditReading(tuple(entries), tuple(problems))


def _replacements(edits: tuple[TextEdit, ...] | str) -> tuple[Replacement, ...]:
    if isinstance(edits, str):
        return replacements_of(edits)
    return tuple(Replacement(one.file, one.find, one.replace) for one in edits)


def _file_of(name: str, run: WrittenRun) -> ArtifactName:
    file = artifact_named(name)
    if file is None or file not in run.files:
        raise EditError(f"{name[:60]} is no file that can be edited; {', '.join(run.files)} are")
    return file


def _read_file(
    file: ArtifactName,
    replacements: list[Replacement],
    run: WrittenRun,
    patch: dict[Declaration, FieldValue],
    problems: list[str],
) -> None:
    """Read the edits of a file together, and where that fails, those that can be read alone."""
    try:
        patch |= _changes(file, replacements, run)
        return
    except EditError as error:
        problem = error
    if len(replacements) == 1 or isinstance(problem, OverlapError):
        problems.append(str(problem))
        return
    for one in replacements:
        try:
            patch |= _changes(file, [one], run)
        except EditError as error:
            problems.append(str(error))


def _changes(file: ArtifactName, replacements: list[Replacement], run: WrittenRun) -> Mapping[Declaration, FieldValue]:
    """The declarations that are changed, and their values; raises ``EditError``."""
    text = replaced(run.text(file), file, replacements)
    of = written(run, file)
    if isinstance(of, WrittenDocument):
        return _changes_of_document(of, leaves_of(text, file))
    return _changes_of_code(of, of.shown.statements_of(text))


def _changes_of_document(of: WrittenDocument, after: Mapping[Path, Leaf]) -> Mapping[Declaration, FieldValue]:
    before = of.leaves
    changed = [
        path
        for path in dict.fromkeys((*before, *after))
        if (before[path].value if path in before else ...) != (after[path].value if path in after else ...)
    ]
    found: dict[Declaration, FieldValue] = {}
    for path in changed:
        declaration = of.declaration_at(path)
        if declaration is None:
            raise EditError(f"{of.file}: {'.'.join(path)[:80]} is no field that can be set")
        if declaration not in found:
            found[declaration] = _value_of(of, declaration, after)
    return found


def _value_of(of: WrittenDocument, declaration: Declaration, after: Mapping[Path, Leaf]) -> FieldValue:
    """What a document declares, with the words of a list joined."""
    own = tuple(declaration.field.split("."))
    value: FieldValue
    if own in after:
        value = after[own].value
    else:
        items = [str(leaf.value) for path, leaf in after.items() if path[:-1] == own]
        if not items and not of.run.is_nullable(declaration):
            raise EditError(f"{of.file}: {declaration.field} is missing after the edit")
        value = ", ".join(items) if items else None
    try:
        return value_meant(of.run, declaration, value)
    except ValueError as error:
        raise EditError(str(error)) from error


def _changes_of_code(of: WrittenCode, after: tuple[Statement, ...]) -> Mapping[Declaration, FieldValue]:
    difference = Difference.between(of.shown.statements, after)
    if after == of.shown.statements:
        return {}
    fitting = [
        version
        for version in _versions(of, difference)
        if version.difference.removed <= difference.removed and (version.difference.removed or version.difference.added)
    ]
    for version in fitting:
        if version.statements == after:
            return {version.declaration: version.value}
    for one, other in _pairs(fitting, difference):
        changes = {one.declaration: one.value, other.declaration: other.value}
        if of.shown.statements_of(of.run.rendered(of.file, changes)) == after:
            return changes
    raise EditError(f"{of.file}: the edited code is what no value of a field gives{_example(difference.added)}")


def _versions(of: WrittenCode, difference: Difference) -> list[Version]:
    """Those of the run, and for each number the values that the edit writes."""
    found = []
    new = numbers_in(tuple(difference.added))[:MAX_NUMBERS]
    for version in of.versions:
        if not of.run.is_number(version.declaration):
            found.append(version)
        elif version.difference.removed & difference.removed:
            found += [of.version(version.declaration, value) for value in _possible(of, version.declaration, new)]
    return found


def _possible(of: WrittenCode, declaration: Declaration, numbers: tuple[float, ...]) -> list[FieldValue]:
    found: list[FieldValue] = []
    for number in numbers:
        try:
            value = of.run.checked(declaration, number)
        except ValueError:
            continue
        if value != of.run.declarations[declaration]:
            found.append(value)
    return found


def _pairs(versions: list[Version], difference: Difference) -> list[tuple[Version, Version]]:
    """Two declarations that together make up the difference: exactly, else in one statement."""
    pairs = [(one, two) for one, two in combinations(versions, 2) if one.declaration != two.declaration]
    exact = [(one, two) for one, two in pairs if _together(one, two) == difference]
    shared = [
        (one, two) for one, two in pairs if one.difference.removed & two.difference.removed and (one, two) not in exact
    ]
    return [*exact, *shared][:MAX_PAIRS]


def _together(one: Version, two: Version) -> Difference:
    return Difference(one.difference.removed + two.difference.removed, one.difference.added + two.difference.added)


def _example(added: Counter[Statement]) -> str:
    """The number of changed statements, without repeating what the agent wrote."""
    count = sum(added.values())
    return f" ({count} changed statement{'s' if count != 1 else ''})" if count else ""
