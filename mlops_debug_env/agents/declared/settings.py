"""Settings that a Python file gives to the calls of a library, read from its syntax tree. Nothing is executed.

A setting is known by its keyword. Code may write it beside the call, as a constant, in a dictionary, as a default of a
function or an attribute of a class: wherever a name is bound to a literal, the pair counts.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from typing import Any

Value = bool | int | float | str | None


class Settings:
    """The names that a file binds to literals."""

    def __init__(self, code: str) -> None:
        try:
            self._tree: ast.AST = ast.parse(code)
        except (SyntaxError, ValueError):
            self._tree = ast.Module(body=[], type_ignores=[])
        self._bound: dict[str, list[Value]] = {}
        for name, value in _bindings(self._tree):
            self._bound.setdefault(name, []).append(value)

    def value(self, keyword: str, call: str) -> Value:
        """The setting ``keyword`` of ``call``; None where it cannot be read."""
        for name in (keyword, f"{call}_{keyword}".upper()):
            if name in self._bound:
                return self._bound[name][-1]
        return None

    def by_member(self, values: tuple[str, ...]) -> dict[str, str]:
        """Which of some values each name is given: directly, in a group of names under it, or as a default of many names."""
        found: dict[str, str] = {}
        for node in ast.walk(self._tree):
            if _called(node) == "fromkeys" and len(node.args) == 2:  # type: ignore[attr-defined]
                names, value = (self._literal(each) for each in node.args)  # type: ignore[attr-defined]
                found |= {str(name): value for name in names or () if value in values}
            if isinstance(node, ast.Dict):
                for key, group in zip(node.keys, node.values, strict=True):
                    value, names = _literal(key), _literal(group)
                    if value in values and isinstance(names, (tuple, list)):
                        found |= {str(name): value for name in names}
        for name, bound in self._bound.items():
            for value in bound:
                if isinstance(value, str) and value in values:
                    found[name] = value
        return found

    def _literal(self, node: ast.expr) -> Any:
        """A literal, or one that a name is assigned."""
        if not isinstance(node, ast.Name):
            return _literal(node)
        for each in ast.walk(self._tree):
            if isinstance(each, ast.Assign) and any(_name(target) == node.id for target in each.targets):
                return _literal(each.value)
        return None


_MISSING = object()


def _literal(node: ast.AST | None) -> Any:
    try:
        return ast.literal_eval(node) if isinstance(node, ast.expr) else _MISSING
    except (ValueError, TypeError, SyntaxError):
        return _MISSING


def _called(node: ast.AST) -> str:
    """Name of the function that is called; empty where nothing is."""
    if not isinstance(node, ast.Call):
        return ""
    return _name(node.func)


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Subscript):
        found = _literal(node.slice)
        return found if isinstance(found, str) else ""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _bindings(tree: ast.AST) -> Iterator[tuple[str, Value]]:
    for node in ast.walk(tree):
        for name, value in _pairs_of(node):
            found = _literal(value)
            if isinstance(found, (bool, int, float, str)) or found is None:
                yield name, found


def _pairs_of(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    match node:
        case ast.keyword(arg=str() as name, value=value):
            yield name, value
        case ast.Assign(targets=[target], value=value):
            yield _name(target), value
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            yield _name(target), value
        case ast.Dict(keys=keys, values=values):
            for key, value in zip(keys, values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, value
        case ast.Tuple(elts=[ast.Constant(value=str() as name), value]):
            yield name, value
        case ast.arguments():
            yield from _defaults(node)
        case ast.Call(args=[ast.Constant(value=str() as name), value]) if _called(node) == "setdefault":
            yield name, value
        case ast.Call(args=[ast.Constant(value=str() as text)]) if _called(node) == "loads":
            yield from _json_pairs(text)


def _defaults(arguments: ast.arguments) -> Iterator[tuple[str, ast.AST]]:
    positional = [*arguments.posonlyargs, *arguments.args]
    with_default = positional[len(positional) - len(arguments.defaults) :]
    for argument, value in zip(with_default, arguments.defaults, strict=True):
        yield argument.arg, value
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if default is not None:
            yield argument.arg, default


def _json_pairs(text: str) -> Iterator[tuple[str, ast.AST]]:
    try:
        found = json.loads(text)
    except ValueError:
        return
    if isinstance(found, dict):
        for name, value in found.items():
            yield str(name), ast.Constant(value)
