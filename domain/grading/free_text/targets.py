"""What a fix can change in the run at hand: the fields of either family of runs, with what they can become."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

from domain.diagnosis import PatchEntry
from domain.fields.field import ValueOutsideFieldError
from domain.fields.registry import REGISTRY, find
from domain.grading.free_text.lexicon import UNITS
from domain.training.multi_source import registry as declared
from domain.training.multi_source.case import FAMILY, State
from domain.training.multi_source.layout import Layout, draw_layout
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.style import SeedSplit
from domain.types import ArtifactName

MONTH = re.compile(r"\b20\d\d-\d\d\b")


class Target(NamedTuple):
    """One field of the run."""

    key: str
    """Of the lexicon."""
    file: ArtifactName
    field: str
    kind: str
    """``number``, ``choice``, ``month`` or ``unit``."""
    present: FieldValue
    labels: tuple[tuple[FieldValue, tuple[str, ...]], ...]
    """Values, each with the names under which the lexicon has its cues."""
    places: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """What has to be named beside the field: the kind, ``source`` or ``column``, and the words of its name."""
    is_integer: bool = False
    units: tuple[str, ...] = ()


class Run(NamedTuple):
    """The fields of one run."""

    family: str
    targets: tuple[Target, ...]
    layout: Layout | None
    current: Pipeline | None
    """Of a run of one table."""

    def entry(self, target: Target, value: FieldValue) -> PatchEntry | None:
        """The patch entry of a value; None: the field cannot take it."""
        try:
            if self.layout is not None:
                value = declared.resolve(self.layout, target.file, target.field).check(value, self.layout)
            else:
                value = int(value) if target.is_integer and isinstance(value, float) and value.is_integer() else value
                find(target.file, target.field).to_pipeline(value)
        except (ValueOutsideFieldError, declared.ValueOutsideFieldError):
            return None
        return PatchEntry(file=target.file, field=target.field, value=value)


def run_of(pipeline: dict[str, Any]) -> Run:
    """The run of a stored pipeline."""
    if pipeline.get("family") != FAMILY:
        current = Pipeline.from_json(pipeline)
        return Run("single_table", _of_table(current), None, current)
    state = State.from_json(pipeline)
    return Run(FAMILY, _of_sources(state.seed, state.split, tuple(state.declared.items())), state.layout, None)


@lru_cache(maxsize=64)
def _of_table(current: Pipeline) -> tuple[Target, ...]:
    found = []
    for spec in REGISTRY:
        if spec.attribute is None or spec.opposite:
            continue
        present, kind = spec.from_pipeline(current.value(spec.attribute)), "choice"
        values: tuple[FieldValue, ...] = (True, False) if spec.type == "boolean" else spec.choices
        more: dict[FieldValue, list[str]] = {}
        if spec.type in ("number", "integer"):
            kind = "number"
            values = ((None,) if spec.nullable else ()) + ((0,) if spec.low == 0 else ())
            values += (1,) if spec.field in ("unit_scale", "model.init_gain") else ()
        if spec.field == "tokenizer.version":
            more = {current.preprocessing.tokenizer_train: ["training"]}
        elif spec.field == "model.num_classes":
            more = {len(current.dataset.classes): ["classes"]}
            more.setdefault(current.model.num_classes + 1, []).append("more")
        labels = _labels((*values, *(value for value in more if value not in values)), present, more)
        found.append(Target(spec.field, spec.file, spec.field, kind, present, labels, (), spec.type == "integer"))
    return tuple(found)


@lru_cache(maxsize=64)
def _of_sources(seed: int, split: SeedSplit, declarations: tuple[tuple[str, FieldValue], ...]) -> tuple[Target, ...]:
    layout, found = draw_layout(seed, split), []
    for path, present in declarations:
        spec = declared.resolve(layout, declared.file_of(path), path)
        pattern, leaf = spec.pattern, path.rpartition(".")[2]
        kind = "number" if pattern.type in ("number", "integer") else "choice"
        values: tuple[FieldValue, ...] = (True, False) if pattern.type == "boolean" else pattern.choices
        if leaf in ("used_until", "snapshot"):
            kind, values = "month", layout.months
        elif leaf == "unit":
            kind = "unit"
        elif leaf in ("keys", "sources"):
            values = ("id", "id, line") if leaf == "keys" else ("all", *layout.source_names)
        elif leaf == "majority_kept":
            values = (1.0,)
        values += (None,) if pattern.nullable and kind != "month" else ()
        older = {value: ["older"] for value in values if path.startswith("environment.") and str(value) < str(present)}
        places = tuple(
            (name, tuple(place.split("_")))
            for name, place in (("source", spec.source), ("column", spec.column))
            if place
        )
        units = layout.column(spec.column).units if kind == "unit" else ()
        labels = _labels(values, present, older)
        found.append(
            Target(pattern.field, pattern.file, path, kind, present, labels, places, pattern.type == "integer", units)
        )
    return tuple(found)


def _labels(
    values: tuple[FieldValue, ...], present: FieldValue, more: dict[FieldValue, list[str]]
) -> tuple[tuple[FieldValue, tuple[str, ...]], ...]:
    found = []
    for value in values:
        own = "null" if value is None else ("on" if value else "off") if isinstance(value, bool) else str(value).lower()
        own = own.removesuffix(".0")
        names = [own, *more.get(value, []), "same" if value == present else "opposite"]
        found.append((value, tuple(names if len(values) == 2 else names[:-1])))
    return tuple(found)


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
