"""What a text says of each value of each field, as names of features; the weights are of these names."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Iterable, Iterator, NamedTuple

from domain.grading.free_text.clauses import Segment, split, words_of
from domain.grading.free_text.language import WORDS
from domain.grading.free_text.lexicon import Lexicon, Name, lexicon, stems
from domain.grading.free_text.numbers import directions, numbers, relative
from domain.grading.free_text.targets import Target, in_plain_names, possible, targets_of, written_in
from domain.grading.written_run import SingleTableRun, WrittenRun
from domain.training.pipeline import FieldValue

_PROPOSING = frozenset({"v|ask", "v|say", "v|why"})
_INDIRECT = frozenset({"p|not", "p|ban", "no|not|F", "no|ban|F", "no|not|f", "no|ban|f"})
"""Of two values the other one is proposed where one is rejected, and where the name of what is switched on is."""


class Candidate(NamedTuple):
    """A value, or only a direction, that a text may propose for a field."""

    target: Target
    value: FieldValue
    direction: str
    features: frozenset[str]
    clauses: frozenset[int]
    """Where it is expressed."""


class Part(NamedTuple):
    """A segment, and what its clause names."""

    segment: Segment
    stems: frozenset[str]
    names: list[Name]
    places: frozenset[tuple[str, str]]


class Mention(NamedTuple):
    """Where a value, or a direction, is expressed."""

    value: tuple[FieldValue, str]
    mark: str
    """How: ``s`` and ``w`` a strong or weak cue, ``l`` as it is written, ``n`` a number, ``d`` a direction."""
    part: Part
    context: str
    around: tuple[str, ...] = ()


class Text:
    """A text, read once for all fields of a run.

    Args:
        named: the fields that were named as the root cause.
        root: how they were named.
    """

    def __init__(self, text: str, named: frozenset[str], root: str, run: WrittenRun) -> None:
        self.run, self.named = run, named
        self.lexicon = lexicon("single_table" if isinstance(run, SingleTableRun) else "multi_source")
        known = {place for target in targets_of(run) for place in target.places}
        self.parts = [_part(one, self.lexicon, known) for one in split(in_plain_names(text, run))]
        of_cause = words_of(in_plain_names(root, run).lower().replace("_", " "))
        places = frozenset().union(*(part.places for part in self.parts))
        missing = {"source", "column"} - {kind for kind, _ in places}
        self.places = places | {place for place in known if place[0] in missing and place[1] in of_cause}
        self.stems = frozenset().union(*(part.stems for part in self.parts))
        asked = [part for part in self.parts if part.segment.role == "ask"]
        self.fields_asked = _fields(asked)
        counts = {"asks": min(len(asked), 6), "fields": min(_fields(self.parts), 6), "parts": min(len(self.parts), 9)}
        self.about = {f"{name}={count}" for name, count in counts.items()}
        self.about |= {f"has {part.segment.role}" for part in self.parts}
        self.about |= {f"t:{word}" for part in self.parts for word in words_of(part.segment.text)}

    def contexts(self, target: Target) -> Iterator[tuple[Part, str]]:
        """How each part means the field: F and f name it, X another one, P it was named before, R it is the named cause."""
        before = False
        for part in self.parts:
            own = [name.keys[target.key] for name in part.names if target.key in name.keys]
            is_other = not own and any(any(name.keys.values()) for name in part.names)
            rest = "X" if is_other else "P" if before else "R" if target.declaration.field in self.named else "0"
            yield part, "F" if any(own) else "f" if own else rest
            before = bool(own) or (before and not is_other)


def _part(one: Segment, words_for: Lexicon, known: set[tuple[str, str]]) -> Part:
    words = words_of(one.clause)
    places = frozenset(place for place in known if place[1] in words)
    return Part(one, frozenset().union(*map(stems, words_of(one.text))), words_for.names_in(words), places)


def _fields(parts: list[Part]) -> int:
    """How many fields are named by names of the registry."""
    return len({min(name.keys) for part in parts for name in part.names if any(name.keys.values())})


def candidates(text: Text) -> Iterator[Candidate]:
    """Every value of every field that the text proposes."""
    for target in targets_of(text.run):
        if text.places.issuperset(target.places):
            parts = list(text.contexts(target))
            found = list(_mentions(target, parts, text))
            if any(context not in "X0" for _, context in parts) or any(one.mark == "s" for one in found):
                yield from _candidates_of(target, found, parts, text)


def _mentions(target: Target, parts: list[tuple[Part, str]], text: Text) -> Iterator[Mention]:
    """Where a text expresses a value of a field."""
    known = text.lexicon.cues.get(target.key, {})
    cues = [
        (value, cue)
        for value, names in target.labels.items()
        for name in names
        for cue in known.get(name, ())
        if cue.needed <= text.stems
    ]
    for part, context in parts:
        own = [(value, cue) for value, cue in cues if cue.needed <= part.stems and not cue.absent & part.stems]
        for value, cue in own:
            # Where more words express another value, fewer of them do not express this one.
            if not any(cue.needed < more.needed for other, more in own if other != value):
                yield Mention((value, ""), "s" if cue.is_strong else "w", part, context)
        if target.kind == "number":
            yield from _numbers(target, part, context, text.run)
        else:
            for value, *place in written_in(target, part.segment.text):
                yield Mention((value, ""), "l", part, context, _around(target, part.segment.text, *place))


def _numbers(target: Target, part: Part, context: str, run: WrittenRun) -> Iterator[Mention]:
    """The numbers and the directions of a segment. One that is nearly the present value is meant to be it."""
    text, present = part.segment.text, target.present
    found, base = list(numbers(text)), float(present) if isinstance(present, (int, float)) else None
    scaled = relative(text, part.segment.clause, base) if base is not None else None
    if scaled is not None:
        found = [one for one in found if one.end <= scaled.start or one.start >= scaled.end] + [scaled]
    ways = directions(part.segment.clause)
    for one in found:
        value = float(f"{one.value:.6g}")
        for number in (int(value) if value.is_integer() else value, round(value) if one.kind == "relative" else value):
            if possible(run, target.declaration, number) != "":
                is_present = base is not None and math.isclose(number, base, rel_tol=0.02)
                agrees = f"agrees={ways[number > (base or 0)]}" if ways[0] != ways[1] and base is not None else "agrees"
                around = (f"kind={one.kind}", agrees, *_around(target, text, one.start, one.end))
                yield Mention((present if is_present else number, ""), "n", part, context, around)
                break
    for name, is_said in zip(("down", "up"), directions(text), strict=True):
        if is_said and context != "X" and base is not None:
            yield Mention((None, name), "d", part, context)


def _around(target: Target, text: str, start: int, end: int) -> tuple[str, str]:
    """What stands before and behind a value: a word of the field's name, one that often stands there, any other, or nothing."""
    own = words_of(target.key.replace("_", " ").replace(".", " "))
    before = next((one for one in words_of(text[:start])[:-5:-1] if one not in WORDS["fillers"]), "")
    kinds = [
        "name" if one in own else one if one in WORDS["around"] or not one else "word"
        for one in (before, next(iter(words_of(text[end:])), ""))
    ]
    return f"prev={kinds[0]}", f"next={kinds[1]}"


