"""data_sources.yaml: the tables of every source, how they are read, how they are joined, which code means which class."""

from __future__ import annotations

from functools import lru_cache
from typing import Mapping

from domain.training.multi_source.agreements import LABEL_MAPS
from domain.training.multi_source.artifacts.scalars import Writer
from domain.training.multi_source.artifacts.style import Style, draw_style
from domain.training.multi_source.artifacts.yaml_text import commented, framed
from domain.training.multi_source.case import State
from domain.training.multi_source.layout import Column, Layout, draw_layout
from domain.training.multi_source.rows import recalibrations
from domain.training.multi_source.tables import JOINED_COLUMNS, label_map
from domain.training.pipeline import FieldValue
from domain.training.randomness import Stream
from domain.training.style import SeedSplit

SOURCE_KEYS = ("snapshot", "date_format", "used_until", "label_map", "tokenizer", "majority_kept", "deduplicate")
"""Declarations of a source."""
COLUMN_KEYS = ("unit", "missing_code", "used_until")
"""Declarations of a column of a source; the second only where values can be missing."""
_COMMENTS = {
    "sources": "one entry a source; used_until: the last month that is read, of a source or of one of its columns",
    "label_maps": "code in a source's table to class",
    "join": "the last columns come from a second table, as of the snapshot of the source",
    "labels": "months until labels are complete; younger ones are not used",
}


def render_sources(state: State, style: Style | None = None) -> str:
    """The text of data_sources.yaml."""
    style = style or draw_style(state.seed, state.split)
    layout, write = state.layout, Writer(style, "sources")
    sections = {
        "sources": _sources(state, layout, write),
        "label_maps": _label_maps(state, write),
        "join": _join(state, layout, write),
        "labels": [
            write.head("labels", 0),
            write.pair("maturity_months", state.declared["labels.maturity_months"], 1),
        ],
    }
    lines = [write.pair("version", 3, 0), write.pair("dataset", layout.dataset, 0)]
    for name in style.ordered("sources.sections", tuple(sections)):
        if write.idiom("gaps") == "blank":
            lines.append("")
        lines += commented(sections[name], _COMMENTS[name], write.idiom("comments"))
    return framed(lines, write.idiom("header"), f"tables of {layout.dataset}")


def _sources(state: State, layout: Layout, write: Writer) -> list[str]:
    lines = [write.head("sources", 0)]
    notes = draw_notes(state.seed, state.split)
    order = write.style.ordered("sources.keys", ("table", "window", *SOURCE_KEYS, "columns"))
    for number, source in enumerate(layout.sources):
        prefix = f"sources.{source.name}"
        lines.append(write.head(source.name, 1))
        for name in order:
            match name:
                case "table":
                    lines.append(write.pair(name, f"{layout.vendor}.{source.name}", 2))
                case "window":
                    lines.append(_window(layout.months[source.first_month], layout.months[-1], write))
                case "columns":
                    lines += _columns(state, layout, prefix, write)
                case _:
                    lines.append(write.pair(name, state.declared[f"{prefix}.{name}"], 2))
        lines += _notes(notes.get(number, ()), write)
    return lines


def _window(first: str, last: str, write: Writer) -> str:
    one, two = write.scalar(first), write.scalar(last)
    match write.idiom("window"):
        case "list":
            shown = f"[{one}, {two}]"
        case "from_to":
            shown = f"{{from: {one}, to: {two}}}"
        case "first_last":
            shown = f"{{first: {one}, last: {two}}}"
        case _:
            shown = write.scalar(f"{first}..{last}")
    return f"{write.head('window', 2)} {shown}"


def _columns(state: State, layout: Layout, prefix: str, write: Writer) -> list[str]:
    lines = [write.head("columns", 2)]
    keys = [(name, write.key(name)) for name in write.style.ordered("columns.keys", COLUMN_KEYS)]
    shape, declared = write.idiom("columns"), state.declared
    indent, inner = write.indent(3), write.indent(4)
    width = max(map(len, layout.column_names))
    for column in layout.column_names:
        path = f"{prefix}.columns.{column}."
        pairs = [f"{shown}: {write.scalar(declared[path + name])}" for name, shown in keys if path + name in declared]
        head = f"{indent}{write.key(column)}:"
        match shape:
            case "flow":
                lines.append(f"{head} {{{', '.join(pairs)}}}")
            case "padded":
                lines.append(f"{head}{' ' * (width - len(column) + 1)}{{ {', '.join(pairs)} }}")
            case "split_flow":
                lines += [f"{head} {{", *[f"{inner}{pair}," for pair in pairs], f"{indent}}}"]
            case _:
                lines += [head, *[f"{inner}{pair}" for pair in pairs]]
    return lines


