"""View model of the leaderboard page, built from the object of ``/leaderboard.json``; computes no figure of its own."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from domain.tasks.suites import name_strata

_SHADES = 10
"""Number of colour classes of the heat map; the style sheet has a colour for each."""
SHOWN_FAULTS = 10
"""Number of faults that are shown at once; the others are behind a disclosure."""


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
    """The places that the tests leave open, or, on boards of earlier suites, the rank, marked with ``=`` where agents share
    it; a dash: none."""
    agent: str
    kind: str
    is_verified: bool
    score: float
    low: float | None
    """None: there are too few attempts for an interval."""
    high: float | None
    detectable: float | None
    """The least difference that a test would find; None: not known."""
    used: int
    running: int
    allowed: int
    is_complete: bool
    pass_1: float | None
    pass_1_interval: tuple[float, float] | None
    pass_all: float | None
    """Estimated probability that all attempts at an entry pass; None: not known, or their scenarios differ."""
    mean_steps: float | None
    accuracy: float | None
    brier: float | None
    skill: float | None
    tokens: int | None
    cost_usd: float | None
    """Per attempt, as the client reported it; None: not reported."""
    is_on_frontier: bool
    tasks: tuple[HeatmapCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRow:
    """The row of one fault in the heat map."""

    fault: str
    task: str
    cells: tuple[HeatmapCell, ...]
    """Of each agent, in the order of the board."""

    @property
    def is_met(self) -> bool:
        """Whether an attempt at it has ended."""
        return any(cell.mean is not None for cell in self.cells)

    @property
    def spread(self) -> float:
        """By how much the means of the agents differ."""
        means = [cell.mean for cell in self.cells if cell.mean is not None]
        return max(means) - min(means) if means else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SolverBand:
    """What programs that do not reason score at one task, or over the suite, beside the agents."""

    name: str
    """The task; ``suite``: all of them."""
    low: float
    high: float
    solvers: tuple[Mapping[str, Any], ...]
    """Each with ``kind`` and ``mean``, of a task also with ``program``, ``low`` and ``high``."""
    agents: tuple[tuple[str, float], ...]
    """The mean score of each agent that has one."""

    def holds(self, mean: float | None) -> bool:
        """Whether a mean score lies within what such programs reach, or below."""
        return mean is not None and mean <= self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardView:
    """The board of one round."""

    heading: Mapping[str, Any]
    """Everything but the rows, as in ``/leaderboard.json``."""
    suite_id: str
    entry_count: int
    task_ids: tuple[str, ...]
    faults: tuple[FaultRow, ...]
    """Every fault of the suite, in its order."""
    rows: tuple[BoardRow, ...]
    bands: tuple[SolverBand, ...]
    """Of the suite, if it is known, and of its tasks; empty: there are no figures for this board."""
    calibration: tuple[Mapping[str, Any], ...]
    """For each agent that stated confidences: ``agent`` and ``bins``."""
    costs: tuple[Mapping[str, Any], ...]
    """For each agent that reported costs: ``agent``, ``x``, ``y`` and ``on_frontier``."""

    @property
    def suite_band(self) -> SolverBand | None:
        return next((band for band in self.bands if band.name == "suite"), None)

    @property
    def task_bands(self) -> Mapping[str, SolverBand]:
        return {band.name: band for band in self.bands if band.name != "suite"}

    @property
    def solvers_command(self) -> str:
        """What measured the bands."""
        return str(self.heading["reference_solvers"]["command"])

    @property
    def shown_faults(self) -> tuple[FaultRow, ...]:
        """The faults at which the agents differ most, the largest difference first; of few, all of them."""
        met = [each for each in self.faults if each.is_met]
        return tuple(sorted(met, key=lambda each: -each.spread)[:SHOWN_FAULTS])

    @property
    def further_faults(self) -> tuple[FaultRow, ...]:
        """The other faults that an attempt has met, in the order of the suite."""
        shown = {each.fault for each in self.shown_faults}
        return tuple(each for each in self.faults if each.is_met and each.fault not in shown)

    @property
    def unmet_faults(self) -> int:
        """Number of faults that no ended attempt has met."""
        return sum(not each.is_met for each in self.faults)

    @property
    def is_open(self) -> bool:
        return self.heading["closed_at"] is None

    @property
    def has_ranks(self) -> bool:
        return bool(self.heading["has_ranks"])

    @property
    def max_attempts(self) -> int:
        return int(self.heading["attempts_allowed"])

    @property
    def has_repeats(self) -> bool:
        """Whether the board tells how often all attempts at an entry pass, as those of earlier suites do."""
        return any(row.pass_all is not None for row in self.rows)

    @property
    def unranked_kinds(self) -> int:
        """Number of baselines and attacks."""
        return sum(row.kind != "agent" for row in self.rows)


def build_board_view(board: Mapping[str, Any]) -> BoardView:
    """The view of a board, from the object of ``/leaderboard.json``."""
    rows: Sequence[Mapping[str, Any]] = board["rows"]
    suite = board["suite"]
    task_ids = tuple(suite["mix"])
    faults = tuple(
        FaultRow(fault=name, task=task_id, cells=tuple(_cell(row["faults"].get(name)) for row in rows))
        for name, (task_id, _) in name_strata(suite["mix"]).items()
    )
    shared = {rank for rank, count in Counter(row["rank"] for row in rows).items() if count > 1}
    return BoardView(
        heading={name: value for name, value in board.items() if name != "rows"},
        suite_id=suite["suite_id"],
        entry_count=len(suite["entries"]),
        task_ids=task_ids,
        faults=faults,
        rows=tuple(_row(row, task_ids, is_shared=row["rank"] in shared) for row in rows),
        bands=_bands(board),
        calibration=tuple({"agent": row["agent"], "bins": row["calibration"]} for row in rows if row["calibration"]),
        costs=_costs(rows),
    )


def _bands(board: Mapping[str, Any]) -> tuple[SolverBand, ...]:
    found = board.get("reference_solvers")
    if found is None:
        return ()
    rows = board["rows"]
    bands = [
        _band(task, band, [(row["agent"], row["tasks"].get(task, {}).get("mean")) for row in rows])
        for task, band in found["tasks"].items()
    ]
    if found["suite"] is not None:
        bands.insert(0, _band("suite", found["suite"], [(row["agent"], row["score"]) for row in rows]))
    return tuple(bands)


def _band(name: str, band: Mapping[str, Any], agents: Sequence[tuple[str, float | None]]) -> SolverBand:
    return SolverBand(
        name=name,
        low=band["low"],
        high=band["high"],
        solvers=tuple(band["solvers"]),
        agents=tuple((agent, mean) for agent, mean in agents if mean is not None),
    )


def _row(row: Mapping[str, Any], task_ids: Sequence[str], *, is_shared: bool) -> BoardRow:
    low, high = row["interval"] or (None, None)
    reported, attempts, passes = row["client_reported"], row["attempts"], row.get("pass_k")
    return BoardRow(
        rank=_rank(row, is_shared=is_shared),
        agent=row["agent"],
        kind=row["kind"],
        is_verified=row["verified"],
        score=row["score"],
        low=low,
        high=high,
        detectable=row.get("detectable_difference"),
        used=attempts["used"],
        running=attempts["running"],
        allowed=attempts["allowed"],
        is_complete=row["complete"],
        pass_1=row["pass_1"],
        pass_1_interval=row.get("pass_1_interval"),
        pass_all=passes[max(passes, key=int)] if passes else None,
        mean_steps=row["mean_steps"],
        accuracy=row.get("accuracy"),
        brier=row["brier"],
        skill=row.get("skill"),
        tokens=reported["tokens"],
        cost_usd=reported["cost_usd_per_attempt"],
        is_on_frontier=bool(row["on_frontier"]),
        tasks=tuple(_cell(row["tasks"].get(task_id)) for task_id in task_ids),
    )


def _rank(row: Mapping[str, Any], *, is_shared: bool) -> str:
    if row["rank"] is None:
        return "–"
    if "worst_rank" not in row:
        return f"{row['rank']}=" if is_shared else str(row["rank"])
    return str(row["rank"]) if row["rank"] == row["worst_rank"] else f"{row['rank']}–{row['worst_rank']}"


def _cell(found: Mapping[str, Any] | None) -> HeatmapCell:
    return HeatmapCell(mean=found["mean"], attempts=found["attempts"]) if found else HeatmapCell(mean=None, attempts=0)


def _costs(rows: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Cost and score of each agent whose client reported costs."""
    return tuple(
        {
            "agent": row["agent"],
            "x": row["client_reported"]["cost_usd_per_attempt"],
            "y": row["score"],
            "on_frontier": bool(row["on_frontier"]),
        }
        for row in rows
        if row["client_reported"]["cost_usd_per_attempt"] is not None
    )
