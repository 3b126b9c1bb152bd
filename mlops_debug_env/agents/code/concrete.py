"""Operations on concrete values, with limits on time and memory."""

from __future__ import annotations

import ast
import operator
import re
from types import MappingProxyType
from typing import Any, Callable, Mapping

MAX_ELEMENTS = 200
MAX_CHARACTERS = 2_000
_LARGEST = 1e18
_FORMAT = re.compile(r"(0?[1-9]?\d?(?:\.\d)?)[dfs]?")

NUMERIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = MappingProxyType(
    {
        ast.Add: operator.add,
        ast.Sub: operator.sub,
        ast.Mult: operator.mul,
        ast.Div: operator.truediv,
        ast.FloorDiv: operator.floordiv,
        ast.Mod: operator.mod,
    }
)
COMPARED: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = MappingProxyType(
    {
        ast.Eq: operator.eq,
        ast.NotEq: operator.ne,
        ast.Lt: operator.lt,
        ast.LtE: operator.le,
        ast.Gt: operator.gt,
        ast.GtE: operator.ge,
        ast.Is: operator.is_,
        ast.IsNot: operator.is_not,
        ast.In: lambda one, other: one in other,
        ast.NotIn: lambda one, other: one not in other,
    }
)


_CONTAINERS = (list, tuple, dict, set)
_MAX_LEVELS = 4
"""Max nesting of containers, because comparing shared nested ones takes exponential time."""


class UnsupportedOperationError(Exception):
    """The operation is not known, or would be too large."""


def bounded(value: Any) -> Any:
    """The value; raises ``UnsupportedOperationError`` if it is too large."""
    if isinstance(value, str) and len(value) > MAX_CHARACTERS:
        raise UnsupportedOperationError
    if isinstance(value, _CONTAINERS) and (len(value) > MAX_ELEMENTS or _is_deep(value)):
        raise UnsupportedOperationError
    if isinstance(value, (int, float)) and not abs(value) <= _LARGEST:
        raise UnsupportedOperationError
    return value


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_MAX_LEVELS):
        inner = [one for each in level for one in (each.values() if isinstance(each, dict) else each)]
        level = list({id(one): one for one in inner if isinstance(one, _CONTAINERS)}.values())
    return bool(level)


def is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float))


def compare(operation: ast.cmpop, left: Any, right: Any) -> Any:
    """One scalar with another, or with those of a container."""
    others = right if isinstance(right, _CONTAINERS) else [right]
    if not is_scalar(left) or not all(map(is_scalar, others)):
        raise UnsupportedOperationError
    return COMPARED[type(operation)](left, right)


def compute(operation: ast.operator, left: Any, right: Any) -> Any:
    """Numbers by the usual signs; texts and sequences can only be joined."""
    is_numeric = all(isinstance(each, (int, float)) for each in (left, right))
    is_joined = isinstance(operation, ast.Add) and type(left) is type(right) and isinstance(left, (str, list, tuple))
    if type(operation) not in NUMERIC or not (is_numeric or is_joined):
        raise UnsupportedOperationError
    return bounded(NUMERIC[type(operation)](left, right))


def formatted(value: Any, specification: str) -> str:
    """As an f-string writes it; widths have two digits at most."""
    if not isinstance(value, (str, int, float)) or _FORMAT.fullmatch(specification) is None:
        raise UnsupportedOperationError
    return str(bounded(format(value, specification)))


def filled_in(text: str, values: list[Any]) -> str:
    """``text.format(*values)`` for plain braces."""
    if re.search(r"\{[^}]", text) or not all(isinstance(each, (str, int, float)) for each in values):
        raise UnsupportedOperationError
    for each in values:
        text = text.replace("{}", str(each), 1)
    return str(bounded(text))


def _range(*bounds: Any) -> list[int]:
    numbers = range(*bounds)
    if len(numbers) > MAX_ELEMENTS:
        raise UnsupportedOperationError
    return list(numbers)


BUILT_IN: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "sorted": sorted,
        "list": list,
        "tuple": tuple,
        "dict": dict,
        "set": set,
        "len": len,
        "range": _range,
        "enumerate": lambda *given: list(enumerate(*given)),
        "zip": lambda *given, **_: list(zip(*given, strict=False)),
        "reversed": lambda given: list(reversed(given)),
        "min": min,
        "max": max,
        "sum": sum,
        "abs": abs,
        "round": round,
        "int": int,
        "float": float,
        "bool": bool,
    }
)
METHODS: Mapping[type[Any], frozenset[str]] = MappingProxyType(
    {
        dict: frozenset({"items", "keys", "values", "get"}),
        list: frozenset({"index", "count", "copy"}),
        tuple: frozenset({"index", "count"}),
        str: frozenset(
            {"lower", "upper", "strip", "split", "rsplit", "partition", "rpartition", "startswith", "endswith"}
        ),
    }
)
"""Methods of concrete values that do not mutate and do not grow."""


def call_method(receiver: Any, name: str, given: list[Any], named: dict[str, Any]) -> Any:
    """Call a method of a concrete value; raises ``UnsupportedOperationError`` unless it is in the list."""
    if name == "format" and isinstance(receiver, str) and not named:
        return filled_in(receiver, given)
    if name not in METHODS.get(type(receiver), ()):
        raise UnsupportedOperationError
    found = getattr(receiver, name)(*given, **named)
    return bounded(list(found) if name in ("items", "keys", "values") else found)
