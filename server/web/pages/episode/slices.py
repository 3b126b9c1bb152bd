"""View model of the slices as small multiples: a row of charts for each column, a chart for each source.

A chart shows the mean by month with a band of one spread around it. A month is seen once a step queried its block: that of the
column (all months) or that of the month (all columns). While an episode runs, nothing else is in the view.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Iterable, Mapping, Sequence

from domain.episode.query import has_blocks, parse_document
from domain.events import Event, FieldQueried
from domain.scenario import Evidence
from domain.types import ArtifactName
from server.web.pages.episode.changes import Cause
from server.web.pages.episode.documents import EMPTY, Cell, Documents
from server.web.pages.episode.sources import SOURCES
from server.web.pages.formatting import NONE

SLICES: ArtifactName = "data_slices.json"
CLASSES = "classes"
WIDTH, HEIGHT, MARGIN = 120.0, 46.0, 3.0
"""Of a chart, in units of its own."""

Series = Sequence[float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One line of a chart, as SVG path data."""

    path: str
    kind: str
    """Classes of its style: ``mean``, ``twin``, or ``h0`` to ``h5`` for a class of the labels; ``dash``: of the twin; ``whisker``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One month of a chart that was queried by itself."""

    x: float
    y: float
    seen_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One source in one row."""

    source: str
    title: str
    description: str
    band: str
    """SVG path data; empty: there is no spread."""
    traces: tuple[Trace, ...]
    dots: tuple[Dot, ...]
    low: str
    high: str
    """The ends of the vertical axis."""
    declared: Cell
    """Unit and code for missing values."""
    seen_at: int | None
    """The step that queried the block; None: no step did."""
    is_faulty: bool
    """Whether a root cause is about this column of this source, or about this column of all."""
    is_of_faulty_source: bool
    """Whether a root cause is about the source as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceRow:
    """One column, or the classes of the labels."""

    name: str
    charts: tuple[Chart, ...]
    table: tuple[tuple[str, tuple[str, ...]], ...]
    """Month and, for each chart, the numbers in words."""

    @property
    def is_faulty(self) -> bool:
        return any(chart.is_faulty for chart in self.charts)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlicesView:
    """All rows that this viewer may see."""

    rows: tuple[SliceRow, ...]
    classes: tuple[str, ...]
    others: tuple[tuple[str, int], ...]
    """Blocks without a chart that were queried, each with its step."""
    divide: float | None
    """Where the month begins that was scored after the training; None: hidden from this viewer."""
    has_twin: bool
    """Whether a line of the healthy twin is in a chart."""


@dataclass(frozen=True, slots=True)
class _Exposure:
    """The first step that queried each block."""

    steps: Mapping[str, int]

    def of(self, source: str, column: str, month: str) -> int | None:
        found = [self.steps.get(f"{source}.{column}")]
        found += [self.steps.get(f"{source}.{month}")] if column != CLASSES else []
        return min((step for step in found if step is not None), default=None)


def build_slices_view(
    evidence: Evidence,
    events: Sequence[Event],
    documents: Documents,
    *,
    causes: Sequence[Cause],
    twin: Evidence | None,
) -> SlicesView | None:
    """The view of the slices; None: the run has none, or this viewer may see none. ``causes`` and ``twin``: nothing while the
    episode runs."""
    document = _document_of(evidence)
    if document is None:
        return None
    contents, blocks = document["contents"], document["blocks"]
    healthy = _document_of(twin) if twin is not None else None
    builder = _Builder(
        blocks=blocks,
        healthy=healthy["blocks"] if healthy is not None else {},
        exposure=_Exposure(_queried(events, blocks)),
        documents=documents,
        causes=causes,
        sources=tuple(contents["sources"]),
        columns=tuple(contents["columns"]),
        months=tuple(contents["months"]),
    )
    rows = tuple(row for name in (*builder.columns, CLASSES) if (row := builder.row(name)) is not None)
    if not rows:
        return None
    months = builder.months
    shown = {f"{chart.source}.{row.name}" for row in rows for chart in row.charts}
    return SlicesView(
        rows=rows,
        classes=builder.classes(),
        others=tuple(sorted(((n, s) for n, s in builder.exposure.steps.items() if n not in shown), key=lambda o: o[1])),
        divide=_x(len(months) - 1.5, len(months)) if documents.is_over else None,
        has_twin=any("dash" in trace.kind for row in rows for chart in row.charts for trace in chart.traces),
    )