@lru_cache(maxsize=64)
def _coded_classes(seed: int, split: SeedSplit) -> dict[str, tuple[str, ...]]:
    """The class of each code, by label map."""
    layout = draw_layout(seed, split)
    return {name: tuple(layout.classes[place] for place in label_map(layout, name).tolist()) for name in LABEL_MAPS}


def _label_maps(state: State, write: Writer) -> list[str]:
    lines = [write.head("label_maps", 0)]
    for name, classes in _coded_classes(state.seed, state.split).items():
        shown = [write.scalar(one) for one in classes]
        head = write.head(name, 1)
        match write.idiom("labels"):
            case "flow":
                lines.append(f"{head} {{{', '.join(f'{code}: {one}' for code, one in enumerate(shown))}}}")
            case "list":
                lines.append(f"{head} [{', '.join(shown)}]")
            case "inverse":
                lines.append(f"{head} {{{', '.join(f'{one}: {code}' for code, one in enumerate(shown))}}}")
            case _:
                lines += [head, *(f"{write.indent(2)}{code}: {one}" for code, one in enumerate(shown))]
    return lines


def _join(state: State, layout: Layout, write: Writer) -> list[str]:
    names = [write.scalar(name) for name in str(state.declared["join.keys"]).split(", ")]
    head, indent = write.head("keys", 1), write.indent(2)
    match write.idiom("list"):
        case "block":
            keys = [head, *(f"{indent}- {name}" for name in names)]
        case "split_flow":
            keys = [f"{head} [", *(f"{indent}{name}," for name in names), f"{write.indent(1)}]"]
        case "padded":
            keys = [f"{head} [ {', '.join(names)} ]"]
        case _:
            keys = [f"{head} [{', '.join(names)}]"]
    joined = ", ".join(layout.column_names[-JOINED_COLUMNS:])
    return [
        write.head("join", 0),
        *keys,
        write.pair("how", state.declared["join.how"], 1),
        write.pair("table", f"{layout.vendor}.master", 1),
        f"{write.head('columns', 1)} [{joined}]",
    ]


@lru_cache(maxsize=64)
def draw_notes(seed: int, split: SeedSplit) -> dict[int, tuple[tuple[str, str], ...]]:
    """Month and text of what the owners of a source wrote down, by its place: about half of what was recalibrated, and
    things without a consequence."""
    layout, draw = draw_layout(seed, split), Stream(seed, "notes")
    notes: dict[int, list[tuple[str, str]]] = {}
    for source, column, month, _, _ in recalibrations(layout):
        if draw.integer(0, 1):
            notes.setdefault(source, []).append((layout.months[month], _recalibrated(layout.columns[column], draw)))
    for _ in range(draw.integer(1, 2)):
        source = draw.integer(0, len(layout.sources) - 1)
        note = draw.choice(_HARMLESS).format(column=draw.choice(layout.column_names))
        notes.setdefault(source, []).append((layout.months[draw.integer(2, 10)], note))
    return {source: tuple(sorted(set(found))) for source, found in notes.items()}


_HARMLESS = (
    "the table moved to another schema",
    "{column} was called {column}_raw until then",
    "deliveries are daily instead of weekly",
    "another vendor runs the export",
    "the table gained a column that is not read",
    "an empty delivery was sent again the next day",
)


def _recalibrated(column: Column, draw: Stream) -> str:
    return draw.choice(
        (
            "new instrument for {column}, its values differ since",
            "{column} was recalibrated",
            "{column} is measured at another place since",
        )
    ).format(column=column.name)


def _notes(notes: tuple[tuple[str, str], ...], write: Writer) -> list[str]:
    if not notes:
        return []
    head, indent, inner = write.head("notes", 2), write.indent(2), write.indent(3)
    match write.idiom("notes"):
        case "comment":
            return [f"{indent}# {month}: {note}" for month, note in notes]
        case "literal":
            return [f"{head} |", *(f"{inner}{month} {note}" for month, note in notes)]
        case "by_month":
            return [head, *(f"{inner}- {{month: {write.scalar(month)}, note: '{note}'}}" for month, note in notes)]
        case _:
            return [head, *(f'{inner}- "{month}: {note}"' for month, note in notes)]


def declared_in_sources(document: Mapping[str, object], path: str) -> FieldValue:
    """The declaration that a read document holds at a path; a list of keys as the registry writes it."""
    value: object = document
    for part in path.split("."):
        value = value[part]  # type: ignore[index]
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return value  # type: ignore[return-value]
