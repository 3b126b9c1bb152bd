"""Finds a program's two entry points, training and evaluation, and interprets both."""

from __future__ import annotations

import ast
from contextlib import suppress
from typing import Iterator

from mlops_debug_env.agents.code.expressions import EvaluationLimitError
from mlops_debug_env.agents.code.interpreter import Interpreter
from mlops_debug_env.agents.code.library import Trace
from mlops_debug_env.agents.code.values import Instance, Term, Value, walk

_RESAMPLES = "fit_resample"


class Program:
    """The result of interpreting a text; empty if it cannot be parsed or exceeds the limits."""

    def __init__(self, text: str) -> None:
        self.training, self.evaluation = Trace(), Trace()
        self.result: Value = None
        """The return value of training."""
        self.report: dict[str, Value] = {}
        """The return value of the evaluation."""
        with suppress(SyntaxError, ValueError, RecursionError, MemoryError, EvaluationLimitError):
            self._follow(ast.parse(text))
        self.pairs = list(_pairs(self.result))
        """Features and labels that training returns: for training, then for validation."""

    def _follow(self, tree: ast.Module) -> None:
        interpreter = Interpreter(tree)
        evaluation: str | None = None
        for name in _entry_points(tree):
            result = interpreter.call_root(name, {})
            if interpreter.trace.scores:
                evaluation = name
            elif interpreter.trace.splits:
                self.training, self.result = interpreter.trace, result
        if evaluation is not None:
            self._evaluate(interpreter, evaluation)

    def _evaluate(self, interpreter: Interpreter, name: str) -> None:
        """Interpret the evaluation twice: the first time shows which parameter takes the fitted objects."""
        interpreter.call_root(name, {})
        rows = {each for split in interpreter.trace.splits for each in _parameters(split.pool)}
        used = {each for score in interpreter.trace.scores for each in _parameters(score.features)}
        fitted = _fitted(self.result)
        report = interpreter.call_root(name, dict.fromkeys(used - rows, fitted) if fitted is not None else {})
        self.evaluation = interpreter.trace
        self.report = report if isinstance(report, dict) else {}


def _entry_points(tree: ast.Module) -> list[str]:
    """Functions of the module that no other function of it mentions."""
    functions = [each for each in tree.body if isinstance(each, ast.FunctionDef)]
    mentioned = {
        node.id for each in functions for node in ast.walk(each) if isinstance(node, ast.Name) and node.id != each.name
    }
    return [each.name for each in functions if each.name not in mentioned]


def _parameters(value: Value) -> set[str]:
    return {each.name for each in walk(value) if isinstance(each, Term) and each.op == "parameter"}


def _fitted(result: Value) -> Value | None:
    """The part of training's result that holds fitted objects, as it is passed to the evaluation."""
    parts = result.values() if isinstance(result, dict) else result if isinstance(result, (list, tuple)) else ()
    if any(isinstance(each, Instance) for each in parts):
        return result
    return next((found for each in parts if (found := _fitted(each)) is not None), None)


def _pairs(result: Value) -> Iterator[tuple[Value, Value]]:
    if isinstance(result, (list, tuple)) and len(result) == 2 and all(isinstance(each, Term) for each in result):
        yield _before_resampling(result[0]), _before_resampling(result[1])
    elif isinstance(result, (list, tuple, dict)):
        for each in result.values() if isinstance(result, dict) else result:
            yield from _pairs(each)


def _before_resampling(value: Term) -> Value:
    """Features or labels before resampling."""
    while value.op == "part" and value.name.isdigit():
        (whole,) = value.of
        place = 1 + int(value.name)  # the receiver comes first
        if not (isinstance(whole, Term) and whole.name == _RESAMPLES and place < len(whole.of)):
            break
        given = whole.of[place]
        if not isinstance(given, Term):
            break
        value = given
    return value