def _document_of(evidence: Evidence) -> dict[str, Any] | None:
    text = evidence.artifacts.get(SLICES)
    document: Any = None if text is None else parse_document(SLICES, text)
    is_known = has_blocks(document) and {"sources", "columns", "months"} <= document["contents"].keys()
    return document if is_known else None


def _queried(events: Sequence[Event], blocks: Mapping[str, Any]) -> dict[str, int]:
    steps: dict[str, int] = {}
    for step, event in enumerate(events):
        if isinstance(event, FieldQueried) and event.artifact == SLICES and event.field.strip() in blocks:
            steps.setdefault(event.field.strip(), step)
    return steps


@dataclass(frozen=True, slots=True, kw_only=True)
class _Builder:
    """Builds the rows of one data_slices.json for one viewer."""

    blocks: Mapping[str, Any]
    healthy: Mapping[str, Any]
    """Blocks of the twin."""
    exposure: _Exposure
    documents: Documents
    causes: Sequence[Cause]
    sources: tuple[str, ...]
    columns: tuple[str, ...]
    months: tuple[str, ...]

    def row(self, name: str) -> SliceRow | None:
        """The charts of a column; None: this viewer may see none."""
        sources = [
            source
            for source in self.sources
            if f"{source}.{name}" in self.blocks and (self.documents.is_over or any(self._seen(source, name)))
        ]
        if not sources:
            return None
        return SliceRow(
            name=name,
            charts=tuple(self._chart(source, name) for source in sources),
            table=tuple(
                (month, words)
                for at, month in enumerate(self.months)
                if any(words := tuple(self._words(source, name, at) for source in sources))
            ),
        )

    def classes(self) -> tuple[str, ...]:
        block = self.blocks.get(f"{self.sources[0]}.{CLASSES}", {})
        return tuple(name for name in block if name not in ("about", "months", "rows"))

    def _seen(self, source: str, name: str) -> list[bool]:
        return [self.exposure.of(source, name, month) is not None for month in self.months]

    def _open(self, source: str, name: str, series: Series) -> list[float | None]:
        """A series with the months that this viewer may see."""
        is_seen = self._seen(source, name)
        return [value if self.documents.is_over or seen else None for value, seen in zip(series, is_seen, strict=True)]

    def _chart(self, source: str, name: str) -> Chart:
        block, is_classes = self.blocks[f"{source}.{name}"], name == CLASSES
        lines: list[tuple[str, Series]]
        if is_classes:
            lines = [(f"h{at % 6}", self._open(source, name, block[each])) for at, each in enumerate(self.classes())]
            band: tuple[Series, Series] = ([], [])
        else:
            mean, spread = (self._open(source, name, block[kind]) for kind in ("mean", "spread"))
            lines = [("mean", mean)]
            band = _around(mean, spread)
        lines = [*self._twin_lines(source, name, block), *lines]
        scale = _scale((0.0, 1.0) if is_classes else (*band[0], *band[1], *(v for _, line in lines for v in line)))
        return Chart(
            source=source,
            title=f"{name} of {source} by month",
            description=self._description(lines[-1][1], is_classes),
            band=_band(*band, scale),
            traces=(
                Trace(path=_whiskers(*band, scale), kind="whisker"),
                *(Trace(path=_path(line, scale), kind=kind) for kind, line in lines),
            ),
            dots=() if is_classes else tuple(self._dots(source, name, lines[-1][1], scale)),
            low=_number(scale[0]),
            high=_number(scale[1]),
            declared=_NOTHING if is_classes else self._declared(source, name),
            seen_at=self.exposure.steps.get(f"{source}.{name}"),
            is_faulty=any(self._is_about(cause, source, name) for cause in self.causes),
            is_of_faulty_source=any(self._is_about(cause, source, None) for cause in self.causes),
        )

    def _twin_lines(self, source: str, name: str, block: Mapping[str, Any]) -> list[tuple[str, Series]]:
        """Lines of the twin, where it differs."""
        other = self.healthy.get(f"{source}.{name}")
        if other is None or not self.documents.is_over or other == block:
            return []
        kinds = (
            {each: f"dash h{at % 6}" for at, each in enumerate(self.classes())}
            if name == CLASSES
            else {"mean": "dash twin"}
        )
        return [(kind, other[each]) for each, kind in kinds.items() if each in other and other[each] != block[each]]

    def _dots(self, source: str, name: str, mean: Series, scale: tuple[float, float]) -> Iterable[Dot]:
        for at, month in enumerate(self.months):
            value, step = mean[at], self.exposure.steps.get(f"{source}.{month}")
            if value is not None and step is not None:
                yield Dot(x=_x(at, len(mean)), y=_y(value, scale), seen_at=step)

    def _declared(self, source: str, column: str) -> Cell:
        path = f"sources.{source}.columns.{column}"
        parts = [(word, self.documents.cell(SOURCES, f"{path}.{key}")) for key, word in _COLUMN_KEYS]
        shown = [f"{word}{cell.text}" for word, cell in parts if cell.text != NONE]
        seen = [cell.seen_at for _, cell in parts if cell is not EMPTY]
        is_seen = bool(seen) and None not in seen
        return Cell(text=", ".join(shown), seen_at=max(s for s in seen if s is not None) if is_seen else None)

    def _is_about(self, cause: Cause, source: str, column: str | None) -> bool:
        """Whether a root cause names the column, of this source if it names one; None: the source and no column."""
        parts = cause.path.split(".")
        sources = [part for part in parts if part in self.sources]
        columns = [part for part in parts if part in self.columns]
        if column is None:
            return source in sources and not columns
        return column in columns and (not sources or source in sources)

    def _words(self, source: str, name: str, at: int) -> str:
        block = self.blocks[f"{source}.{name}"]
        if not self.documents.is_over and not self._seen(source, name)[at]:
            return ""
        if name == CLASSES:
            return " / ".join(_number(block[each][at]) for each in self.classes())
        return f"{_number(block['mean'][at])} ± {_number(block['spread'][at])}"

    def _description(self, line: Series, is_classes: bool) -> str:
        known = [(month, value) for month, value in zip(self.months, line, strict=True) if value is not None]
        if is_classes:
            return "Shares of the classes; the table below has the numbers."
        if not known:
            return "No value in any month."
        (first, start), (last, end) = known[0], known[-1]
        return f"Mean {_number(start)} in {first}, {_number(end)} in {last}; the table below has the numbers."


