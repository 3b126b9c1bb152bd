"""Interprets the statements of a program symbolically, within a budget."""

from __future__ import annotations

import ast

from mlops_debug_env.agents.code import concrete
from mlops_debug_env.agents.code.expressions import ExpressionEvaluator
from mlops_debug_env.agents.code.library import Trace
from mlops_debug_env.agents.code.values import UNKNOWN, Function, Imported, Instance, Scope, Term, Value


class _Returned(Exception):
    """Control flow: a return statement with its value."""

    def __init__(self, value: Value) -> None:
        self.value = value


class Interpreter(ExpressionEvaluator):
    """Interprets assignments and calls, and records calls of the library in a `Trace`."""

    def __init__(self, tree: ast.Module) -> None:
        super().__init__(Trace())
        self.module = Scope()
        self._body(tree.body, self.module)

    def call_root(self, name: str, parameters: dict[str, Value]) -> Value:
        """The result of a function of the module, with a trace of its own."""
        self.trace = Trace()
        function = self.module.find(name)
        if not isinstance(function, Function):
            return UNKNOWN
        return self.enter(function, [], {key: parameters.get(key, Term("parameter", key)) for key in _names(function)})

    def enter(self, function: Function, given: list[Value], named: dict[str, Value]) -> Value:
        """Interpret a call of a function of the program."""
        with self.budget.nested_call():
            scope = Scope(_bind(function, given, named, self), function.scope)
            if isinstance(function.node, ast.Lambda):
                return self.value(function.node.body, scope)
            try:
                self._body(function.node.body, scope)
            except _Returned as returned:
                return returned.value
        return None

    def _body(self, statements: list[ast.stmt], scope: Scope) -> None:
        for each in statements:
            self.budget.count_step()
            self._statement(each, scope)

    def _statement(self, statement: ast.stmt, scope: Scope) -> None:
        match statement:
            case ast.FunctionDef():
                scope.names[statement.name] = Function(statement, scope)
            case ast.Return():
                raise _Returned(None if statement.value is None else self.value(statement.value, scope))
            case ast.Assign():
                value = self.value(statement.value, scope)
                for target in statement.targets:
                    self.assign(target, value, scope)
            case ast.AnnAssign(value=ast.expr() as right):
                self.assign(statement.target, self.value(right, scope), scope)
            case ast.AugAssign():
                before = ast.BinOp(_as_read(statement.target), statement.op, statement.value)
                self.assign(statement.target, self.value(before, scope), scope)
            case ast.Expr():
                self.value(statement.value, scope)
            case ast.If():
                self._branch(statement, scope)
            case ast.For():
                for element in self.elements(self.value(statement.iter, scope)):
                    self.assign(statement.target, element, scope)
                    self._body(statement.body, scope)
            case ast.With() | ast.Try():
                self._body(statement.body, scope)
            case ast.Import() | ast.ImportFrom():
                for alias in statement.names:
                    known_as = alias.asname or alias.name.partition(".")[0]
                    scope.names[known_as] = Imported(alias.name.rpartition(".")[2])

    def _branch(self, statement: ast.If, scope: Scope) -> None:
        """Interpret the branch that is taken; both, one after the other, if the condition is symbolic."""
        taken = self.truth(self.value(statement.test, scope))
        if taken is not False:
            self._body(statement.body, scope)
        if taken is not True:
            self._body(statement.orelse, scope)

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        match target:
            case ast.Name():
                scope.names[target.id] = value
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                for each, part in zip(targets, self.unpacked(value, len(targets)), strict=False):
                    self.assign(each, part, scope)
            case ast.Attribute():
                owner = self.value(target.value, scope)
                if isinstance(owner, Instance):
                    owner.settings[target.attr] = value
            case ast.Subscript():
                owner, key = self.value(target.value, scope), self.value(target.slice, scope)
                if isinstance(owner, dict) and isinstance(key, (str, int, float)):
                    owner[key] = value
                    concrete.bounded(owner)


def _as_read(target: ast.expr) -> ast.expr:
    return ast.parse(ast.unparse(target), mode="eval").body


def _names(function: Function) -> list[str]:
    arguments = function.node.args
    return [each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]


def _bind(
    function: Function, given: list[Value], named: dict[str, Value], interpreter: Interpreter
) -> dict[str, Value]:
    arguments = function.node.args
    places = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
    names: dict[str, Value] = {}
    for name, default in zip(reversed(places), reversed(arguments.defaults), strict=False):
        names[name] = interpreter.value(default, function.scope)
    for each, standard in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if standard is not None:
            names[each.arg] = interpreter.value(standard, function.scope)
    names.update(zip(places, given, strict=False))
    known = {key: value for key, value in named.items() if key in _names(function)}
    names.update(known)
    if arguments.vararg is not None:
        names[arguments.vararg.arg] = tuple(given[len(places) :])
    if arguments.kwarg is not None:
        names[arguments.kwarg.arg] = {key: value for key, value in named.items() if key not in known}
    return names
