"""What a text says of each value of each field, as names of features; the weights are of these names."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from typing import Iterator, NamedTuple

from domain.grading.free_text.clauses import Segment, split, words_of
from domain.grading.free_text.code import Quotes, code_lines, in_plain_names
from domain.grading.free_text.language import word_set
from domain.grading.free_text.lexicon import Cue, Name, lexicon, stems
from domain.grading.free_text.numbers import Mention, directions, mentions, relative
from domain.grading.free_text.targets import MONTH, Run, Target, unit_values
from domain.training.pipeline import FieldValue

_LOOKS_LIKE_CODE = re.compile(r"[=(\[]|\w\.\w")
_PROPOSING = frozenset(f"v|{role}{elsewhere}" for role in ("ask", "say", "why", "join") for elsewhere in ("", "X"))


class Candidate(NamedTuple):
    """A value, or only a direction, that a text may propose for a field."""

    target: Target
    value: FieldValue
    direction: str | None
    features: frozenset[str]
    clauses: frozenset[int]
    """Where it is expressed."""


class _Part(NamedTuple):
    """A segment with what stands in it and in its clause."""

    segment: Segment
    stems: frozenset[str]
    keys: dict[str, bool]
    """The fields that are named, and whether by a name of the registry."""
    own: tuple[frozenset[str], ...]
    """For each name of the registry what it can stand for."""
    words: frozenset[str]
    spans: tuple[tuple[int, dict[str, bool]], ...]
    """Where in the segment a name ends, and what it can stand for."""


class Text:
    """A text, read once for all fields."""

    def __init__(self, text: str, named: frozenset[str], root: str, run: Run) -> None:
        self.run, self.named, self.lexicon = run, named, lexicon(run.family)
        self.has_code = run.current is not None and _LOOKS_LIKE_CODE.search(text) is not None
        if run.current is not None:
            text, root = in_plain_names(text, run.current.style.names), in_plain_names(root, run.current.style.names)
        segments = split(text)
        self.quotes = Quotes(segments)
        in_clause: dict[int, list[Segment]] = defaultdict(list)
        for one in segments:
            in_clause[one.clause].append(one)
        words = {number: tuple(word for one in own for word in one.words) for number, own in in_clause.items()}
        names = {number: [name for _, name in self._names(own)] for number, own in words.items()}
        self.clauses = {number: " ".join(one.text for one in own) for number, own in in_clause.items()}
        self.parts = [_part(one, names[one.clause], words[one.clause], self._names(one.words)) for one in segments]
        flat = [name for number, own in names.items() if number >= 0 for name in own]
        self.longest: dict[str, int] = defaultdict(int)
        for name in flat:
            for key in name.keys:
                self.longest[key] = max(self.longest[key], len(name.words))
        self.stems = frozenset(stem for part in self.parts for stem in part.stems)
        said = frozenset(word for own in words.values() for word in own)
        self.words, self.common = said | frozenset(words_of(root.lower().replace("_", " "))), self._common(flat)
        places = {place for target in run.targets for place in target.places}
        self.places = {
            kind: {name for own, name in places if own == kind and said.issuperset(name)}
            for kind in ("source", "column")
        }

    def _names(self, words: tuple[str, ...]) -> Iterator[tuple[int, Name]]:
        """The names in a row of words with the place where each ends, the longest at each place."""
        place = 0
        while place < len(words):
            own = self.lexicon.names.get(words[place], ())
            name = next((name for name in own if words[place : place + len(name.words)] == name.words), None)
            if name is not None:
                yield place + len(name.words), name
            place += len(name.words) if name is not None else 1

    def _common(self, names: list[Name]) -> frozenset[str]:
        asked = [part for part in self.parts if part.segment.role == "ask"]
        vague = sum(bool(part.stems & word_set("vague")) for part in asked)
        count = len({min(name.keys) for name in names if any(name.keys.values())})
        found = {f"asks={min(len(asked), 3)}", f"named={min(len(self.named), 2)}", f"fields={min(count, 6)}"}
        found |= ({"vague"} if vague else set()) | ({"only vague"} if vague and vague == len(asked) else set())
        return frozenset(found | ({"keeps"} if any(part.segment.role == "keep" for part in self.parts) else set()))

    def quoted(self, target: Target) -> dict[FieldValue, list[Segment]]:
        """Where the text has a line of code that only one value of a field has."""
        if not self.has_code or self.run.current is None or target.kind == "number":
            return {}
        lines = code_lines(self.run.current, target.file, target.field)
        return {value: list(self.quotes.of(own)) for value, own in lines.items()}

    def is_placed(self, target: Target) -> bool:
        """Whether the text or the named cause has the source and the column, and the text no others."""
        return all(
            self.words.issuperset(name) and name in (self.places[kind] or {name}) for kind, name in target.places
        )

    def contexts(self, target: Target) -> Iterator[tuple[_Part, str]]:
        """Each part, and how it means the field: F by a name of its own, f by another name, X another field is named, P named before, R as the cause."""
        before = False
        for part in self.parts:
            if target.key in part.keys:
                context = "F" if part.keys[target.key] else "f"
            elif any(target.key not in keys for keys in part.own):
                context = "X"
            else:
                context = "P" if before else "R" if target.field in self.named else "0"
            if part.segment.role != "join":
                before = context in "Ff" or (before and context != "X")
            yield part, context


def _part(segment: Segment, names: list[Name], words: tuple[str, ...], spans: Iterator[tuple[int, Name]]) -> _Part:
    keys: dict[str, bool] = defaultdict(bool)
    for name in names:
        for key, is_own in name.keys.items():
            keys[key] |= is_own
    own = tuple(frozenset(name.keys) for name in names if any(name.keys.values()))
    found = frozenset(stem for word in segment.words for stem in stems(word))
    return _Part(segment, found, dict(keys), own, frozenset(words), tuple((end, name.keys) for end, name in spans))


def candidates(text: Text) -> Iterator[Candidate]:
    """Every value of every field that the text says something of."""
    for target in text.run.targets:
        if not text.is_placed(target):
            continue
        parts = list(text.contexts(target))
        cues = {
            label: [cue for cue in own if cue.needed <= text.stems]
            for label, own in text.lexicon.cues.get(target.key, {}).items()
        }
        if all(context in "X0" for _, context in parts) and not any(
            cue.is_strong and cue.matches(part.stems, part.segment.words)
            for own in cues.values()
            for cue in own
            for part, _ in parts
        ):
            continue
        quoted = text.quoted(target)
        base = text.common | _about_field(text, target, parts)
        yield from _values(target, cues, parts, base, quoted)
        if target.kind == "number":
            yield from _numbers(text, target, parts, base)


def _about_field(text: Text, target: Target, parts: list[tuple[_Part, str]]) -> set[str]:
    found = {"root=" + ("named" if target.field in text.named else "other" if text.named else "none")}
    found |= {f"name|{part.segment.role}|{context}" for part, context in parts if context not in "X0"}
    others = {
        min(keys) for part, _ in parts for keys in part.own if part.segment.role == "ask" and target.key not in keys
    }
    found |= {f"others={min(len(others), 3)}", f"longest={min(text.longest[target.key], 3)}"}
    if target.places:
        found.add(
            "placed"
            if any(all(part.words.issuperset(name) for _, name in target.places) for part, _ in parts)
            else "apart"
        )
    old = [one.value for part, _ in parts if part.segment.role == "not" for one in mentions(part.segment.text)]
    if old and isinstance(target.present, (int, float)) and not isinstance(target.present, bool):
        is_present = any(math.isclose(one, target.present, rel_tol=0.02) for one in old)
        found.add("old value is present" if is_present else "old value differs")
    return found


def _values(
    target: Target,
    cues: dict[str, list[Cue]],
    parts: list[tuple[_Part, str]],
    base: frozenset[str],
    quoted: dict[FieldValue, list[Segment]],
) -> Iterator[Candidate]:
    labels = dict(target.labels)
    for part, _ in parts if target.kind == "unit" else ():
        labels |= dict.fromkeys(unit_values(target, part.segment.text), ())
    said, places = {}, {}
    for value, names in labels.items():
        own = tuple(cue for name in names for cue in cues.get(name, ()))
        said[value], places[value] = _evidence(target, value, own, parts)
        for segment in quoted.get(value, ()):
            said[value] |= {f"c|{segment.role}", f"|{segment.role}"}
            places[value].add(segment.clause)
    size = "two" if len(labels) == 2 else "many"
    has_numbers = target.kind == "number" and any(mentions(part.segment.text) for part, _ in parts)
    for value in labels:
        is_nothing = value is False or (target.kind == "number" and not value)
        found = {"v" + one for one in said[value]}
        if target.kind != "number":
            found |= {"p" + one for one in said.get(target.present, ())}
            found |= {"o" + one for other in labels if other not in (value, target.present) for one in said[other]}
        indirect = {"p|not", "p|ban"} if size == "two" else set()
        indirect |= (
            {f"name|{role}|{context}" for role in ("not", "ban") for context in "Ff"}
            if is_nothing and not has_numbers
            else set()
        )
        if value == target.present or not (_PROPOSING | indirect) & (found | base):
            continue
        kind = {"number": "n0", "month": "m", "unit": "u"}.get(target.kind, "c")
        sense = str(value) if isinstance(value, bool) else "nothing" if is_nothing else size
        features = {f"{kind}:{one}" for one in base | found | {sense}} | {
            f"{sense}:{one}" for one in found if one.count("|") < 2
        }
        features |= {f"{sense}:{one}" for one in base if one.startswith("name")}
        yield Candidate(target, value, None, frozenset(features), frozenset(places[value]))


def _evidence(
    target: Target, value: FieldValue, cues: tuple[Cue, ...], parts: list[tuple[_Part, str]]
) -> tuple[set[str], set[int]]:
    """What the parts say of one value: how strongly, in which role, and whether of this field."""
    found, places = set(), set()
    for part, context in parts:
        role = part.segment.role
        strengths = {"s" if cue.is_strong else "w" for cue in cues if cue.matches(part.stems, part.segment.words)}
        if target.kind != "number":
            strengths |= {"u"} if target.kind == "unit" and value in unit_values(target, part.segment.text) else set()
            strengths |= _literal(value, part.segment)
        for strength in strengths:
            elsewhere = "X" * (context == "X")
            found |= {f"{strength}|{role}|{context}", f"{strength}|{role}{elsewhere}", f"|{role}{elsewhere}"}
            places |= {part.segment.clause} if role != "join" else set()
    if target.kind == "unit" and found and isinstance(value, str):
        found |= {
            "|dated"
            if "from" in value
            else "|undated"
            if any(MONTH.search(part.segment.text) for part, _ in parts)
            else "|plain",
            "|begins as now" if value.split(",")[0] == str(target.present).split(",")[0] else "|anew",
        }
    return found, places


def _literal(value: FieldValue, segment: Segment) -> set[str]:
    """Whether a segment has the value as it is written: ``=`` assigned, ``b`` bare, ``.`` after a word of time."""
    written = "null" if value is None else str(value).lower().replace("_", " ")
    if MONTH.fullmatch(written):
        found = [
            segment.text[: each.start()].split()[-1:] for each in MONTH.finditer(segment.text) if each[0] == written
        ]
        return {
            "=" if not before or before[0] in word_set("assign") else "." if before[0] in word_set("before") else "b"
            for before in found
        }
    words = words_of(written)
    places = [place for place in range(len(segment.words)) if segment.words[place : place + len(words)] == words]
    before = {segment.words[place - 1] if place else "=" for place in places}
    return {"=" if before & (word_set("assign") | word_set("fillers")) else "b"} if places else set()


def _numbers(text: Text, target: Target, parts: list[tuple[_Part, str]], base: frozenset[str]) -> Iterator[Candidate]:
    present = float(target.present) if isinstance(target.present, (int, float)) else None
    said: dict[str, set[str]] = {"up": set(), "down": set()}
    count = 0
    for part, context in parts:
        segment, clause = part.segment, text.clauses.get(part.segment.clause, "")
        if segment.role == "join":
            continue
        found = list(mentions(part.segment.text))
        scaled = relative(part.segment.text, clause, present) if present is not None else None
        if scaled is not None:
            found = [one for one in found if one.end <= scaled.start or one.start >= scaled.end] + [scaled]
        for one in found:
            value = (
                float(round(one.value)) if target.is_integer and one.kind == "relative" else float(f"{one.value:.6g}")
            )
            features = base | _about_number(target, part, context, one, value, present, clause)
            count += 1
            if (target.is_integer and value != int(value)) or (_is_share(target) and not 0 <= value <= 1):
                continue
            yield Candidate(
                target, value, None, frozenset(f"n:{each}" for each in features), frozenset({segment.clause})
            )
        for name, is_said in zip(("down", "up"), directions(part.segment.text), strict=True):
            for sign, other in (("v", name), ("o", "up" if name == "down" else "down")):
                said[other] |= (
                    {f"{sign}|{segment.role}|{context}", f"{sign}|{segment.role}"}
                    if is_said and context != "X"
                    else set()
                )
    for name, own in said.items():
        if present is not None and any(one.startswith("v") for one in own):
            features = base | own | {"numbers" if count else "no numbers", name}
            yield Candidate(target, None, name, frozenset(f"d:{one}" for one in features), frozenset())


def _about_number(
    target: Target, part: _Part, context: str, mention: Mention, value: float, present: float | None, clause: str
) -> set[str]:
    role = part.segment.role
    if role in ("not", "ban", "keep"):
        return {f"{role}|{context}", role}
    own = frozenset(words_of(target.key.replace("_", " ").replace(".", " "))) | word_set("aliases")
    before, after = words_of(part.segment.text[: mention.start])[::-1], words_of(part.segment.text[mention.end :])[:1]
    near = next((word for word in before[:4] if word not in word_set("fillers") or word in word_set("before")), "start")
    previous = near if near in word_set("before") | {"start"} else "name" if near in own else "word"
    following = (after[0] if after[0] in word_set("after") else "word") if after else "end"
    distance = next((place for place, word in enumerate(before) if word in own), None)
    found = {
        f"{role}|{context}",
        role,
        f"kind={mention.kind}",
        f"prev={previous}",
        f"next={following}",
        f"prev={previous}|{role}",
    }
    found |= {f"prev={previous}|{context}", f"kind={mention.kind}|{context}", f"kind={mention.kind}|{role}"}
    found.add("distance=" + ("none" if distance is None else "near" if distance < 4 else "far"))
    named = [(end, keys) for end, keys in part.spans if end <= len(before)][-1:]
    behind = [keys for end, keys in part.spans if end > len(before)][:1]
    found |= {"before=" + ("own" if target.key in keys else "other") for _, keys in named} or {"before=none"}
    found |= {"behind=" + ("own" if target.key in keys else "other") for keys in behind} or {"behind=none"}
    found |= {
        f"kind={mention.kind}|prev={previous}",
        f"kind={mention.kind}|next={following}",
        f"next={following}|{role}",
    }
    if present is not None:
        down, up = directions(clause)
        change = "same" if value == present else "down" if value < present else "up"
        says = "both" if down and up else "down" if down else "up" if up else "none"
        found |= {
            "same" if change == "same" else "change",
            f"agree={change == says}" if says in ("up", "down") else f"says={says}",
        }
    if _is_share(target):
        around = (*before[:4], "|", *words_of(part.segment.text[mention.end :])[:4])
        found |= {f"split={word[:4]}" for word in around if word[:4] in ("trai", "test", "vali", "held")}
    return found


def _is_share(target: Target) -> bool:
    return (
        target.kind == "number"
        and not target.is_integer
        and target.key.endswith(("_size", "_share", "momentum", "dropout", "_kept"))
    )
