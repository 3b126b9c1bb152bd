"""data_sources.yaml: the tables of every source, how they are read, how they are joined, which code means which class."""

from __future__ import annotations

from typing import Mapping

from domain.training.multi_source.agreements import LABEL_MAPS
from domain.training.multi_source.artifacts.scalars import key, scalar, text
from domain.training.multi_source.artifacts.style import Style, draw_style
from domain.training.multi_source.artifacts.yaml_text import commented, framed
from domain.training.multi_source.case import State
from domain.training.multi_source.layout import Column, Layout
from domain.training.multi_source.rows import recalibrations
from domain.training.multi_source.tables import JOINED_COLUMNS, label_map
from domain.training.pipeline import FieldValue
from domain.training.randomness import Stream

FILE = "sources"
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
    layout = state.layout
    sections = {
        "sources": _sources(state, layout, style),
        "label_maps": _label_maps(layout, style),
        "join": _join(state, style),
        "labels": [
            _pair("labels", "", style),
            _pair("maturity_months", state.declared["labels.maturity_months"], style, 1),
        ],
    }
    lines = [_pair("version", 3, style), _pair("dataset", layout.dataset, style)]
    for name in style.ordered("sources.sections", tuple(sections)):
        if style["sources.gaps"] == "blank":
            lines.append("")
        lines += commented(sections[name], _COMMENTS[name], style["sources.comments"])
    return framed(lines, style["sources.header"], f"tables of {layout.dataset}")


def _indent(style: Style, depth: int) -> str:
    return " " * (int(style["sources.indent"]) * depth)


def _pair(name: str, value: FieldValue, style: Style, depth: int = 0) -> str:
    """A line; an empty value: the line that begins a mapping."""
    shown = "" if value == "" else " " + scalar(value, style, FILE)
    return f"{_indent(style, depth)}{key(name, style, FILE)}:{shown}"


def _sources(state: State, layout: Layout, style: Style) -> list[str]:
    lines = [_pair("sources", "", style)]
    notes = draw_notes(layout)
    for number, source in enumerate(layout.sources):
        prefix = f"sources.{source.name}"
        parts = {
            "table": [_pair("table", f"{layout.vendor}.{source.name}", style, 2)],
            "window": _window(layout.months[source.first_month], layout.months[-1], style),
            **{name: [_pair(name, state.declared[f"{prefix}.{name}"], style, 2)] for name in SOURCE_KEYS},
            "columns": _columns(state, layout, prefix, style),
        }
        lines.append(_pair(source.name, "", style, 1))
        for name in style.ordered("sources.keys", tuple(parts)):
            lines += parts[name]
        lines += _notes(notes.get(number, ()), style)
    return lines


def _window(first: str, last: str, style: Style) -> list[str]:
    one, two = text(first, style, FILE), text(last, style, FILE)
    match style["sources.window"]:
        case "list":
            shown = f"[{one}, {two}]"
        case "from_to":
            shown = f"{{from: {one}, to: {two}}}"
        case "first_last":
            shown = f"{{first: {one}, last: {two}}}"
        case _:
            shown = text(f"{first}..{last}", style, FILE)
    return [f"{_indent(style, 2)}{key('window', style, FILE)}: {shown}"]


def _columns(state: State, layout: Layout, prefix: str, style: Style) -> list[str]:
    lines = [_pair("columns", "", style, 2)]
    keys = style.ordered("columns.keys", COLUMN_KEYS)
    shape = style["sources.columns"]
    indent, inner = _indent(style, 3), _indent(style, 4)
    width = max(len(name) for name in layout.column_names)
    for column in layout.columns:
        path = f"{prefix}.columns.{column.name}"
        values = {
            key(name, style, FILE): scalar(state.declared[f"{path}.{name}"], style, FILE)
            for name in keys
            if f"{path}.{name}" in state.declared
        }
        head = f"{indent}{key(column.name, style, FILE)}:"
        pairs = [f"{name}: {value}" for name, value in values.items()]
        match shape:
            case "flow":
                lines.append(f"{head} {{{', '.join(pairs)}}}")
            case "padded":
                lines.append(f"{head}{' ' * (width - len(column.name) + 1)}{{ {', '.join(pairs)} }}")
            case "split_flow":
                lines += [f"{head} {{", *(f"{inner}{pair}," for pair in pairs), f"{indent}}}"]
            case _:
                lines += [head, *(f"{inner}{pair}" for pair in pairs)]
    return lines


