"""Reads a proposed fix in plain words into a patch, in the registry's own vocabulary. Pure, table-driven, bounded.

A text is cut into clauses. A clause that says what to keep, or what was, proposes nothing; what stands behind "instead of"
or "not" is taken out. What is left proposes a value of the field it names, or of the field named before it. Two or more
values that contradict each other for a choice are a hedge and read as nothing.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from domain import fix_concepts as concepts
from domain.actions import Diagnosis, PatchEntry
from domain.fix_values import Proposed, propose_number
from domain.naming import MASK, fields_named, mask_fields, settable_fields, to_words
from domain.registry import FieldSpec, ValueOutsideFieldError
from domain.scenario import Truth
from domain.training.artifacts import render_code
from domain.training.pipeline import FieldValue, Pipeline

Direction = Literal["up", "down"]
LONGEST_FIX = 600
MOST_ENTRIES = 2


class FixReading(NamedTuple):
    """What a diagnosis proposes to change."""

    patch: tuple[PatchEntry, ...]
    """To be judged as a patch; empty: nothing concrete could be read."""
    leaning: tuple[tuple[FieldSpec, Direction], ...] = ()
    """Numeric fields of which only the direction of change could be read."""


NOTHING = FixReading(())


def read_fix(diagnosis: Diagnosis, truth: Truth) -> FixReading:
    """What to judge: the patch as it stands, else what the words of the fix propose for the run at hand."""
    if diagnosis.patch:
        return FixReading(diagnosis.patch)
    if not diagnosis.proposed_fix:
        return NOTHING
    answered = fields_named(diagnosis.root_cause_field)
    return read_text(diagnosis.proposed_fix, answered, Pipeline.from_json(truth.pipeline))


def read_text(text: str, answered: tuple[FieldSpec, ...], current: Pipeline) -> FixReading:
    """Read a fix in words.

    Args:
        text: at most 600 characters.
        answered: the fields named as the root cause: what "it" means where the text names none.
        current: the pipeline that the fix is proposed for; relative changes start from its values.
    """
    subject = _subject(answered)
    values: dict[FieldSpec, list[FieldValue]] = {}
    leaning: dict[FieldSpec, Direction] = {}
    text = _plainly(text[:LONGEST_FIX])
    going: Direction | None = None
    shown = _shown_lines(text, [subject] if subject is not None else [], current)
    for clause, is_reason in _clauses(text):
        named = _targets(clause)
        if is_reason and named and subject not in named:
            continue
        targets = named or ([subject] if subject is not None else [])
        is_held = subject is not None and _identifier(subject, clause) is not None
        if _proposes_nothing(to_words(clause)) and not is_held and not _ARROW.search(clause):
            continue
        if subject is not None and subject not in named and is_held:
            targets = [subject]
        if going is not None and _only_names(clause):
            leaning |= {spec: going for spec in named if spec not in leaning}
            continue
        going = None
        for spec in targets:
            if spec.attribute in {known.attribute for known in shown}:
                continue
            proposed = _propose(spec, clause, current, is_subject=spec == subject)
            if proposed is None or (spec != subject and not _asks(clause)):
                continue
            if proposed.values:
                values.setdefault(spec, []).extend(proposed.values)
            elif (
                proposed.direction
                and spec not in leaning
                and (subject is None or subject not in targets or spec == subject)
            ):
                leaning[spec] = going = proposed.direction
        if len(named) == 1 and not is_reason and (subject is None or _asks(clause)):
            subject = named[0]
    return _settle({**values, **shown}, leaning, current)


def _shown_lines(text: str, specs: list[FieldSpec], current: Pipeline) -> dict[FieldSpec, list[FieldValue]]:
    """Choices whose line of preprocessing.py the text quotes, spaces and quotation marks aside; the last one counts."""
    quoted = _bare(text)
    found: dict[FieldSpec, list[FieldValue]] = {}
    for spec in specs:
        if spec.type != "choice" or spec.attribute is None or "=" not in text and "(" not in text:
            continue
        codes = {choice: _code_lines(current, spec, choice) for choice in spec.choices}
        shared = frozenset.intersection(*codes.values())
        places = {
            choice: max((quoted.rfind(line) for line in lines - shared), default=-1) for choice, lines in codes.items()
        }
        last = max(places, key=lambda choice: places[choice])
        if places[last] >= 0:
            found[spec] = [last]
    return found


def _code_lines(current: Pipeline, spec: FieldSpec, choice: str) -> frozenset[str]:
    assert spec.attribute is not None
    code = render_code(current.with_value(spec.attribute, spec.to_pipeline(choice)))
    return frozenset(_bare(line) for line in code.splitlines())


def _bare(text: str) -> str:
    return re.sub(r"[\s'\"`]+|\breturn\b", "", text)


def _subject(answered: tuple[FieldSpec, ...]) -> FieldSpec | None:
    merged = _merged(list(answered))
    return merged[0] if len(merged) == 1 else None


def _merged(specs: list[FieldSpec]) -> list[FieldSpec]:
    """Co-fields (two names of one value) count once."""
    seen: dict[str | None, FieldSpec] = {}
    for spec in sorted(specs, key=lambda one: (one.opposite, one.field)):
        seen.setdefault(spec.attribute, spec)
    return list(seen.values())


_CLAUSE = re.compile(
    r"[;\n]+|\s\|\s|(?<!\d)(?<!\be\.g)(?<!\bi\.e)[.!?](?=\s|$)|(?<=\d)[.](?=\s|$)|,(?=\s)|\s[–—-]\s"
    r"|\b(?:but|while|whereas|because|since|so that|then|which)\b"
    r"|\band\s+(?=(?:set|use|reduce|lower|decrease|increase|raise|keep|leave|switch|change|add|fit|do|don't|make|train|call|pass|swap|pin|optional\w*|re\w*)\b)",
    re.IGNORECASE,
)


_BRACKETED = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|\{[^{}]*\}")


_REASONS = frozenset({"because", "since", "so that", "which", "while", "whereas"})


class _Clause(NamedTuple):
    text: str
    is_reason: bool
    """It tells why, or to what end: it proposes nothing for a field that it names itself."""


def _clauses(text: str) -> list[_Clause]:
    text = text.replace("e.g.", "eg").replace("i.e.", "ie").replace("approx.", "about")
    text = _BRACKETED.sub(
        lambda found: found[0].replace(",", ";") if found[0].count("=") > 1 else found[0].replace(", ", ","), text
    )
    clauses, place, is_reason = [], 0, False
    for mark in [*_CLAUSE.finditer(text), None]:
        part = text[place : mark.start() if mark else len(text)]
        if part.strip():
            clauses.append(_Clause(part, is_reason))
        if mark is not None:
            place = mark.end()
            is_reason = mark[0].strip().lower() in _REASONS or (is_reason and mark[0].strip() == ",")
    return clauses


_ARROW = re.compile(r"->|=>|→|⇒|➜")
_BECOMES = re.compile(rf"{_ARROW.pattern}|\bshould (?:be|become|read)\b|\bbecomes\b")
_REPLACE = re.compile(r"\breplac\w+ (\S+) (?:by|with) (?=\S)(\S*)", re.IGNORECASE)
_SED = re.compile(r"\bs([/|#])((?:(?!\1).)+)\1((?:(?!\1).)*)\1g?")


def _only_names(clause: str) -> bool:
    """A further item of a list such as "lower a, b and c"."""
    _, left = mask_fields(to_words(clause))
    return MASK.strip() in left and set(left.split()) <= {MASK.strip(), "and", "or", "the", "as", "well", "also"}


def _asks(clause: str) -> bool:
    """Whether a clause asks for a change: an assignment, an arrow, a request, or no more than a name and a value."""
    words = to_words(clause)
    return bool(
        concepts.DIRECTIVE.search(words)
        or _ARROW.search(clause)
        or re.search(r"=|:\s", clause)
        or len(words.split()) <= 6
    )


def _proposes_nothing(words: str) -> bool:
    return concepts.KEEP.search(words) is not None or concepts.OPTIONAL.search(words) is not None


def _plainly(text: str) -> str:
    """Arrows, substitutions of a stream editor and typographic marks in one spelling."""
    text = _SED.sub(r" \2 -> \3 ", text.replace("\\", ""))
    text = re.sub(r"\bversion (\d)\b", r"v\1", text)
    text = _REPLACE.sub(r"\1 -> \2", text)
    if re.search(r"^\s*\+", text, re.MULTILINE) and re.search(r"^\s*-", text, re.MULTILINE):
        text = re.sub(r"^\s*-.*$", "", text, flags=re.MULTILINE)
    return text.replace("’", "'").replace("↓", " down ").replace("↑", " up ").replace("×", "x").replace("−", "-")


def _targets(clause: str) -> list[FieldSpec]:
    """The fields a clause is about: those left of an assignment, else all it names."""
    for part in (re.split(r"(?<![=<>!])=(?!=)|:(?=\s)", clause)[0], clause):
        settable = _merged(list(settable_fields(to_words(part))))
        if settable:
            return settable
    return []


def _propose(spec: FieldSpec, clause: str, current: Pipeline, *, is_subject: bool) -> Proposed | None:
    positive = _positive(clause)
    if spec.attribute is None:
        return None
    present = spec.from_pipeline(current.value(spec.attribute))
    if spec.type in ("number", "integer"):
        return propose_number(spec, positive, present, is_subject=is_subject)
    value = _choice(spec, positive, present, current)
    return Proposed((value,), None) if value is not None else None


def _positive(clause: str) -> str:
    """The clause without what it rules out: all that stands behind a negation, up to "and", "to" or "use"."""
    found = re.search(
        r"\b(?:instead of|rather than|as opposed to|not|never|no longer|without|avoid\w*|stop\w*|don't|doesn't|cannot|isn't|shouldn't)\b",
        clause,
        re.IGNORECASE,
    )
    if found is None:
        return clause
    rest = clause[found.end() :]
    back = re.search(r"\b(?:use|to|but|should be)\b|->|→", rest) if found.start() < 3 else None
    return clause[: found.start()] + (rest[back.start() :] if back else "")


def _choice(spec: FieldSpec, positive: str, present: FieldValue, current: Pipeline) -> FieldValue:
    """The choice that a clause stands for: named as such, held by a constant of the code, or meant by its words."""
    value = _literal(spec, positive, present)
    if value is None:
        value = _identifier(spec, positive)
    if value is None:
        words = to_words(_ARROW.split(positive)[-1])
        _, left = mask_fields(words)
        wanted = concepts.FIELD_CONCEPTS.get(spec.field, ())
        met = {_resolved(spec, choice, present, current) for concept, choice in wanted if _means(concept, words, left)}
        value = met.pop() if len(met) == 1 else None
        if value == present and not concepts.DIRECTIVE.search(words):
            return None  # telling what is, not asking for it
    return _resolved(spec, value, present, current)


def _resolved(spec: FieldSpec, value: FieldValue, present: FieldValue, current: Pipeline) -> FieldValue:
    if value == concepts.AS_TRAINING:
        return current.preprocessing.tokenizer_train
    if value == concepts.OPPOSITE:
        return next(choice for choice in spec.choices if choice != present)
    return value


def _identifier(spec: FieldSpec, positive: str) -> FieldValue:
    known = concepts.IDENTIFIERS.get(spec.field)
    if known is None or concepts.CONCEPTS["other"].search(to_words(positive)):
        return None
    pattern, choice = known
    return choice if pattern.search(_after_arrow(positive)) else None


def _after_arrow(clause: str) -> str:
    return _BECOMES.split(clause)[-1]


def _means(concept: str, words: str, left: str) -> bool:
    spoiler = concepts.SPOILERS.get(concept)
    if spoiler is not None and concepts.CONCEPTS[spoiler].search(left):
        return False
    return all(
        concepts.CONCEPTS[part].search(words) is not None or concepts.CONCEPTS[part].search(left) is not None
        for part in concept.split("+")
    )


def _literal(spec: FieldSpec, positive: str, present: FieldValue) -> FieldValue:
    """A choice that is named as such: behind an arrow, "=", "to", "use" and the like, or right behind the field."""
    if spec.type == "boolean":
        return None
    tail = _after_arrow(positive)
    is_changed = tail != positive
    _, left = mask_fields(to_words(tail))
    hits = []
    for choice in spec.choices:
        assigned = re.search(
            rf"(?:=\s*|:\s*|\b(?:to|use|using|with|be|by)\s+)['\"(]*(?:[\w.]+-)*{re.escape(choice)}(?![\w\[(.]|\s*[-+*]\s*\d)",
            tail,
            re.IGNORECASE,
        )
        word = to_words(choice)
        plain = choice.lower() in concepts.PLAIN_WORDS
        behind = not plain and f"{MASK}{word.strip()} " in left
        alone = word in left if not plain else left.startswith(word)
        if assigned or behind or (is_changed and alone):
            hits.append(choice)
    if len(hits) != 1 or (hits[0] == present and not concepts.DIRECTIVE.search(to_words(positive))):
        return None
    return hits[0]


def _settle(
    values: dict[FieldSpec, list[FieldValue]], leaning: dict[FieldSpec, Direction], current: Pipeline
) -> FixReading:
    entries = []
    for spec, proposed in values.items():
        assert spec.attribute is not None
        present = spec.from_pipeline(current.value(spec.attribute))
        changed = [value for value in proposed if value != present]
        if spec.type == "choice" and len(changed) < len(proposed):
            continue
        chosen = _chosen(spec, changed, present)
        if chosen is not None:
            entries.append(PatchEntry(file=spec.file, field=spec.field, value=chosen))
    read = {entry.field for entry in entries}
    if len(read | {spec.field for spec in leaning}) > MOST_ENTRIES:
        return NOTHING
    if entries:
        return FixReading(tuple(entries))
    return FixReading((), tuple(leaning.items()))


def _chosen(spec: FieldSpec, proposed: list[FieldValue], present: FieldValue) -> FieldValue:
    """One value: of several numbers the one nearest to the present value, so that a wide hedge gains nothing."""
    distinct = list(dict.fromkeys(proposed))
    if not distinct:
        return None
    if spec.type not in ("number", "integer"):
        return distinct[0] if len(distinct) == 1 else None
    numbers = [float(value) for value in distinct if isinstance(value, (int, float))]
    base = float(present) if isinstance(present, (int, float)) else 0.0
    nearest = min(numbers, key=lambda value: abs(value - base))
    value: float | int = int(nearest) if spec.type == "integer" and nearest == int(nearest) else nearest
    try:
        spec.to_pipeline(value)
    except ValueOutsideFieldError:
        return None
    return value


__all__ = ["MASK", "NOTHING", "FixReading", "read_fix", "read_text"]
