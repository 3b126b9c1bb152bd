"""The words and expressions of ``language.json``: what a request, a rejection or a number looks like, without any field."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

_DATA: dict[str, Any] = json.loads((Path(__file__).parent / "language.json").read_text(encoding="utf-8"))
NUMBERS: dict[str, float] = _DATA["numbers"]
FRACTIONS: dict[str, float] = _DATA["fractions"]


@cache
def pattern(name: str) -> re.Pattern[str]:
    """An expression, compiled; line by line, in any case."""
    return re.compile(_DATA["patterns"][name], re.IGNORECASE | re.MULTILINE)


@cache
def word_set(name: str) -> frozenset[str]:
    """A set of words."""
    return frozenset(_DATA["vague"] if name == "vague" else _DATA["sets"][name])
