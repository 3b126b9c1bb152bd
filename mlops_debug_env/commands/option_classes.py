"""Lets commands share options: a dataclass declares them once, and a command takes an object of it.

Each field is an option, named after the field unless its ``typer.Option`` names it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Any, get_type_hints


def with_option_classes(command: Callable[..., None]) -> Callable[..., None]:
    """The command, with each parameter that is annotated with a dataclass replaced by the fields of the class.

    The signature that typer reads has the options; the command is called with the objects.
    """
    signature = inspect.signature(command, eval_str=True)
    classes: dict[str, Any] = {
        name: each.annotation for name, each in signature.parameters.items() if is_dataclass(each.annotation)
    }
    parameters: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        parameters += _options(classes[name]) if name in classes else [parameter]

    @wraps(command)
    def called(**given: Any) -> None:
        objects = {
            name: chosen(**{each.name: given.pop(each.name) for each in fields(chosen)})
            for name, chosen in classes.items()
        }
        command(**objects, **given)

    shown: Any = called
    shown.__signature__ = signature.replace(parameters=[_by_keyword(each) for each in parameters])
    shown.__annotations__ = {each.name: each.annotation for each in parameters} | {"return": None}
    return called


def _options(chosen: Any) -> list[inspect.Parameter]:
    """The fields of an option class as parameters."""
    annotations = get_type_hints(chosen, include_extras=True)
    return [
        inspect.Parameter(
            each.name, inspect.Parameter.KEYWORD_ONLY, default=each.default, annotation=annotations[each.name]
        )
        for each in fields(chosen)
    ]


def _by_keyword(parameter: inspect.Parameter) -> inspect.Parameter:
    """As typer passes it, so that a default may come before a parameter without one."""
    return parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
