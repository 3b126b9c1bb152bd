"""Reads preprocessing.py as a reviewer does: who is fitted on which rows, who is called with what."""

from __future__ import annotations

import ast
from typing import Iterator


class Code:
    """The syntax tree of a program; one that cannot be parsed has nothing in it."""

    def __init__(self, text: str) -> None:
        try:
            self._tree: ast.Module = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError):
            self._tree = ast.Module(body=[], type_ignores=[])

    def constant(self, name: str) -> object:
        """The value of an upper-case name of the module; null: it has none, or one that is no literal."""
        for each in self._tree.body:
            if isinstance(each, ast.Assign) and any(_is_name(target, name) for target in each.targets):
                try:
                    return ast.literal_eval(each.value)
                except ValueError:
                    return None
        return None

    def calls(self, name: str, *, within: str | None = None) -> list[ast.Call]:
        """The calls of a function or method of this name, in the order of the text.

        Args:
            name: the last part of what is called.
            within: only those in the body of this function.
        """
        roots = [self._tree] if within is None else self._functions(within)
        found = [each for root in roots for each in ast.walk(root) if isinstance(each, ast.Call)]
        return sorted((each for each in found if _last_name(each.func) == name), key=lambda each: each.lineno)

    def users(self, name: str) -> list[str]:
        """The functions that call it."""
        return [each.name for each in self._functions(None) if self.calls(name, within=each.name)]

    def rows_of_fit(self, kind: str) -> str | None:
        """The table that an object of this class is fitted on: the name that the first argument of ``fit`` begins with."""
        owners = set(self._names_of(kind))
        for method in ("fit", "fit_transform"):
            for call in self.calls(method):
                receiver = call.func.value if isinstance(call.func, ast.Attribute) else call.func
                made_here = isinstance(receiver, ast.Call) and _last_name(receiver.func) == kind
                if call.args and (made_here or _root(receiver) in owners):
                    return _root(call.args[0])
        return None

    def assigned_pair(self, first: str, second: str) -> tuple[str, str] | None:
        """What ``first, second = …`` assigns; null: there is no such line."""
        for each in ast.walk(self._tree):
            if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]).strip("()") == f"{first}, {second}":
                match each.value:
                    case ast.Tuple(elts=[left, right]):
                        return ast.unparse(left), ast.unparse(right)
        return None

    def _names_of(self, kind: str) -> Iterator[str]:
        """Variables that hold an object of this class."""
        for each in ast.walk(self._tree):
            if isinstance(each, ast.Assign) and any(
                isinstance(part, ast.Call) and _last_name(part.func) == kind for part in ast.walk(each.value)
            ):
                yield from (target.id for target in each.targets if isinstance(target, ast.Name))

    def _functions(self, name: str | None) -> list[ast.FunctionDef]:
        found = (each for each in ast.walk(self._tree) if isinstance(each, ast.FunctionDef))
        return [each for each in found if name in (None, each.name)]


def argument(call: ast.Call, name: str, position: int | None = None) -> str | None:
    """The text of an argument, given by name or by position; null: it is not given."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return ast.unparse(keyword.value)
    if position is not None and position < len(call.args):
        return ast.unparse(call.args[position])
    return None


def number_argument(call: ast.Call, name: str) -> float | None:
    """An argument that is a number; null: it is not given, or no number."""
    try:
        return float(argument(call, name) or "")
    except ValueError:
        return None


def _root(node: ast.expr) -> str | None:
    """``train`` of ``imputer.transform(train[NUMERIC])``."""
    match node:
        case ast.Call() if node.args:
            return _root(node.args[0])
        case ast.Subscript() | ast.Attribute():
            return _root(node.value)
        case ast.Name():
            return node.id
        case _:
            return None


def _last_name(node: ast.expr) -> str | None:
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute():
            return node.attr
        case _:
            return None


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
