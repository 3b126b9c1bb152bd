"""Scalars as YAML, in the spelling of a style. PyYAML, which reads YAML 1.1, gives back what was written."""

from __future__ import annotations

import re

from domain.training.artifacts.numbers import to_yaml
from domain.training.multi_source.artifacts.style import Style
from domain.training.pipeline import FieldValue

_QUOTES = {"plain": "", "double": '"', "single": "'", "quoted_keys": '"'}
_NEEDS_QUOTES = re.compile(
    r"[-+.\d][\d_.eE+-]*|.*[,:#\[\]{}&*!|>'\"%@`].*|null|~|true|false|yes|no|on|off|", re.IGNORECASE
)


class Writer:
    """Writes keys and values of one file. Keeps what it wrote: most values occur many times.

    Args:
        style: of the run.
        file: ``config`` or ``sources``.
    """

    __slots__ = ("_file", "_indent", "_keys_quoted", "_known", "_null", "_number", "_quote", "style")

    def __init__(self, style: Style, file: str) -> None:
        self.style, self._file = style, file
        self._indent = int(style[f"{file}.indent"])
        self._null, self._quote = style[f"{file}.null"], _QUOTES[style[f"{file}.quote"]]
        self._keys_quoted = style[f"{file}.quote"] == "quoted_keys"
        self._number = style["config.number"] if file == "config" else "plain"
        self._known: dict[tuple[type, FieldValue], str] = {}

    def idiom(self, name: str) -> str:
        """The idiom of a part of this file."""
        return self.style[f"{self._file}.{name}"]

    def indent(self, depth: int) -> str:
        """The spaces in front of a line."""
        return " " * (self._indent * depth)

    def key(self, name: str) -> str:
        """A key of a mapping."""
        return f'"{name}"' if self._keys_quoted else name

    def scalar(self, value: FieldValue) -> str:
        """A value."""
        known = self._known.get((type(value), value))
        if known is None:
            known = self._known[type(value), value] = self._scalar(value)
        return known

    def head(self, name: str, depth: int) -> str:
        """The line that begins a mapping or a list."""
        return f"{self.indent(depth)}{self.key(name)}:"

    def pair(self, name: str, value: FieldValue, depth: int) -> str:
        """The line of a key and its value."""
        return f"{self.indent(depth)}{self.key(name)}: {self.scalar(value)}"

    def _scalar(self, value: FieldValue) -> str:
        if value is None:
            return self._null
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int):
            return str(value)
        if isinstance(value, float):
            return _number(value, self._number)
        quote = self._quote
        if not quote and _NEEDS_QUOTES.fullmatch(value):
            quote = '"'
        return f"{quote}{value}{quote}"


def _number(value: float, spelling: str) -> str:
    if spelling == "scientific":
        return f"{value:.2e}"
    found = to_yaml(value)
    if "e" in found:
        return found
    found = found if "." in found else f"{found}.0"
    return found + "0" * (5 - len(found)) if spelling == "zeros" else found
