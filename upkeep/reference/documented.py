"""Fields of a class with their attribute docstrings, which Python does not keep at run time."""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import NamedTuple


class Documented(NamedTuple):
    """One field."""

    name: str
    type: str
    description: str
    """Empty: the field has no docstring."""


def documented_fields(owner: type) -> list[Documented]:
    """Those that the class itself declares, but for class variables."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
    if not isinstance(body, ast.ClassDef):
        raise TypeError(f"{owner} is no class")
    found = []
    for at, each in enumerate(body.body):
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            declared = ast.unparse(each.annotation)
            if not declared.startswith("ClassVar"):
                found.append(Documented(each.target.id, declared, _string(body.body[at + 1 : at + 2])))
    return found


def _string(following: list[ast.stmt]) -> str:
    match following:
        case [ast.Expr(value=ast.Constant(value=str(text)))]:
            return " ".join(text.split())
        case _:
            return ""
