"""View model of the data sources: what is declared of each, and how many of its rows were used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Sequence

from domain.episode.query import MISSING
from domain.types import ArtifactName
from server.web.pages.episode.changes import Cause
from server.web.pages.episode.documents import EMPTY, Cell, Documents
from server.web.pages.formatting import NONE

SOURCES: ArtifactName = "data_sources.yaml"
_STATISTICS: ArtifactName = "dataset_stats.json"
_COUNTS = (("used", "rows used"), ("outside_window", "outside"), ("dropped", "dropped"))
_WINDOW = ("first month", "last month")
_DECLARED = (
    ("used_until", "used until"),
    ("snapshot", "snapshot"),
    ("label_map", "label map"),
    ("tokenizer", "tokenizer"),
    ("date_format", "dates"),
    ("majority_kept", "thinned to"),
    ("deduplicate", "deduplicate"),
)
HEADINGS = (*(heading for _, heading in _COUNTS), *_WINDOW, *(heading for _, heading in _DECLARED))


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCell:
    """One value of a source."""

    cell: Cell
    is_faulty: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """One source; its cells are those of ``HEADINGS``."""

    name: str
    cells: tuple[SourceCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcesView:
    """All sources that this viewer may see, and how they are joined."""

    headings: tuple[str, ...]
    rows: tuple[SourceRow, ...]
    join: tuple[tuple[str, Cell], ...]
    """Name and value of what is declared for all sources together."""


def build_sources_view(documents: Documents, causes: Sequence[Cause]) -> SourcesView | None:
    """The view of the sources; None: the run declares none, or this viewer may see none. ``causes``: empty while the episode runs."""
    names = documents.keys(SOURCES, "sources")
    if not names:
        return None
    faulty = {cause.path for cause in causes}
    return SourcesView(
        headings=HEADINGS,
        rows=tuple(SourceRow(name=name, cells=tuple(_cells(documents, name, faulty))) for name in names),
        join=tuple(
            (name, cell)
            for name, path in (
                ("joined by", "join.keys"),
                ("how", "join.how"),
                ("months until labels are complete", "labels.maturity_months"),
            )
            if (cell := documents.cell(SOURCES, path)) is not EMPTY
        ),
    )


def _cells(documents: Documents, source: str, faulty: set[str]) -> list[SourceCell]:
    counts = [documents.cell(_STATISTICS, f"sources.{source}.{key}") for key, _ in _COUNTS]
    declared = [
        SourceCell(cell=documents.cell(SOURCES, path), is_faulty=path in faulty)
        for path in (f"sources.{source}.{key}" for key, _ in _DECLARED)
    ]
    return [
        *(SourceCell(cell=cell, is_faulty=False) for cell in (*counts, *_window(documents, source))),
        *declared,
    ]


def _window(documents: Documents, source: str) -> list[Cell]:
    """First and last month, of a list, of a mapping, or of ``first..last``."""
    path = f"sources.{source}.window"
    value: Any = documents.value(SOURCES, path)
    months = value.split("..") if isinstance(value, str) else list(value.values()) if isinstance(value, dict) else value
    if value is MISSING or not isinstance(months, list) or len(months) != len(_WINDOW):
        return [EMPTY, EMPTY]
    seen_at = documents.cell(SOURCES, path).seen_at
    return [Cell(text=str(month or NONE), seen_at=seen_at) for month in months]