def _candidates_of(
    target: Target, found: list[Mention], parts: list[tuple[Part, str]], text: Text
) -> Iterator[Candidate]:
    of: dict[tuple[FieldValue, str], list[Mention]] = defaultdict(list)
    for one in found:
        of[one.value].append(one)
    present = (target.present, "")
    root = "named" if target.declaration.field in text.named else "other" if text.named else "none"
    base = {f"root={root}", *text.about, *_said("p", of.get(present, ()), target)}
    base |= {f"no|{part.segment.role}|{context}" for part, context in parts if context not in "X0"}
    is_flag = len(target.labels) == 2 and target.kind != "number"
    proposing = _PROPOSING | {one for one in _INDIRECT if is_flag and (target.present is True or one[0] == "p")}
    for value in sorted({*of, *((value, "") for value in target.labels if is_flag)} - {present}, key=str):
        rest = (one for other, own in of.items() if other not in (value, present) for one in own)
        others = [one for one in rest if bool(one.value[1]) == bool(value[1])]
        features = base | _said("v", of.get(value, ()), target) | _said("o", others, target)
        if proposing & features:
            clauses = frozenset(one.part.segment.number for one in of.get(value, ()))
            yield Candidate(target, *value, frozenset(features), clauses)


def _said(whose: str, mentions: Iterable[Mention], target: Target) -> set[str]:
    """What is said of a value: in which role, whether of this field and this place, how, beside what."""
    found: set[str] = set()
    for _, mark, part, context, around in mentions:
        role, names = part.segment.role, around if whose == "v" else ()
        for own in (whose, whose + mark):
            found |= {f"{own}|{role}", f"{own}|{role}|{context}"}
        for kind, name in target.places:
            others = {place[1] for place in part.places if place[0] == kind}
            at = "none" if not others else "own" if others == {name} else "both" if name in others else "other"
            found |= {f"{whose}|{kind} {at}", f"{whose}|{role}|{kind} {at}"}
        found |= {*names, *(f"{name}|{what}" for name in names for what in (role, context))}
    return found
