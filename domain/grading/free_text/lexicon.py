"""The words for fields and for their values: ``lexicon.json``, compiled. No entry says what is planted.

A name is a row of words. A cue is words in any order in one segment: a star stands for any ending, a plus says that it expresses
the value where the field is not named, too, and a word behind an exclamation mark has to be absent.
"""

from __future__ import annotations

import json
import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from domain.fields.registry import REGISTRY
from domain.grading.free_text.clauses import normalize, words_of

_DATA: dict[str, Any] = json.loads((Path(__file__).parent / "lexicon.json").read_text(encoding="utf-8"))
UNITS: dict[str, list[str]] = _DATA["units"]


class Cue(NamedTuple):
    is_strong: bool
    needed: frozenset[str]
    absent: frozenset[str]


class Name(NamedTuple):
    words: tuple[str, ...]
    keys: dict[str, bool]
    """The patterns of the fields, and for each whether the registry has the name or only the lexicon."""


class Lexicon(NamedTuple):
    """How the fields of a family are named, by the first word, the longest first, and what expresses their values."""

    names: dict[str, list[Name]]
    cues: dict[str, dict[str, list[Cue]]]

    def names_in(self, words: tuple[str, ...]) -> list[Name]:
        """The names in a row of words, the longest at each place."""
        found, place = [], 0
        while place < len(words):
            rest = words[place:]
            name = next((one for one in self.names.get(rest[0], ()) if rest[: len(one.words)] == one.words), None)
            found += [name] if name else []
            place += len(name.words) if name else 1
        return found


@cache
def lexicon(family: str) -> Lexicon:
    section = _DATA[family]
    found = {(tuple(name.split()), key): False for key, body in section.items() for name in body["names"]}
    own = [(re.sub(r"sources|columns|\{\w+\}", "", key), key) for key in section]
    if family == "single_table":
        own = [(name, spec.field) for spec in REGISTRY if spec.attribute for name in (spec.field, *spec.aliases)]
    found |= {(words_of(normalize(name.replace(".", " "))), key): True for name, key in own}
    keys: dict[tuple[str, ...], dict[str, bool]] = {}
    for (words, key), is_own in found.items():
        keys.setdefault(words, {})[key] = is_own
    names: dict[str, list[Name]] = {}
    for words in sorted(keys, key=len, reverse=True):
        names.setdefault(words[0], []).append(Name(words, keys[words]))
    cues = {key: {value: [*map(_cue, own)] for value, own in body["values"].items()} for key, body in section.items()}
    return Lexicon(names, cues)


def _cue(text: str) -> Cue:
    words = text.lstrip("+").split()
    absent = frozenset(word[1:] for word in words if word[0] == "!")
    return Cue(text[0] == "+", frozenset(word for word in words if word[0] != "!"), absent)


@lru_cache(maxsize=20000)
def stems(word: str) -> frozenset[str]:
    """The word, and its beginnings as cues write them."""
    return frozenset({word} | {word[:end] + "*" for end in range(1, min(len(word), 24) + 1)})
