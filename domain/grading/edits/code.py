"""Python as normalised statements: what two spellings of the same code have in common. Parses, never runs.

Comments, docstrings, annotations, blanks, quotation marks, the order of keywords and of the keys of a dictionary, and the
spelling of numbers do not count.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from domain.grading.edits.text import EditError

MAX_CHARACTERS = 32_000
MAX_LINE = 2_000
MAX_NESTING = 60

Statement = str
"""A simple statement, or the head of a compound one, with the heads that it stands under."""


class _Block(NamedTuple):
    """A statement at the top of a file."""

    first: int
    """Index of its first line."""
    end: int
    """Index behind its last line."""
    statements: tuple[Statement, ...]


class CodeFile:
    """A file as it is shown, parsed once; other versions of it are parsed only where their lines differ."""

    def __init__(self, text: str, file: str) -> None:
        self._file = file
        self.lines = text.splitlines()
        self._blocks = _blocks_of(text, file)
        self.statements = tuple(one for block in self._blocks for one in block.statements)

    def statements_of(self, text: str) -> tuple[Statement, ...]:
        """Those of another version; raises ``EditError``."""
        lines = text.splitlines()
        first, behind = differing(self.lines, lines)
        if first == len(self.lines) - behind and first == len(lines) - behind:
            return self.statements
        end = len(self.lines) - behind
        touched = [number for number, one in enumerate(self._blocks) if one.end >= first and one.first <= end]
        start = min([first, *(self._blocks[number].first for number in touched)])
        stop = max([end, *(self._blocks[number].end for number in touched)])
        between = "\n".join(lines[start : len(lines) - (len(self.lines) - stop)])
        own = tuple(one for block in _blocks_of(between, self._file, start) for one in block.statements)
        before = tuple(one for block in self._blocks if block.end <= start for one in block.statements)
        after = tuple(one for block in self._blocks if block.first >= stop for one in block.statements)
        return before + own + after


def differing(one: Sequence[str], other: Sequence[str]) -> tuple[int, int]:
    """How many lines two texts share at the start and, of the rest, at the end."""
    most = min(len(one), len(other))
    first = next((at for at in range(most) if one[at] != other[at]), most)
    behind = next((at for at in range(most - first) if one[-1 - at] != other[-1 - at]), most - first)
    return first, behind


def _blocks_of(text: str, file: str, offset: int = 0) -> tuple[_Block, ...]:
    check_bounds(text, file)
    try:
        return _parsed(text, offset)
    except SyntaxError as error:
        raise EditError(f"{file} does not parse after the edit: line {(error.lineno or 1) + offset}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise EditError(f"{file} does not parse after the edit") from error


def check_bounds(text: str, file: str) -> None:
    """Refuse what would cost the parser much: long files and lines, deep nesting; raises ``EditError``."""
    if len(text) > MAX_CHARACTERS or any(len(line) > MAX_LINE for line in text.splitlines()):
        raise EditError(f"{file} is too long after the edit")
    depth = 0
    for mark in re.findall(r"[(\[{)\]}]", text):
        depth += 1 if mark in "([{" else -1
        if depth > MAX_NESTING:
            raise EditError(f"{file} is nested too deeply after the edit")


@lru_cache(maxsize=512)
def _parsed(text: str, offset: int) -> tuple[_Block, ...]:
    tree = ast.parse(text)
    blocks = []
    for node in tree.body:
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(one.lineno for one in decorators)]) - 1
        blocks.append(_Block(first + offset, (node.end_lineno or node.lineno) + offset, tuple(_statements(node, ""))))
    return tuple(blocks)


_BODIES = ("body", "orelse", "handlers", "finalbody", "cases")


def _statements(node: ast.AST, above: str) -> Iterator[Statement]:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return  # a docstring
    head = above + _shown(node)
    yield head
    for name in _BODIES:
        inner = getattr(node, name, None)
        if isinstance(inner, list):
            for one in inner:
                yield from _statements(one, f"{head}\n{name}>")


def _shown(node: object) -> str:
    """A node in one normal spelling; of a compound statement only its head."""
    match node:
        case ast.Constant():
            return _constant(node.value)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)) if not isinstance(
            value, bool
        ):
            return _constant(-value)
        case ast.AnnAssign(value=ast.AST()):
            return f"Assign([{_shown(node.target)}],{_shown(node.value)})"
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="json"), attr="loads"), args=[ast.Constant(value=str() as text)]
        ):
            return f"json.loads({_json(text)})"
        case ast.Dict() if all(isinstance(key, ast.Constant) for key in node.keys):
            pairs = sorted(f"{_shown(key)}:{_shown(value)}" for key, value in zip(node.keys, node.values, strict=True))
            return f"{{{','.join(pairs)}}}"
        case ast.Call():
            keywords = [f"{one.arg}={_shown(one.value)}" for one in node.keywords if one.arg]
            spread = [f"**{_shown(one.value)}" for one in node.keywords if not one.arg]
            return f"{_shown(node.func)}({','.join([*map(_shown, node.args), *sorted(keywords), *spread])})"
        case ast.Name():
            return node.id
        case ast.Attribute():
            return f"{_shown(node.value)}.{node.attr}"
        case ast.alias():
            return f"{node.name} as {node.asname}"
        case ast.ImportFrom():
            return f"from {node.module} import {sorted(map(_shown, node.names))}"
        case ast.arg():
            return node.arg
        case ast.AST():
            fields = [
                _shown(value)
                for name, value in ast.iter_fields(node)
                if name not in ("ctx", "returns", "type_comment", "kind")
                and not (isinstance(node, (ast.stmt, ast.excepthandler)) and name in _BODIES)
            ]
            return f"{type(node).__name__}({','.join(fields)})"
        case list():
            return f"[{','.join(map(_shown, node))}]"
    return repr(node)


def _constant(value: object) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"#{float(value)!r}#" if abs(value) < 1e300 else "#large#"
    return repr(value)


def _json(text: str) -> str:
    try:
        return (
            json.dumps(json.loads(text), sort_keys=True)
            if text.count("[") + text.count("{") < MAX_NESTING
            else repr(text)
        )
    except ValueError:
        return repr(text)


_NUMBERS = re.compile(r"#(-?[\d.e+-]+)#|\": (-?[\d.e+-]+)[,}]")


def numbers_in(statements: Sequence[Statement]) -> tuple[float, ...]:
    """The numbers that stand in statements, each once, in order."""
    found = (one[1] or one[2] for statement in statements for one in _NUMBERS.finditer(statement.rpartition("\n")[2]))
    return tuple(dict.fromkeys(map(float, found)))
