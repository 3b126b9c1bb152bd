"""Calls of the library with declared settings, in several forms that all do the same.

Templates write names as ``<rows>`` and functions of a library as ``<tabular.split>``; `program` replaces them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from domain.training.multi_source.artifacts.style import Style
from domain.training.pipeline import FieldValue

Settings = dict[str, FieldValue]
WIDTH = 100
"""A call that is longer is broken into lines."""


@dataclass(slots=True)
class Parts:
    """What the forms of calls need elsewhere in the file."""

    imports: set[str] = field(default_factory=set)
    constants: list[list[str]] = field(default_factory=list)
    blocks: list[list[str]] = field(default_factory=list)
    """Functions and classes."""
    shared: dict[str, Settings] = field(default_factory=dict)
    """Settings that stand in one dictionary."""


class Call(NamedTuple):
    """A call as a form writes it: what is called, with which keywords."""

    callee: str
    keywords: list[str]


def literal(value: FieldValue) -> str:
    """A value as Python."""
    return f'"{value}"' if isinstance(value, str) else repr(value)


def call(
    name: str, settings: Settings, style: Style, parts: Parts, *, given: tuple[str, ...] = (), form: str = ""
) -> Call:
    """A call of ``tabular.<name>``.

    Args:
        name: of the function.
        settings: declared keywords.
        given: keywords whose values are known only where the function is called, such as ``seed=seed``.
        form: of `FORMS`; empty: the style's.
    """
    order = style.ordered(f"keywords.{name}", tuple(settings))
    written = _FORMS[form or style[f"form.{name}"]](name, {one: settings[one] for one in order}, parts)
    return Call(written.callee, [*written.keywords, *given])


def lines_of(
    target: str, found: Call, style: Style, idiom: str, indent: int, positional: tuple[str, ...] = ()
) -> list[str]:
    """A statement ``target = callee(...)``, or ``return callee(...)``, as lines."""
    pad = " " * indent
    arguments = [*positional, *found.keywords]
    head = f"{pad}{target}{found.callee}("
    flat = f"{head}{', '.join(arguments)})"
    layout = style[idiom]
    if len(arguments) < 2 or (layout == "fitting" and len(flat) <= WIDTH):
        return [flat]
    inner = pad + "    "
    match layout:
        case "aligned":
            gap = pad + "        "
            return [f"{head}{arguments[0]},", *(f"{gap}{one}," for one in arguments[1:-1]), f"{gap}{arguments[-1]})"]
        case "closed":
            return [head, *(f"{inner}{one}," for one in arguments[:-1]), f"{inner}{arguments[-1]})"]
        case _:
            return [head, *(f"{inner}{one}," for one in arguments), f"{pad})"]


def _written(settings: Settings) -> list[str]:
    return [f"{name}={literal(value)}" for name, value in settings.items()]


def _items(settings: Settings) -> list[str]:
    return [f'"{name}": {literal(value)}' for name, value in settings.items()]


def _inline(name: str, settings: Settings, parts: Parts) -> Call:
    return Call(f"<tabular.{name}>", _written(settings))


def _constants(name: str, settings: Settings, parts: Parts) -> Call:
    names = {one: f"{name}_{one}".upper() for one in settings}
    parts.constants.append([f"{names[one]} = {literal(value)}" for one, value in settings.items()])
    return Call(f"<tabular.{name}>", [f"{one}={constant}" for one, constant in names.items()])


def _settings(name: str, settings: Settings, parts: Parts) -> Call:
    parts.constants.append([f"{name.upper()} = {{", *(f"    {item}," for item in _items(settings)), "}"])
    return Call(f"<tabular.{name}>", [f"**{name.upper()}"])


def _dict_call(name: str, settings: Settings, parts: Parts) -> Call:
    parts.constants.append([f"{name.upper()} = dict({', '.join(_written(settings))})"])
    return Call(f"<tabular.{name}>", [f"**{name.upper()}"])


def _partial(name: str, settings: Settings, parts: Parts) -> Call:
    parts.imports.add("from functools import partial")
    parts.constants.append([f"make_{name} = partial(<tabular.{name}>, {', '.join(_written(settings))})"])
    return Call(f"make_{name}", [])


def _defaults(name: str, settings: Settings, parts: Parts) -> Call:
    parts.blocks.append(
        [
            f"def make_{name}(*given, {', '.join(_written(settings))}, **rest):",
            f"    return <tabular.{name}>(*given, {', '.join(f'{one}={one}' for one in settings)}, **rest)",
        ]
    )
    return Call(f"make_{name}", [])


def _attributes(name: str, settings: Settings, parts: Parts) -> Call:
    owner = _class_name(name)
    parts.blocks.append([f"class {owner}:", *(f"    {one} = {literal(value)}" for one, value in settings.items())])
    return Call(f"<tabular.{name}>", [f"{one}={owner}.{one}" for one in settings])


def _shared(name: str, settings: Settings, parts: Parts) -> Call:
    parts.shared[name] = settings
    return Call(f"<tabular.{name}>", [f'{one}=SETTINGS["{name}"]["{one}"]' for one in settings])


def _factory(name: str, settings: Settings, parts: Parts) -> Call:
    parts.blocks.append(
        [
            f"def {name}_with(**chosen):",
            "    def made(*given, **rest):",
            f"        return <tabular.{name}>(*given, **chosen, **rest)",
            "",
            "    return made",
        ]
    )
    return Call(f"{name}_with({', '.join(_written(settings))})", [])


def _dataclass(name: str, settings: Settings, parts: Parts) -> Call:
    parts.imports.add("from dataclasses import asdict, dataclass")
    owner = _class_name(name)
    parts.blocks.append(
        [
            "@dataclass(frozen=True)",
            f"class {owner}:",
            *(f"    {one}: {type(value).__name__} = {literal(value)}" for one, value in settings.items()),
        ]
    )
    return Call(f"<tabular.{name}>", [f"**asdict({owner}())"])


def _pairs(name: str, settings: Settings, parts: Parts) -> Call:
    pairs = [f'    ("{one}", {literal(value)}),' for one, value in settings.items()]
    parts.constants.append([f"{name.upper()} = (", *pairs, ")"])
    return Call(f"<tabular.{name}>", [f"**dict({name.upper()})"])


def _instance(name: str, settings: Settings, parts: Parts) -> Call:
    owner = f"Make{_class_name(name).removesuffix('Settings')}"
    parts.blocks.append(
        [
            f"class {owner}:",
            f"    def __init__(self, {', '.join(_written(settings))}):",
            f"        {', '.join(f'self.{one}' for one in settings)} = {', '.join(settings)}",
            "",
            "    def __call__(self, *given, **rest):",
            f"        return <tabular.{name}>(*given, {', '.join(f'{one}=self.{one}' for one in settings)}, **rest)",
        ]
    )
    return Call(f"{owner}()", [])


def _json(name: str, settings: Settings, parts: Parts) -> Call:
    parts.imports.add("import json")
    parts.constants.append([f"{name.upper()} = json.loads('{json.dumps(settings)}')"])
    return Call(f"<tabular.{name}>", [f"**{name.upper()}"])


def _namespace(name: str, settings: Settings, parts: Parts) -> Call:
    parts.imports.add("from types import SimpleNamespace")
    parts.constants.append([f"{name.upper()} = SimpleNamespace({', '.join(_written(settings))})"])
    return Call(f"<tabular.{name}>", [f"{one}={name.upper()}.{one}" for one in settings])


def _assigned(name: str, settings: Settings, parts: Parts) -> Call:
    lines = [f'{name.upper()}["{one}"] = {literal(value)}' for one, value in settings.items()]
    parts.constants.append([f"{name.upper()} = {{}}", *lines])
    return Call(f"<tabular.{name}>", [f"**{name.upper()}"])


def _lambda(name: str, settings: Settings, parts: Parts) -> Call:
    body = f"<tabular.{name}>(*given, {', '.join(_written(settings))}, **rest)"
    parts.constants.append([f"make_{name} = lambda *given, **rest: {body}"])
    return Call(f"make_{name}", [])


def _setdefault(name: str, settings: Settings, parts: Parts) -> Call:
    parts.blocks.append(
        [
            f"def make_{name}(*given, **chosen):",
            *(f'    chosen.setdefault("{one}", {literal(value)})' for one, value in settings.items()),
            f"    return <tabular.{name}>(*given, **chosen)",
        ]
    )
    return Call(f"make_{name}", [])


def _merged(name: str, settings: Settings, parts: Parts) -> Call:
    parts.constants.append([f"{name.upper()} = {' | '.join(f'{{{item}}}' for item in _items(settings))}"])
    return Call(f"<tabular.{name}>", [f"**{name.upper()}"])


def _class_name(name: str) -> str:
    return "".join(word.title() for word in name.split("_")) + "Settings"


_FORMS: dict[str, Callable[[str, Settings, Parts], Call]] = {
    "inline": _inline,
    "constants": _constants,
    "settings": _settings,
    "partial": _partial,
    "defaults": _defaults,
    "attributes": _attributes,
    "shared": _shared,
    "dict_call": _dict_call,
    "factory": _factory,
    "dataclass": _dataclass,
    "pairs": _pairs,
    "instance": _instance,
    "json": _json,
    "namespace": _namespace,
    "assigned": _assigned,
    "lambda": _lambda,
    "setdefault": _setdefault,
    "merged": _merged,
}
