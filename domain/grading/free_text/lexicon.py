"""The words for fields and for their values: ``lexicon.json``, compiled. No entry says what is planted."""

from __future__ import annotations

import json
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Iterable, Iterator, NamedTuple

from domain.fields.registry import REGISTRY
from domain.grading.free_text.clauses import normalize, words_of
from domain.grading.free_text.language import word_set

_DATA: dict[str, Any] = json.loads((Path(__file__).parent / "lexicon.json").read_text(encoding="utf-8"))
UNITS: dict[str, list[str]] = _DATA["units"]
"""Ways to write each unit; a star stands for any ending."""


class Cue(NamedTuple):
    """Words that express a value where all of them stand in one segment."""

    is_strong: bool
    """Whether they express it where the field is not named, too."""
    needed: frozenset[str]
    absent: frozenset[str]
    order: tuple[str, ...]
    """Where they have to stand in this order, with nothing of `absent` in between."""

    def matches(self, found: frozenset[str], words: tuple[str, ...]) -> bool:
        """Whether a segment has them: `found` are the stems of its `words`."""
        if not self.needed <= found or (not self.order and self.absent & found):
            return False
        if not self.order:
            return True
        places = [stems(word) for word in words]
        return any(self._begins(places[start:]) for start, word in enumerate(places) if self.order[0] in word)

    def _begins(self, places: list[frozenset[str]]) -> bool:
        wanted = 0
        for word in places:
            if self.order[wanted] in word:
                wanted += 1
                if wanted == len(self.order):
                    return True
            elif self.absent & word:
                return False
        return False


class Name(NamedTuple):
    """A name, and for each field that it can stand for whether it is a name in the registry."""

    words: tuple[str, ...]
    keys: dict[str, bool]


class Lexicon(NamedTuple):
    """What the fields of a family are called, and what expresses their values. A key is a field's pattern."""

    names: dict[str, tuple[Name, ...]]
    """By their first word, the longest first."""
    cues: dict[str, dict[str, tuple[Cue, ...]]]

    def names_in(self, words: tuple[str, ...]) -> Iterator[Name]:
        """The names in a row of words, the longest at each place."""
        place = 0
        while place < len(words):
            own = self.names.get(words[place], ())
            name = next((name for name in own if words[place : place + len(name.words)] == name.words), None)
            if name is not None:
                yield name
            place += len(name.words) if name is not None else 1


@cache
def lexicon(family: str) -> Lexicon:
    """The lexicon of a family."""
    section = _DATA[family]
    own: dict[str, tuple[str, ...]] = {key: (key.replace("{source}", "").replace("{column}", ""),) for key in section}
    if family == "single_table":
        own = {spec.field: (spec.field, *spec.aliases) for spec in REGISTRY if spec.attribute is not None}
    found: dict[tuple[str, ...], dict[str, bool]] = {}
    for is_own, names_of in ((False, {key: body["names"] for key, body in section.items()}), (True, own)):
        for key, names in names_of.items():
            for name in names:
                words = words_of(normalize(name.replace(".", " ")))
                words = (
                    words
                    if family == "single_table"
                    else tuple(word for word in words if word not in ("sources", "columns"))
                )
                found.setdefault(words or words_of(name), {})[key] = is_own
    by_first: dict[str, list[Name]] = {}
    for words, keys in found.items():
        by_first.setdefault(words[0], []).append(Name(words, keys))
    return Lexicon(
        {first: tuple(sorted(names, key=lambda name: -len(name.words))) for first, names in by_first.items()},
        {key: {value: _cues(cues) for value, cues in body["values"].items()} for key, body in section.items()},
    )


def _cues(texts: Iterable[str]) -> tuple[Cue, ...]:
    found: list[Cue] = []
    for text in texts:
        if text.startswith("@"):
            found += _cues(_DATA["groups"][text[1:]])
            continue
        parts: dict[bool, list[str]] = {False: [], True: []}
        for part in text.lstrip("+~").split():
            words = words_of(normalize(part.lstrip("!").rstrip("*")))
            parts[part.startswith("!")] += [word + "*" * part.endswith("*") for word in words]
        order = tuple(parts[False]) if "~" in text[:2] else ()
        if parts[False]:
            found.append(Cue(text.startswith("+"), frozenset(parts[False]), frozenset(parts[True]), order))
    return tuple(found)


@cache
def _beginnings() -> frozenset[str]:
    cues = [
        cue
        for part in ("single_table", "multi_source")
        for own in lexicon(part).cues.values()
        for all_ in own.values()
        for cue in all_
    ]
    words = {word for cue in cues for word in (*cue.needed, *cue.absent)} | word_set("vague")
    return frozenset(word for word in words if word.endswith("*"))


@lru_cache(maxsize=20000)
def stems(word: str) -> frozenset[str]:
    """The word, and those beginnings of it that cues look for."""
    return frozenset({word} | ({word[:end] + "*" for end in range(1, min(len(word), 24) + 1)} & _beginnings()))