def _label_maps(layout: Layout, style: Style) -> list[str]:
    lines = [_pair("label_maps", "", style)]
    for name in LABEL_MAPS:
        classes = [text(layout.classes[place], style, FILE) for place in label_map(layout, name).tolist()]
        head = f"{_indent(style, 1)}{key(name, style, FILE)}:"
        match style["sources.labels"]:
            case "flow":
                lines.append(f"{head} {{{', '.join(f'{code}: {one}' for code, one in enumerate(classes))}}}")
            case "list":
                lines.append(f"{head} [{', '.join(classes)}]")
            case "inverse":
                lines.append(f"{head} {{{', '.join(f'{one}: {code}' for code, one in enumerate(classes))}}}")
            case _:
                lines += [head, *(f"{_indent(style, 2)}{code}: {one}" for code, one in enumerate(classes))]
    return lines


def _join(state: State, style: Style) -> list[str]:
    names = str(state.declared["join.keys"]).split(", ")
    head, indent = f"{_indent(style, 1)}{key('keys', style, FILE)}:", _indent(style, 2)
    match style["sources.list"]:
        case "block":
            keys = [head, *(f"{indent}- {text(name, style, FILE)}" for name in names)]
        case "split_flow":
            keys = [f"{head} [", *(f"{indent}{text(name, style, FILE)}," for name in names), f"{_indent(style, 1)}]"]
        case "quoted":
            keys = [f"{head} [ {', '.join(repr(name) for name in names)} ]"]
        case _:
            keys = [f"{head} [{', '.join(text(name, style, FILE) for name in names)}]"]
    return [
        _pair("join", "", style),
        *keys,
        _pair("how", state.declared["join.how"], style, 1),
        *_second_table(state.layout, style),
    ]


def _second_table(layout: Layout, style: Style) -> list[str]:
    names = ", ".join(column.name for column in layout.columns[-JOINED_COLUMNS:])
    return [
        _pair("table", f"{layout.vendor}.master", style, 1),
        f"{_indent(style, 1)}{key('columns', style, FILE)}: [{names}]",
    ]


def draw_notes(layout: Layout) -> dict[int, tuple[tuple[str, str], ...]]:
    """Month and text of what the owners of a source wrote down, by its place: about half of what was recalibrated, and
    things without a consequence."""
    draw = Stream(layout.seed, "notes")
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
    "the table moved to another schema, same rows",
    "{column} was called {column}_raw until then",
    "deliveries are daily instead of weekly",
    "another vendor runs the export, same format",
    "the table gained a column that is not read",
    "an empty delivery was sent again the next day",
)


def _recalibrated(column: Column, draw: Stream) -> str:
    return draw.choice(
        (
            "new instrument for {column}, level and spread differ since",
            "{column} recalibrated, values before and after are both right",
            "{column} is taken at another place since, same unit",
        )
    ).format(column=column.name)


def _notes(notes: tuple[tuple[str, str], ...], style: Style) -> list[str]:
    if not notes:
        return []
    head, indent, inner = _pair("notes", "", style, 2), _indent(style, 2), _indent(style, 3)
    match style["sources.notes"]:
        case "comment":
            return [f"{indent}# {month}: {note}" for month, note in notes]
        case "literal":
            return [f"{head} |", *(f"{inner}{month} {note}" for month, note in notes)]
        case "by_month":
            return [head, *(f"{inner}- {{month: {text(month, style, FILE)}, note: '{note}'}}" for month, note in notes)]
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
