"""What a text says of each value of each field, as names of features; the weights are of these names."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Iterator, NamedTuple

from domain.grading.free_text.clauses import Segment, split, words_of
from domain.grading.free_text.language import word_set
from domain.grading.free_text.lexicon import Cue, Lexicon, Name, lexicon, stems
from domain.grading.free_text.numbers import Mention, directions, mentions, relative
from domain.grading.free_text.quotes import in_plain_names, lines_of, quoted
from domain.grading.free_text.targets import MONTH, Target, targets_of, unit_values
from domain.grading.written_run import Declaration, SingleTableRun, WrittenRun
from domain.training.pipeline import FieldValue

_PROPOSING = frozenset({"v|ask", "v|say", "v|why", "v|join", "v|askX", "v|sayX", "v|whyX", "v|joinX"})


class Candidate(NamedTuple):
    """A value, or only a direction, that a text may propose for a field."""

    target: Target
    value: FieldValue
    direction: str | None
    features: frozenset[str]
    clauses: frozenset[int]
    """Where it is expressed."""


class Part(NamedTuple):
    """A segment, and what stands in its clause."""

    segment: Segment
    stems: frozenset[str]
    clause: str
    words: frozenset[str]
    names: tuple[Name, ...]


class Text(NamedTuple):
    """A text, read once for all fields."""

    parts: tuple[Part, ...]
    stems: frozenset[str]
    words: frozenset[str]
    of_cause: frozenset[str]
    """The words of the named cause."""
    numbers: frozenset[float]
    has_code: bool
    named: frozenset[str]
    """The fields that were named as the root cause."""

    def named_in(self, role: str = "") -> int:
        """How many fields are named by names of the registry, everywhere or in parts of one role."""
        parts = (part for part in self.parts if not role or part.segment.role == role)
        return len({min(name.keys) for part in parts for name in part.names if any(name.keys.values())})

    def about_all(self) -> set[str]:
        """What holds for every field."""
        asked = [part for part in self.parts if part.segment.role == "ask"]
        vague = sum(bool(part.stems & word_set("vague")) for part in asked)
        found = {f"asks={min(len(asked), 3)}", f"fields={min(self.named_in(), 6)}"}
        found |= ({"vague"} if vague else set()) | ({"only vague"} if vague and vague == len(asked) else set())
        return found | ({"keeps"} if any(part.segment.role == "keep" for part in self.parts) else set())

    def contexts(self, target: Target) -> Iterator[tuple[Part, str]]:
        """Each part, and how it means the field: F names it, X another one, P it was named before, R it is the named cause."""
        before = False
        for part in self.parts:
            own = [name.keys[target.key] for name in part.names if target.key in name.keys]
            if own:
                context = "F" if any(own) else "f"
            elif any(any(name.keys.values()) for name in part.names):
                context = "X"
            else:
                context = "P" if before else "R" if target.declaration.field in self.named else "0"
            if part.segment.role != "join":
                before = context in "Ff" or (before and context != "X")
            yield part, context


def text_of(text: str, named: frozenset[str], root: str, run: WrittenRun) -> Text:
    """The text in parts.

    Args:
        named: the fields that were named as the root cause.
        root: how they were named.
    """
    has_code = re.search(r"[=(\[]|\w\.\w", text) is not None
    text, root = in_plain_names(text, run), in_plain_names(root, run)
    words: dict[int, tuple[str, ...]] = defaultdict(tuple)
    clause: dict[int, str] = defaultdict(str)
    segments = [one._replace(words=_joined(one.words, run)) for one in split(text)]
    for one in segments:
        words[one.clause] += one.words
        clause[one.clause] += " " + one.text
    names = {number: tuple(lexicon_of(run).names_in(own)) for number, own in words.items()}
    parts = tuple(
        Part(
            one,
            frozenset(stem for word in one.words for stem in stems(word)),
            clause[one.clause],
            frozenset(words[one.clause]),
            names[one.clause],
        )
        for one in segments
    )
    said = frozenset(word for own in words.values() for word in own)
    of_cause = frozenset(_joined(words_of(root.lower().replace("_", " ")), run))
    numbers = frozenset(number.value for one in segments for number in mentions(one.text))
    return Text(parts, frozenset().union(*(part.stems for part in parts)), said, of_cause, numbers, has_code, named)


def lexicon_of(run: WrittenRun) -> Lexicon:
    return lexicon("single_table" if isinstance(run, SingleTableRun) else "multi_source")


def candidates(text: Text, run: WrittenRun) -> Iterator[Candidate]:
    """Every value of every field that the text says something of."""
    places, code = _places(text, run), _code_of(text, run)
    for target in targets_of(run):
        if not places.issuperset(target.places) or (code and target.declaration not in code):
            continue
        parts = list(text.contexts(target))
        cues = {
            label: tuple(cue for cue in own if cue.needed <= text.stems)
            for label, own in lexicon_of(run).cues.get(target.key, {}).items()
        }
        if (
            all(context in "X0" for _, context in parts)
            and not code
            and not any(
                cue.is_strong and cue.matches(part.stems, part.segment.words)
                for own in cues.values()
                for cue in own
                for part in text.parts
            )
        ):
            continue
        base = text.about_all() | {
            "root=" + ("named" if target.declaration.field in text.named else "other" if text.named else "none")
        }
        base |= {f"name|{part.segment.role}|{context}" for part, context in parts if context not in "X0"}
        yield from _values(target, cues, parts, base, code.get(target.declaration, {}))
        if target.kind == "number":
            base |= {"quotes present"} if target.present not in (0, 1) and target.present in text.numbers else set()
            yield from _numbers(run, target, parts, base)


def _code_of(text: Text, run: WrittenRun) -> dict[Declaration, dict[FieldValue, list[Segment]]]:
    """The segments that ask for a line of code which only another value of a field has: such a text is about that field."""
    segments = [part.segment for part in text.parts]
    found: dict[Declaration, dict[FieldValue, list[Segment]]] = {}
    for declaration, values in lines_of(run).items() if text.has_code else ():
        own = {value: list(quoted(lines, segments)) for value, lines in values.items()}
        if any(
            one.role == "ask" for value, ones in own.items() if value != run.declarations[declaration] for one in ones
        ):
            found[declaration] = own
    return found


def _places(text: Text, run: WrittenRun) -> set[tuple[str, str]]:
    """The sources and columns that the text names, and where it names none, those of the named cause."""
    known = {place for target in targets_of(run) for place in target.places}
    found = {place for place in known if place[1] in text.words}
    kinds = {kind for kind, _ in found}
    return found | {(kind, name) for kind, name in known if kind not in kinds and name in text.of_cause}


def _joined(words: tuple[str, ...], run: WrittenRun) -> tuple[str, ...]:
    """The words, with those of the name of a source or a column as one: what they mean alone does not count."""
    names = {tuple(name.split("_")): name for target in targets_of(run) for _, name in target.places if "_" in name}
    found, place = [], 0
    while place < len(words):
        size = next((len(own) for own in names if words[place : place + len(own)] == own), 1)
        found.append("_".join(words[place : place + size]))
        place += size
    return tuple(found)


def _values(
    target: Target,
    cues: dict[str, tuple[Cue, ...]],
    parts: list[tuple[Part, str]],
    base: set[str],
    code: dict[FieldValue, list[Segment]],
) -> Iterator[Candidate]:
    labels = dict(target.labels)
    for part, _ in parts if target.kind == "unit" else ():
        labels |= dict.fromkeys(unit_values(target, part.segment.text), ())
    said, places = {}, {}
    for value, names in labels.items():
        own = tuple(cue for name in names for cue in cues.get(name, ()))
        said[value], places[value] = _evidence(target, value, own, parts)
        for segment in code.get(value, ()):
            said[value] |= {f"c|{segment.role}", f"|{segment.role}"}
            places[value].add(segment.clause)
    is_flag = len(labels) == 2
    for value in labels:
        if value == target.present:
            continue
        found = {"v" + one for one in said[value]} | {"p" + one for one in said.get(target.present, ())}
        found |= {"o" + one for other in labels if other not in (value, target.present) for one in said[other]}
        indirect = {"p|not", "p|ban"} if is_flag else set()
        if value is False:
            indirect |= {"name|not|F", "name|ban|F", "name|not|f", "name|ban|f"}
        if (_PROPOSING | indirect) & (found | base):
            kind = "n0" if target.kind == "number" else target.kind
            sense = str(value) if isinstance(value, bool) else ""
            features = {f"{kind}:{one}" for one in base | found} | (
                {f"{sense}:{one}" for one in base | found} if sense else set()
            )
            yield Candidate(target, value, None, frozenset(features), frozenset(places[value]))


def _evidence(
    target: Target, value: FieldValue, cues: tuple[Cue, ...], parts: list[tuple[Part, str]]
) -> tuple[set[str], set[int]]:
    """What the parts say of one value: how strongly, in which role, and whether of this field."""
    found, places = set(), set()
    for part, context in parts:
        role = part.segment.role + "X" * (context == "X")
        strengths = {"s" if cue.is_strong else "w" for cue in cues if cue.matches(part.stems, part.segment.words)}
        if target.kind == "unit" and value in unit_values(target, part.segment.text):
            strengths.add("u")
        if target.kind != "number":
            strengths |= _literal(value, part.segment)
        for strength in strengths:
            found |= {f"{strength}|{part.segment.role}|{context}", f"{strength}|{role}", f"|{role}"}
            places |= {part.segment.clause} if part.segment.role != "join" else set()
    return found, places


def _literal(value: FieldValue, segment: Segment) -> set[str]:
    """Whether a segment has the value as it is written: ``=`` assigned, ``b`` bare, ``.`` after a word of time."""
    written = "null" if value is None else str(value).lower().replace("_", " ")
    words = words_of(written)
    places = [place for place in range(len(segment.words)) if segment.words[place : place + len(words)] == words]
    before = {segment.words[place - 1] if place else "=" for place in places}
    if MONTH.fullmatch(written):
        return {"=" if one in word_set("assign") else "." if one in word_set("before") else "b" for one in before}
    return {"=" if before & (word_set("assign") | word_set("fillers")) else "b"} if places else set()


def _numbers(run: WrittenRun, target: Target, parts: list[tuple[Part, str]], base: set[str]) -> Iterator[Candidate]:
    present = float(target.present) if isinstance(target.present, (int, float)) else None
    said: dict[str, set[str]] = {"up": set(), "down": set()}
    for part, context in parts:
        segment = part.segment
        if segment.role == "join":
            continue
        found = list(mentions(segment.text))
        scaled = relative(segment.text, part.clause, present) if present is not None else None
        if scaled is not None:
            found = [one for one in found if one.end <= scaled.start or one.start >= scaled.end] + [scaled]
        for one in found:
            value = _possible(run, target, one)
            if value is None:
                continue
            features = base | _about_number(target, part, context, one, value, present)
            yield Candidate(
                target, value, None, frozenset(f"n:{each}" for each in features), frozenset({segment.clause})
            )
        for name, is_said in zip(("down", "up"), directions(segment.text), strict=True):
            if is_said and context != "X":
                other = "up" if name == "down" else "down"
                said[name] |= {f"v|{segment.role}|{context}", f"v|{segment.role}"}
                said[other] |= {f"o|{segment.role}|{context}", f"o|{segment.role}"}
    for name, own in said.items():
        if present is not None and any(one.startswith("v") for one in own):
            yield Candidate(target, None, name, frozenset(f"d:{one}" for one in base | own), frozenset())


def _possible(run: WrittenRun, target: Target, mention: Mention) -> float | int | None:
    """The number as the field can take it; None: it cannot."""
    value = float(f"{mention.value:.6g}")
    for one in (int(value) if value.is_integer() else value, round(value) if mention.kind == "relative" else value):
        try:
            run.checked(target.declaration, one)
        except ValueError:
            continue
        return one
    return None


def _about_number(
    target: Target, part: Part, context: str, mention: Mention, value: float, present: float | None
) -> set[str]:
    role = part.segment.role
    if role in ("not", "ban", "keep"):
        return {role, f"{role}|{context}"}
    own = frozenset(words_of(target.key.replace("_", " ").replace(".", " "))) | word_set("aliases")
    before = words_of(part.segment.text[: mention.start])[::-1]
    near = next((word for word in before[:4] if word not in word_set("fillers") or word in word_set("before")), "start")
    previous = near if near in word_set("before") | {"start"} else "name" if near in own else "word"
    found = {role, f"{role}|{context}"}
    after = words_of(part.segment.text[mention.end :])[:2]
    following = (
        "own"
        if own & {*after}
        else "end"
        if not after
        else next((word for word in after[:1] if word in word_set("after")), "word")
    )
    for name in (f"kind={mention.kind}", f"prev={previous}", f"next={following}"):
        found |= {name, f"{name}|{role}", f"{name}|{context}"}
    found.add(f"kind={mention.kind}|prev={previous}")
    if present is not None and value != present:
        down, up = directions(part.clause)
        found |= {"agrees=" + str(down if value < present else up)} if down != up else set()
    return found | ({"same"} if value == present else set())
