"""View model of the leaderboard page, built from the object of ``/leaderboard.json``; computes no figure of its own."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from domain.tasks.suites import stratum_name

_SHADES = 10
"""Number of colour classes of the heat map; the style sheet has a colour for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatmapCell:
    """The mean score of one agent at one task or fault."""

    mean: float | None
    """None: no attempt at it has ended."""
    attempts: int

    @property
    def shade(self) -> str:
        """CSS class of the colour."""
        return "none" if self.mean is None else f"s{min(_SHADES - 1, int(self.mean * _SHADES))}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardRow:
    """The row of one agent."""

    rank: str
    """Marked with ``=`` where agents share it; a dash if the board has no ranks."""
    agent: str
    kind: str
    is_verified: bool
    score: float
    low: float
    high: float
    used: int
    running: int
    allowed: int
    is_complete: bool
    pass_1: float | None
    pass_all: float | None
    """Estimated probability that all attempts at an entry pass; None: not known."""
    mean_steps: float | None
    brier: float | None
    tokens: int | None
    cost_usd: float | None
    """Per attempt, as the client reported it; None: not reported."""
    is_on_frontier: bool
    tasks: tuple[HeatmapCell, ...]
    faults: tuple[HeatmapCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardView:
    """The board of one round."""

    heading: Mapping[str, Any]
    """Everything but the rows, as in ``/leaderboard.json``."""
    suite_id: str
    entry_count: int
    task_ids: tuple[str, ...]
    faults: tuple[tuple[str, str], ...]
    """Pairs of fault and task, in column order."""
    rows: tuple[BoardRow, ...]
    plots: Mapping[str, Any]
    """Data of the plots: ``calibration`` and ``costs``, each a list with the points of each agent."""

    @property
    def is_open(self) -> bool:
        return self.heading["closed_at"] is None

    @property
    def has_ranks(self) -> bool:
        return bool(self.heading["has_ranks"])

    @property
    def max_attempts(self) -> int:
        return int(self.heading["attempts_allowed"])


def build_board_view(board: Mapping[str, Any]) -> BoardView:
    """The view of a board, from the object of ``/leaderboard.json``."""
    rows: Sequence[Mapping[str, Any]] = board["rows"]
    suite = board["suite"]
    task_ids = tuple(suite["mix"])
    faults = tuple(
        (stratum_name(task, fault), task) for task in task_ids for fault in dict.fromkeys(suite["mix"][task])
    )
    shared = {rank for rank, count in Counter(row["rank"] for row in rows).items() if count > 1}
    return BoardView(
        heading={name: value for name, value in board.items() if name != "rows"},
        suite_id=suite["suite_id"],
        entry_count=len(suite["entries"]),
        task_ids=task_ids,
        faults=faults,
        rows=tuple(_row(row, task_ids, faults, is_shared=row["rank"] in shared) for row in rows),
        plots={"calibration": _calibration(rows), "costs": _costs(rows)},
    )


def _row(
    row: Mapping[str, Any], task_ids: Sequence[str], faults: Sequence[tuple[str, str]], *, is_shared: bool
) -> BoardRow:
    low, high = row["interval"]
    reported, attempts, passes = row["client_reported"], row["attempts"], row["pass_k"]
    return BoardRow(
        rank="–" if row["rank"] is None else f"{row['rank']}=" if is_shared else str(row["rank"]),
        agent=row["agent"],
        kind=row["kind"],
        is_verified=row["verified"],
        score=row["score"],
        low=low,
        high=high,
        used=attempts["used"],
        running=attempts["running"],
        allowed=attempts["allowed"],
        is_complete=row["complete"],
        pass_1=row["pass_1"],
        pass_all=passes[max(passes, key=int)] if passes else None,
        mean_steps=row["mean_steps"],
        brier=row["brier"],
        tokens=reported["tokens"],
        cost_usd=reported["cost_usd_per_attempt"],
        is_on_frontier=bool(row["on_frontier"]),
        tasks=tuple(_cell(row["tasks"].get(task_id)) for task_id in task_ids),
        faults=tuple(_cell(row["faults"].get(fault)) for fault, _ in faults),
    )


def _cell(found: Mapping[str, Any] | None) -> HeatmapCell:
    return HeatmapCell(mean=found["mean"], attempts=found["attempts"]) if found else HeatmapCell(mean=None, attempts=0)


def _calibration(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The confidence bins of each agent that stated confidences."""
    return [
        {
            "agent": row["agent"],
            "x": [each["mean_confidence"] for each in row["calibration"]],
            "y": [each["share_right"] for each in row["calibration"]],
            "attempts": [each["attempts"] for each in row["calibration"]],
        }
        for row in rows
        if row["calibration"]
    ]


def _costs(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Cost and score of each agent whose client reported costs."""
    return [
        {
            "agent": row["agent"],
            "x": row["client_reported"]["cost_usd_per_attempt"],
            "y": row["score"],
            "on_frontier": bool(row["on_frontier"]),
        }
        for row in rows
        if row["client_reported"]["cost_usd_per_attempt"] is not None
    ]
