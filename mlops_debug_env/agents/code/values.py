"""What a followed program computes with: symbols for what only a run would know, and plain values for the rest."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any, Iterator, NamedTuple

Value = Any
"""A plain value, or one of the classes below."""


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """A value that only a run would know: how it comes about.

    ``op`` is one of ``parameter`` (a root function's, by name), ``half`` (of the split with this number: rest or held out),
    ``key`` (of this, by that), ``part`` (of what was unpacked), ``each`` (element of this), ``made`` (a sequence of
    such elements), ``place`` (of this in that order), ``attribute``, ``product``, ``method``, ``call`` or ``unknown``.
    """

    op: str
    name: str = ""
    of: tuple[Value, ...] = ()
    """What it comes from; the receiver of a method comes first."""


@dataclass(slots=True, eq=False)
class Instance:
    """An object of a class of the library, and what was done with it."""

    kind: str
    settings: dict[str, Value]
    fitted_on: list[Value] = field(default_factory=list)
    """First argument of each call of a method whose name begins with ``fit``."""


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function of the program, with the names that it can see."""

    node: ast.FunctionDef | ast.Lambda
    scope: Scope


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """A method that was taken but not called yet."""

    receiver: Value
    name: str


@dataclass(frozen=True, slots=True)
class Imported:
    """A module, class or function from outside the program, by the last part of its name."""

    name: str


class Halves(NamedTuple):
    """What a split gives."""

    rest: Term
    held_out: Term


@dataclass(slots=True, eq=False)
class Scope:
    """Names and their values, and the scope around."""

    names: dict[str, Value] = field(default_factory=dict)
    around: Scope | None = None

    def find(self, name: str) -> Value | None:
        """The value of a name; a `Term` of unknown where no scope has it."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.around
        return Imported(name)


UNKNOWN = Term("unknown")


def is_symbolic(value: Value) -> bool:
    """Whether only a run would know the value, or a part of it."""
    return any(isinstance(each, (Term, Instance, Function, Bound, Imported)) for each in walk(value))


def walk(value: Value) -> Iterator[Value]:
    """The value and all that it comes from, without what fitted objects were fitted on."""
    seen: set[int] = set()
    left = [value]
    while left:
        one = left.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        match one:
            case Term():
                left.extend(one.of)
            case dict():
                left.extend(one.values())
            case list() | tuple() | set():
                left.extend(one)