_NOTHING = Cell(text="", seen_at=None)
_COLUMN_KEYS = (("unit", ""), ("missing_code", "missing "), ("used_until", "until "))


# Geometry.


def _around(mean: Series, spread: Series) -> tuple[list[float | None], list[float | None]]:
    """The lower and the upper end of the band."""
    pairs = [(m, s if s is not None else 0.0) for m, s in zip(mean, spread, strict=True)]
    return (
        [None if m is None else m - s for m, s in pairs],
        [None if m is None else m + s for m, s in pairs],
    )


def _scale(values: Iterable[float | None]) -> tuple[float, float]:
    known = [value for value in values if value is not None and math.isfinite(value)]
    low, high = min(known, default=0.0), max(known, default=1.0)
    return (low, high) if high > low else (low - 1.0, high + 1.0)


def _x(at: float, count: int) -> float:
    return round(MARGIN + (WIDTH - 2 * MARGIN) * at / max(count - 1, 1), 1)


def _y(value: float, scale: tuple[float, float]) -> float:
    low, high = scale
    return round(HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * (value - low) / (high - low), 1)


def _runs(series: Series) -> list[list[int]]:
    """The places of values in a row."""
    runs: list[list[int]] = [[]]
    for at, value in enumerate(series):
        if value is not None:
            runs[-1].append(at)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _points(series: Series, places: Iterable[int], scale: tuple[float, float]) -> str:
    return "L".join(
        f"{_x(at, len(series)):g} {_y(value, scale):g}" for at in places if (value := series[at]) is not None
    )


def _path(series: Series, scale: tuple[float, float]) -> str:
    """The line through all values; a value between two gaps is a point."""
    return "".join(f"M{_points(series, run if len(run) > 1 else run * 2, scale)}" for run in _runs(series))


def _band(low: Series, high: Series, scale: tuple[float, float]) -> str:
    return "".join(
        f"M{_points(low, run, scale)}L{_points(high, reversed(run), scale)}Z" for run in _runs(low) if len(run) > 1
    )


def _whiskers(low: Series, high: Series, scale: tuple[float, float]) -> str:
    """The band of a month between two gaps, as a vertical line."""
    return "".join(f"M{_points(low, run, scale)}L{_points(high, run, scale)}" for run in _runs(low) if len(run) == 1)


def _number(value: float | None) -> str:
    """Four digits, without an exponent where the number is large."""
    if value is None:
        return NONE
    return f"{value:.0f}" if abs(value) >= 1e4 else f"{value:.4g}"
