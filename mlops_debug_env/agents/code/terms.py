"""Queries on one symbol: the rows it comes from, and the steps between."""

from __future__ import annotations

from typing import Iterator

from mlops_debug_env.agents.code.values import Instance, Term, Value, walk

_SCALERS = frozenset({"StandardScaler"})


def row_leaves(value: Value) -> Iterator[Term]:
    """The parts of splits that a value comes from, and the parameters that it takes whole."""
    left, seen = [value], set[int]()
    while left:
        one = left.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, Term) and one.op in ("half", "parameter"):
            yield one
        elif isinstance(one, Term):
            left.extend(one.of)
        elif isinstance(one, (list, tuple)):
            left.extend(one)


def methods(value: Value, name: str) -> Iterator[Term]:
    """The calls of a method that a value comes from."""
    return (each for each in walk(value) if isinstance(each, Term) and each.op == "method" and each.name == name)


def has_method(value: Value, name: str) -> bool:
    return next(methods(value, name), None) is not None


def numeric_steps(value: Value) -> list[Term]:
    """The steps from a design matrix down to where missing numbers are filled; none: it has no such block."""
    return _path(value, set()) or []


def _path(value: Value, seen: set[int]) -> list[Term] | None:
    if not isinstance(value, (Term, list, tuple)) or id(value) in seen:
        return None
    seen.add(id(value))
    if isinstance(value, Term) and _fills(value):
        return [value]
    for each in value.of if isinstance(value, Term) else value:
        found = _path(each, seen)
        if found is not None:
            return [value, *found] if isinstance(value, Term) else found
    return None


def _fills(term: Term) -> bool:
    is_method = term.op == "method" and term.name in ("transform", "fit_transform")
    return is_method and isinstance(term.of[0], Instance) and term.of[0].kind == "SimpleImputer"


def numeric_columns(value: Value) -> list[str] | None:
    """The columns whose missing numbers are filled, in order."""
    steps = numeric_steps(value)
    taken = steps[-1].of[1] if steps and len(steps[-1].of) > 1 else None
    return list(taken.of[1]) if isinstance(taken, Term) and _is_list_of_names(taken) else None


def _is_list_of_names(term: Term) -> bool:
    return term.op == "key" and isinstance(term.of[1], (list, tuple)) and all(isinstance(n, str) for n in term.of[1])


def scaler_of(steps: list[Term]) -> Instance | None:
    """The scaler among the steps."""
    receivers = [each.of[0] for each in steps if each.op == "method" and each.of]
    return next((each for each in receivers if isinstance(each, Instance) and each.kind in _SCALERS), None)


def factor(steps: list[Term]) -> float | None:
    """The product of all numbers that the steps multiply by."""
    if not steps:
        return None
    product = 1.0
    for each in steps:
        if each.op == "product":
            for one in each.of:
                product *= one if isinstance(one, (int, float)) else 1.0
    return product


def tokenizers(value: Value) -> list[str]:
    """The tokenizers that texts are counted with."""
    calls = [each for each in walk(value) if isinstance(each, Term) and each.name == "count_tokens"]
    return [one for each in calls for one in each.of if isinstance(one, str)]


def orders(value: Value) -> list[tuple[Value, ...]]:
    """The orders of names in which labels are numbered."""
    return [each.of[1] for each in walk(value) if isinstance(each, Term) and each.op == "place"]


def untouched_columns(features: Value) -> list[str]:
    """Columns that are in the design matrix unchanged."""
    blocks = (each for each in walk(features) if isinstance(each, Term) and each.name == "hstack")
    taken = [one for each in blocks for group in each.of if isinstance(group, (list, tuple)) for one in group]
    return [name for one in taken if isinstance(one, Term) and _is_list_of_names(one) for name in one.of[1]]
