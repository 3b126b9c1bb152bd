"""Evaluates expressions of an interpreted program."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import Iterator

from mlops_debug_env.agents.code import concrete, library
from mlops_debug_env.agents.code.values import (
    UNKNOWN,
    BoundMethod,
    Function,
    Imported,
    Instance,
    Scope,
    SplitResult,
    Term,
    Value,
    is_symbolic,
)

MAX_STEPS = 30_000
MAX_DEPTH = 40


class EvaluationLimitError(Exception):
    """The program exceeds the limit on steps or on nested calls."""


class EvaluationBudget:
    """Limits the steps and the nested calls of an interpretation."""

    def __init__(self) -> None:
        self._steps = self._depth = 0

    def count_step(self) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise EvaluationLimitError

    @contextmanager
    def nested_call(self) -> Iterator[None]:
        if self._depth >= MAX_DEPTH:
            raise EvaluationLimitError
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1


class ExpressionEvaluator(ABC):
    """Evaluates expressions; unknown results become a `Term`, never an error."""

    def __init__(self, trace: library.Trace) -> None:
        self.trace = trace
        self.budget = EvaluationBudget()

    @abstractmethod
    def enter(self, function: Function, given: list[Value], named: dict[str, Value]) -> Value:
        """Interpret a call of a function of the program."""

    @abstractmethod
    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Give a name, or several, a value."""

    def value(self, node: ast.expr, scope: Scope) -> Value:
        """The value of an expression."""
        self.budget.count_step()
        try:
            return self._value(node, scope)
        except (
            concrete.UnsupportedOperationError,
            ArithmeticError,
            AttributeError,
            LookupError,
            TypeError,
            ValueError,
        ):
            return UNKNOWN

    def _value(self, node: ast.expr, scope: Scope) -> Value:
        match node:
            case ast.Constant():
                return node.value
            case ast.Name():
                return scope.find(node.id)
            case ast.Tuple():
                return tuple(self._spread(node.elts, scope))
            case ast.List() | ast.Set():
                return self._spread(node.elts, scope)
            case ast.Dict():
                return self._dictionary(node, scope)
            case ast.Attribute():
                return self.attribute(self.value(node.value, scope), node.attr)
            case ast.Subscript():
                return self._subscript(self.value(node.value, scope), node.slice, scope)
            case ast.Call():
                return self._call(node, scope)
            case ast.BinOp():
                return self._operation(node.op, self.value(node.left, scope), self.value(node.right, scope))
            case ast.UnaryOp():
                return self._unary(node.op, self.value(node.operand, scope))
            case ast.BoolOp() | ast.IfExp() | ast.Compare():
                return self._decision(node, scope)
            case ast.JoinedStr():
                return "".join(self._written(part, scope) for part in node.values)
            case ast.ListComp() | ast.GeneratorExp() | ast.SetComp():
                return self._comprehension(node.elt, node.generators, scope)
            case ast.DictComp():
                pairs = self._comprehension(ast.Tuple([node.key, node.value], ast.Load()), node.generators, scope)
                return dict(pairs) if isinstance(pairs, list) else pairs
            case ast.Lambda():
                return Function(node, scope)
            case ast.NamedExpr():
                value = self.value(node.value, scope)
                self.assign(node.target, value, scope)
                return value
            case _:
                return UNKNOWN

    def attribute(self, owner: Value, name: str) -> Value:
        """``owner.name``: a part of a split, a function of a module, a setting, else a method that was not called yet."""
        match owner:
            case SplitResult():
                return getattr(owner, name) if name in SplitResult._fields else BoundMethod(owner, name)
            case Imported():
                return Imported(name)
            case Instance() if name in owner.settings:
                return owner.settings[name]
            case _:
                return BoundMethod(owner, name)

    def elements(self, value: Value) -> list[Value]:
        """The elements to iterate over; for a symbolic value, one symbol for all of its elements."""
        if isinstance(value, (list, tuple, dict, str)):
            return list(concrete.bounded(value))
        return [Term("each", of=(value,))]

    def unpacked(self, value: Value, count: int) -> list[Value]:
        if isinstance(value, (list, tuple)) and len(value) == count:
            return list(value)
        return [Term("part", str(place), (value,)) for place in range(count)]

    def truth(self, value: Value) -> bool | None:
        """The truth of a condition; None: symbolic."""
        return None if isinstance(value, (Term, BoundMethod, Imported)) else bool(value)

    def call(self, function: Value, given: list[Value], named: dict[str, Value]) -> Value:
        """The result of calling anything."""
        match function:
            case Function():
                return self.enter(function, given, named)
            case Imported(name="getattr") if len(given) > 1 and isinstance(given[1], str):
                return self.attribute(given[0], given[1])
            case Imported(name="map") if len(given) == 2:
                made = [self.call(given[0], [each], {}) for each in self.elements(given[1])]
                return made if isinstance(given[1], (list, tuple)) else Term("made", of=tuple(made))
            case Imported():
                return self._built_in(function.name, given, named)
            case BoundMethod():
                return library.call_method(function.receiver, function.name, given, named, self.trace)
            case _:
                return Term("call", of=(function, *given, *named.values()))

    def _built_in(self, name: str, given: list[Value], named: dict[str, Value]) -> Value:
        known = concrete.BUILT_IN.get(name)
        if known is not None and not any(isinstance(each, Term) for each in given):
            return concrete.bounded(known(*given, **named))
        if name in ("list", "tuple") and len(given) == 1:
            return given[0]
        return library.call(name, given, named, self.trace)

    def _call(self, node: ast.Call, scope: Scope) -> Value:
        function = self.value(node.func, scope)
        given = self._spread(node.args, scope)
        named: dict[str, Value] = {}
        for keyword in node.keywords:
            value = self.value(keyword.value, scope)
            if keyword.arg is not None:
                named[keyword.arg] = value
            elif isinstance(value, dict):
                named.update(value)
        return self.call(function, given, named)

    def _spread(self, nodes: list[ast.expr], scope: Scope) -> list[Value]:
        values: list[Value] = []
        for each in nodes:
            if isinstance(each, ast.Starred):
                values += self.elements(self.value(each.value, scope))
            else:
                values.append(self.value(each, scope))
        return concrete.bounded(values)  # type: ignore[no-any-return]

    def _dictionary(self, node: ast.Dict, scope: Scope) -> Value:
        made: dict[Value, Value] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                made.update(self.value(value, scope))
            else:
                name = self.value(key, scope)
                made[name if concrete.is_scalar(name) else UNKNOWN] = self.value(value, scope)
        return concrete.bounded(made)

    def _subscript(self, owner: Value, node: ast.expr, scope: Scope) -> Value:
        if isinstance(node, ast.Slice):
            ends = [None if each is None else self.value(each, scope) for each in (node.lower, node.upper, node.step)]
            return Term("key", of=(owner, slice(*ends))) if isinstance(owner, Term) else owner[slice(*ends)]
        key = self.value(node, scope)
        if isinstance(owner, (dict, list, tuple)) and isinstance(key, Term):
            return Term("place", of=(key, library.order_of(owner)))
        return Term("key", of=(owner, key)) if is_symbolic(owner) and isinstance(owner, Term) else owner[key]

    def _operation(self, operation: ast.operator, left: Value, right: Value) -> Value:
        if is_symbolic(left) or is_symbolic(right):
            if isinstance(operation, ast.Div) and isinstance(right, (int, float)) and right:
                return Term("product", of=(left, 1 / right))
            return Term("product" if isinstance(operation, ast.Mult) else "call", "operation", (left, right))
        return concrete.compute(operation, left, right)

    def _unary(self, operation: ast.unaryop, value: Value) -> Value:
        match operation:
            case ast.Not():
                holds = self.truth(value)
                return UNKNOWN if holds is None else not holds
            case ast.USub() if isinstance(value, (int, float)):
                return -value
            case _:
                return Term("call", "operation", (value,))

    def _decision(self, node: ast.BoolOp | ast.IfExp | ast.Compare, scope: Scope) -> Value:
        match node:
            case ast.IfExp():
                holds = self.truth(self.value(node.test, scope))
                if holds is None:
                    return Term("call", "either", (self.value(node.body, scope), self.value(node.orelse, scope)))
                return self.value(node.body if holds else node.orelse, scope)
            case ast.BoolOp():
                value: Value = UNKNOWN
                for each in node.values:
                    value = self.value(each, scope)
                    if self.truth(value) is isinstance(node.op, ast.Or):
                        break
                return value
            case ast.Compare(ops=[operation], comparators=[right]):
                sides = self.value(node.left, scope), self.value(right, scope)
                return UNKNOWN if is_symbolic(sides) else concrete.compare(operation, *sides)
            case _:
                return UNKNOWN

    def _written(self, part: ast.expr, scope: Scope) -> str:
        if isinstance(part, ast.Constant):
            return str(part.value)
        if not isinstance(part, ast.FormattedValue):
            raise concrete.UnsupportedOperationError
        specification = "" if part.format_spec is None else self.value(part.format_spec, scope)
        return concrete.formatted(self.value(part.value, scope), str(specification))

    def _comprehension(self, element: ast.expr, loops: list[ast.comprehension], scope: Scope) -> Value:
        """A comprehension as a list; over a symbolic value, one symbol for all of its elements."""
        if len(loops) != 1:
            return UNKNOWN
        (loop,), inner, made = loops, Scope(around=scope), []
        over = self.value(loop.iter, scope)
        for each in self.elements(over):
            self.assign(loop.target, each, inner)
            if all(self.truth(self.value(test, inner)) is not False for test in loop.ifs):
                made.append(self.value(element, inner))
        return made if isinstance(over, (list, tuple, dict, str)) else Term("made", of=tuple(made))
