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


def scalar(value: FieldValue, style: Style, file: str) -> str:
    """A value of config.yaml (``config``) or data_sources.yaml (``sources``)."""
    if value is None:
        return style[f"{file}.null"]
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(value, style["config.number"] if file == "config" else "plain")
    return text(value, style, file)


def text(value: str, style: Style, file: str) -> str:
    """A string, in quotes where it would be read as something else."""
    quote = _QUOTES[style[f"{file}.quote"]]
    if not quote and _NEEDS_QUOTES.fullmatch(value):
        quote = '"'
    return f"{quote}{value}{quote}"


def key(name: str, style: Style, file: str) -> str:
    """A key of a mapping."""
    return f'"{name}"' if style[f"{file}.quote"] == "quoted_keys" else name


def _number(value: float, spelling: str) -> str:
    if spelling == "scientific":
        return f"{value:.2e}"
    found = to_yaml(value)
    if "e" in found:
        return found
    found = found if "." in found else f"{found}.0"
    return found + "0" * (5 - len(found)) if spelling == "zeros" else found
