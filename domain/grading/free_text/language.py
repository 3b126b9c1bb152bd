"""The expressions and words of ``language.json``: what a request, a rejection or a number looks like, without any field."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

_DATA: dict[str, Any] = json.loads((Path(__file__).parent / "language.json").read_text(encoding="utf-8"))
NUMBERS: dict[str, float] = _DATA["numbers"]
FRACTIONS: dict[str, float] = _DATA["fractions"]
WORDS = {name: frozenset(words) for name, words in _DATA["sets"].items()}
REWRITES = tuple((re.compile(one, re.IGNORECASE | re.MULTILINE), written) for one, written in _DATA["rewrites"])
"""Expressions and what is written for them, in order: one spelling for arrows, quotation marks, months, replacements."""


@cache
def pattern(name: str) -> re.Pattern[str]:
    return re.compile(_DATA["patterns"][name], re.IGNORECASE | re.MULTILINE)
