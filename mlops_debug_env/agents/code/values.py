"""Values of the interpreter: symbols for what only a run would give, and concrete Python values."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any, Iterator, NamedTuple

Value = Any
"""A concrete value, or one of the classes below."""


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """A symbolic value: an operation and its operands.

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
    """An object of a class of the library, with its settings and fits."""

    kind: str
    settings: dict[str, Value]
    fitted_on: list[Value] = field(default_factory=list)
    """First argument of each call of a method whose name begins with ``fit``."""


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function of the program with its enclosing scope."""

    node: ast.FunctionDef | ast.Lambda
    scope: Scope


@dataclass(frozen=True, slots=True, eq=False)
class BoundMethod:
    """A bound method."""

    receiver: Value
    name: str


@dataclass(frozen=True, slots=True)
class Imported:
    """A module, class or function from outside the program, by the last part of its name."""

    name: str


class SplitResult(NamedTuple):
    """The result of a split."""

    rest: Term
    held_out: Term


@dataclass(slots=True, eq=False)
class Scope:
    """Names with their values, and the enclosing scope."""

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
    """Whether the value, or a part of it, is symbolic."""
    return any(isinstance(each, (Term, Instance, Function, BoundMethod, Imported)) for each in walk(value))


def walk(value: Value) -> Iterator[Value]:
    """The value and all that it comes from, without the rows of fitted objects."""
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
