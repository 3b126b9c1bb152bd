"""JSON as the artifacts show it: one space of indentation a level, as ``json.dumps(document, indent=1)`` writes it."""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii
from math import isfinite
from typing import Any


def indented(document: dict[str, Any]) -> str:
    """The text of a document. ``json`` indents in Python, a generator a level, which takes several times as long."""
    return _text(document, "\n") + "\n"


def _text(value: Any, end: str) -> str:
    """``end``: a line break and the indentation of the line in which the value began."""
    kind = type(value)
    if kind is str:
        return encode_basestring_ascii(value)
    if kind is dict and value:
        inner = f"{end} "
        parts = [f"{encode_basestring_ascii(name)}: {_text(one, inner)}" for name, one in value.items()]
        return f"{{{inner}{f',{inner}'.join(parts)}{end}}}"
    if kind in (list, tuple) and value:
        inner = f"{end} "
        return f"[{inner}{f',{inner}'.join([_text(one, inner) for one in value])}{end}]"
    if kind is float and isfinite(value):
        return float.__repr__(value)
    if kind is int:
        return int.__repr__(value)
    return "null" if value is None else json.dumps(value)
