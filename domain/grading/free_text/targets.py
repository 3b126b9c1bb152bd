"""What a fix can change in the run at hand: its declarations, with the values that words can give them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Iterator, NamedTuple

from domain.fields.registry import REGISTRY
from domain.grading.free_text.lexicon import UNITS
from domain.grading.written_run import Declaration, MultiSourceRun, SingleTableRun, WrittenRun
from domain.training.artifacts.code.names import SCHEMES
from domain.training.multi_source.registry import resolve
from domain.training.pipeline import FieldValue

_MONTH = re.compile(r"\b20\d\d-\d\d\b")
_SECOND_NAMES = frozenset(spec.field for spec in REGISTRY if spec.opposite)


class Target(NamedTuple):
    """One declaration of the run."""

    key: str
    """Of the lexicon."""
    declaration: Declaration
    kind: str
    """``number``, ``choice`` or ``unit``."""
    present: FieldValue
    labels: dict[FieldValue, tuple[str, ...]]
    """Values, each with the names under which the lexicon has its cues."""
    written: dict[FieldValue, re.Pattern[str]]
    """How values are written; those of numbers are found otherwise."""
    places: tuple[tuple[str, str], ...]
    """``source`` and ``column`` with their names in plain words: they have to be named beside the field."""


def in_plain_names(text: str, run: WrittenRun) -> str:
    """The text with the names of a run's code as the plainest code has them, and those of sources and columns as one word."""
    if isinstance(run, MultiSourceRun):
        for name in (*run.state.layout.source_names, *run.state.layout.column_names):
            apart = name.replace("_", "[_ -]")
            text = re.sub(rf"\b{apart}(?![A-Za-z])", name.replace("_", ""), text, flags=re.IGNORECASE)
        return text
    assert isinstance(run, SingleTableRun)
    scheme = SCHEMES[run.pipeline.style.names]
    names = {own: plain for plain, own in scheme.items() if "_" in own or own.isupper() and len(own) > 2}
    return re.sub(r"(?<![\w.])[A-Za-z_]\w*", lambda found: names.get(found[0], found[0]), text)


def possible(run: WrittenRun, declaration: Declaration, value: FieldValue) -> FieldValue:
    """The value as a field writes it; empty: the field cannot take it."""
    try:
        return run.checked(declaration, value)
    except ValueError:
        return ""


@lru_cache(maxsize=64)
def targets_of(run: WrittenRun) -> tuple[Target, ...]:
    """The targets of a run."""
    return tuple(_target(run, one, value) for one, value in run.declarations.items() if one.field not in _SECOND_NAMES)


def _target(run: WrittenRun, declaration: Declaration, present: FieldValue) -> Target:
    key, values, kind = declaration.field, run.choices(declaration), "choice"
    places: tuple[tuple[str, str], ...] = ()
    more: dict[FieldValue, tuple[str, ...]] = {}
    forms: dict[FieldValue, list[str]] = {}
    if run.is_number(declaration):
        values, kind = tuple(one for one in (None, 0, 1) if possible(run, declaration, one) == one), "number"
    if isinstance(run, MultiSourceRun):
        layout, spec, leaf = run.state.layout, resolve(run.state.layout, *declaration), key.rpartition(".")[2]
        own = (("source", spec.source), ("column", spec.column))
        key, places = spec.pattern.field, tuple((one, name.replace("_", "")) for one, name in own if name)
        if leaf == "unit":
            kind, forms = "unit", {unit: UNITS.get(unit, [unit]) for unit in layout.column(spec.column).units}
        values = (
            layout.months if leaf in ("used_until", "snapshot") else ("id", "id, line") if leaf == "keys" else values
        )
        more = {one: ("older",) for one in values if key.startswith("environment.") and str(one) < str(present)}
    elif isinstance(run, SingleTableRun) and key == "tokenizer.version":
        more = {run.pipeline.preprocessing.tokenizer_train: ("training",)}
    elif isinstance(run, SingleTableRun) and key == "model.num_classes":
        classes, one_more = len(run.pipeline.dataset.classes), run.pipeline.model.num_classes + 1
        more = {one_more: ("more",)} | {classes: ("classes", "more") if classes == one_more else ("classes",)}
    labels = {value: (_label(value), *more.get(value, ())) for value in (*values, *more)}
    if len(labels) == 2:
        labels = {value: (*names, "same" if value == present else "opposite") for value, names in labels.items()}
    forms |= {value: [_plain(value, run)] for value in labels if kind != "number"}
    return Target(
        key, declaration, kind, present, labels, {one: _expression(own) for one, own in forms.items()}, places
    )


def _label(value: FieldValue) -> str:
    own = "null" if value is None else ("on" if value else "off") if isinstance(value, bool) else str(value).lower()
    return own.removesuffix(".0")


def _plain(value: FieldValue, run: WrittenRun) -> str:
    return "null" if value is None else in_plain_names(str(value), run).lower().replace("_", " ")


def _expression(forms: list[str]) -> re.Pattern[str]:
    """The ways to write a value; a star stands for any ending."""
    written = "|".join(re.escape(form).replace(r"\*", r"\w*") for form in forms)
    return re.compile(rf"(?<![\w./])(?:{written})(?![\w/]|\.\d)")


def written_in(target: Target, text: str) -> Iterator[tuple[FieldValue, int, int]]:
    """The values that stand in a segment as they are written, and where; of units also one from a month on."""
    found = [(value, *one.span()) for value, form in target.written.items() for one in form.finditer(text)]
    yield from found
    if target.kind == "unit":
        present = str(target.present).split(",")[0]
        places = {present: -1} | {str(value): start for value, start, _ in reversed(found) if value != present}
        for month in _MONTH.finditer(text):
            pairs = ((one, other) for one in places for other in places if places[one] < places[other])
            yield from ((f"{one}, from {month[0]} {other}", *month.span()) for one, other in pairs)
