"""Where the declarations of a run stand in its files, found by rendering the files with other values and comparing.

What is found out about a run is kept with it: it is the same for all who edit or name its files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from domain.grading.edits.code import CodeFile, Statement
from domain.grading.edits.documents import Leaf, Path, leaves_of
from domain.grading.written_run import Declaration, WrittenRun
from domain.training.pipeline import FieldValue
from domain.types import ArtifactName


class Difference(NamedTuple):
    """What one version of a file has and another has not."""

    removed: Counter[Statement]
    added: Counter[Statement]

    @classmethod
    def between(cls, old: tuple[Statement, ...], new: tuple[Statement, ...]) -> Difference:
        before, after = Counter(old), Counter(new)
        return cls(before - after, after - before)


class Version(NamedTuple):
    """A code file with one declaration changed."""

    declaration: Declaration
    value: FieldValue
    statements: tuple[Statement, ...]
    difference: Difference
    lines: frozenset[int]
    """Numbers, from 1, of the shown lines that it has not."""
    new_lines: frozenset[str]
    """Lines that the shown file has not."""


@dataclass(frozen=True, eq=False)
class WrittenCode:
    """A Python file of a run."""

    run: WrittenRun
    file: ArtifactName

    @cached_property
    def shown(self) -> CodeFile:
        return CodeFile(self.run.text(self.file), self.file)

    @cached_property
    def versions(self) -> tuple[Version, ...]:
        """One for every other value of every choice, and for some other value of every number."""
        found = []
        for declaration in self.run.standing_in(self.file):
            present = self.run.declarations[declaration]
            others = [one for one in self.run.choices(declaration) if one != present]
            if self.run.is_number(declaration):
                others = [_another_number(self.run, declaration)]
            found += [self.version(declaration, value) for value in others]
        return tuple(found)

    def version(self, declaration: Declaration, value: FieldValue) -> Version:
        text = self.run.rendered(self.file, {declaration: value})
        statements, kept = self.shown.statements_of(text), frozenset(text.splitlines())
        gone = frozenset(at for at, line in enumerate(self.shown.lines, 1) if line not in kept)
        difference = Difference.between(self.shown.statements, statements)
        return Version(declaration, value, statements, difference, gone, kept - frozenset(self.shown.lines))

    @cached_property
    def lines(self) -> Mapping[int, frozenset[Declaration]]:
        """Line number, from 1, to the declarations that it would be another line for."""
        found: dict[int, set[Declaration]] = {}
        for version in self.versions:
            for number in version.lines:
                found.setdefault(number, set()).add(version.declaration)
        return {number: frozenset(own) for number, own in found.items()}


def _another_number(run: WrittenRun, declaration: Declaration) -> FieldValue:
    """A number that the field can take and has not, and that no file shows by chance."""
    present = run.declarations[declaration]
    for value in (0.3571, 0.0713, 17, 19, 83.57):
        try:
            checked = run.checked(declaration, value)
        except ValueError:
            continue
        if checked != present:
            return checked
    raise ValueError(f"{declaration.field} takes no other number")


@dataclass(frozen=True, eq=False)
class WrittenDocument:
    """A YAML file of a run."""

    run: WrittenRun
    file: ArtifactName

    @cached_property
    def leaves(self) -> Mapping[Path, Leaf]:
        return leaves_of(self.run.text(self.file), self.file)

    def declaration_at(self, path: Path) -> Declaration | None:
        """The declaration that a scalar, or a list that it is in, belongs to."""
        for end in (len(path), len(path) - 1):
            found = Declaration(self.file, ".".join(path[:end]))
            if end and found in self.run.declarations:
                return found
        return None

    @cached_property
    def lines(self) -> Mapping[int, frozenset[Declaration]]:
        """Line number, from 1, to the declarations that stand in it."""
        found: dict[int, set[Declaration]] = {}
        for path, leaf in self.leaves.items():
            declaration = self.declaration_at(path)
            if declaration is not None:
                found.setdefault(leaf.line, set()).add(declaration)
        return {number: frozenset(own) for number, own in found.items()}


Written = WrittenCode | WrittenDocument


@lru_cache(maxsize=128)
def written(run: WrittenRun, file: ArtifactName) -> Written:
    """A file of a run, with what was found out about it."""
    return WrittenDocument(run, file) if file.endswith(".yaml") else WrittenCode(run, file)
