"""What a fix can change in the run at hand: its declarations, with the values that words can give them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from domain.fields.registry import REGISTRY
from domain.grading.free_text.lexicon import UNITS
from domain.grading.written_run import Declaration, MultiSourceRun, SingleTableRun, WrittenRun
from domain.training.multi_source.registry import resolve
from domain.training.pipeline import FieldValue

MONTH = re.compile(r"\b20\d\d-\d\d\b")
_HIDDEN = frozenset(spec.field for spec in REGISTRY if spec.opposite)
"""Second names of a value."""


class Target(NamedTuple):
    """One declaration of the run."""

    key: str
    """Of the lexicon."""
    declaration: Declaration
    kind: str
    """``number``, ``choice``, ``month`` or ``unit``."""
    present: FieldValue
    labels: dict[FieldValue, tuple[str, ...]]
    """Values, each with the names under which the lexicon has its cues."""
    places: tuple[tuple[str, str], ...] = ()
    """``source`` and ``column`` with their names: they have to be named beside the field."""
    units: tuple[str, ...] = ()


@lru_cache(maxsize=64)
def targets_of(run: WrittenRun) -> tuple[Target, ...]:
    """The targets of a run."""
    if isinstance(run, MultiSourceRun):
        return tuple(_of_sources(run, one, value) for one, value in run.declarations.items())
    assert isinstance(run, SingleTableRun)
    return tuple(_of_table(run, one, value) for one, value in run.declarations.items() if one.field not in _HIDDEN)


def _of_table(run: SingleTableRun, declaration: Declaration, present: FieldValue) -> Target:
    field, pipeline = declaration.field, run.pipeline
    values, kind = run.choices(declaration), "choice"
    if run.is_number(declaration):
        values, kind = tuple(one for one in (None, 0, 1) if _can_be(run, declaration, one)), "number"
    more: dict[str, FieldValue] = {}
    if field == "tokenizer.version":
        more = {"training": pipeline.preprocessing.tokenizer_train}
    elif field == "model.num_classes":
        more = {"classes": len(pipeline.dataset.classes), "more": pipeline.model.num_classes + 1}
    return Target(field, declaration, kind, present, _labels((*values, *more.values()), present, more))


def _can_be(run: WrittenRun, declaration: Declaration, value: FieldValue) -> bool:
    try:
        run.checked(declaration, value)
    except ValueError:
        return False
    return True


def _of_sources(run: MultiSourceRun, declaration: Declaration, present: FieldValue) -> Target:
    layout, path = run.state.layout, declaration.field
    spec, leaf = resolve(layout, *declaration), path.rpartition(".")[2]
    values, kind = run.choices(declaration), "choice"
    if leaf in ("used_until", "snapshot"):
        values, kind = layout.months, "month"
    elif leaf == "unit":
        kind = "unit"
    elif run.is_number(declaration):
        values, kind = (None,) if run.is_nullable(declaration) else (1.0,) if leaf == "majority_kept" else (), "number"
    elif leaf == "keys":
        values = ("id", "id, line")
    older = [one for one in values if path.startswith("environment.") and str(one) < str(present)]
    places = tuple((one, name) for one, name in (("source", spec.source), ("column", spec.column)) if name)
    units = layout.column(spec.column).units if kind == "unit" else ()
    return Target(
        spec.pattern.field,
        declaration,
        kind,
        present,
        _labels(values, present, {f"older{at}": one for at, one in enumerate(older)}),
        places,
        units,
    )


def _labels(
    values: tuple[FieldValue, ...], present: FieldValue, more: dict[str, FieldValue]
) -> dict[FieldValue, tuple[str, ...]]:
    values, found = tuple(dict.fromkeys(values)), {}
    for value in values:
        own = "null" if value is None else ("on" if value else "off") if isinstance(value, bool) else str(value).lower()
        side = ("same" if value == present else "opposite",) if len(values) == 2 else ()
        found[value] = (
            own.removesuffix(".0"),
            *(name.rstrip("0123456789") for name, one in more.items() if one == value),
            *side,
        )
    return found


def unit_values(target: Target, text: str) -> list[str]:
    """The units that a segment gives a column: one, one from a month on, or one and then another."""
    found = []
    for unit in target.units:
        for name in UNITS.get(unit, [unit]):
            written = re.escape(name).replace(r"\*", r"\w*")
            found += [(each.start(), unit) for each in re.finditer(rf"(?<![\w/]){written}(?![\w/])", text)]
    units = list(dict.fromkeys(unit for _, unit in sorted(found)))
    first = str(target.present).split(",")[0]
    pairs = [(one, other) for one in dict.fromkeys((first, *units)) for other in units if one != other]
    dated = [f"{one}, from {month} {other}" for month in dict.fromkeys(MONTH.findall(text)) for one, other in pairs]
    return [value for value in (*units, *dated) if value != target.present]
