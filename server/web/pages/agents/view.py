"""What is known of an agent and of a run: figures by task and round, and the runs of an agent.

A run is no record of the server. ``mlops-debug run`` names the episodes of a run by the run's id, the entry and the trial, and a
run is shown where the ids of ended episodes have that form.
"""

from __future__ import annotations

from typing import Any, Iterable, Mapping, NamedTuple, Sequence

from domain.types import TASK_IDS
from server.security.identity import given_name
from server.services import Services
from server.web.pages.episode_list.filter import ListFilter
from server.web.pages.episode_list.query import read_ended_ids, read_groups
from server.web.pages.episode_list.totals import Totals, TotalsCache
from server.web.pages.episode_names import place_in_run

MAX_EPISODES_OF_RUNS = 2_000
"""The runs of an agent are those of so many episodes that it began last."""


class TaskFigures(NamedTuple):
    """Ended episodes of one task."""

    task_id: str
    ended: int
    mean_score: float
    passed: int
    mean_steps: float

    def to_json(self) -> dict[str, Any]:
        return {
            "task_id": self.task_id,
            "ended": self.ended,
            "mean_score": round(self.mean_score, 4),
            "pass_rate": round(self.passed / self.ended, 4),
            "mean_steps": round(self.mean_steps, 4),
        }


class RoundFigures(NamedTuple):
    """Ended attempts in one round. The board of the round has its score, which weighs tasks and attempts left out."""

    round_id: str
    is_open: bool
    tasks: tuple[TaskFigures, ...]

    @property
    def ended(self) -> int:
        return sum(each.ended for each in self.tasks)

    @property
    def passed(self) -> int:
        return sum(each.passed for each in self.tasks)

    @property
    def mean_score(self) -> float:
        return sum(each.ended * each.mean_score for each in self.tasks) / self.ended

    def to_json(self) -> dict[str, Any]:
        return {
            "round": self.round_id,
            "is_open": self.is_open,
            "ended": self.ended,
            "mean_score": round(self.mean_score, 4),
            "pass_rate": round(self.passed / self.ended, 4),
            "tasks": [each.to_json() for each in self.tasks],
        }


class RunFigures(NamedTuple):
    """Ended episodes of one run."""

    run: str
    """Its name with the prefix of the API key."""
    ended: int
    mean_score: float
    began_at: str
    """When the episode of it began that began last."""

    @property
    def shown_name(self) -> str:
        return given_name(self.run)

    def to_json(self) -> dict[str, Any]:
        return {
            "run": self.run,
            "ended": self.ended,
            "mean_score": round(self.mean_score, 4),
            "began_at": self.began_at,
        }


class Standing(NamedTuple):
    """Everything about an agent or a run."""

    totals: Totals
    practice: tuple[TaskFigures, ...]
    rounds: tuple[RoundFigures, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "totals": self.totals.to_json(),
            "practice": [each.to_json() for each in self.practice],
            "rounds": [each.to_json() for each in self.rounds],
        }


async def read_standing(services: Services, totals: TotalsCache, wanted: ListFilter) -> Standing:
    """The figures over a filter."""
    groups = sorted(await read_groups(services.reader, wanted), key=lambda row: TASK_IDS.index(row.task_id))
    of_round: dict[str | None, list[TaskFigures]] = {}
    for row in groups:
        figures = TaskFigures(row.task_id, row.ended, row.mean_score, row.passed, float(row.mean_steps))
        of_round.setdefault(row.round, []).append(figures)
    practice = tuple(of_round.pop(None, ()))
    published = {each["round"]: each for each in await services.rounds.published()}
    return Standing(await totals.read(wanted), practice, _rounds(of_round, published))


async def read_runs(services: Services, agent: str) -> tuple[RunFigures, ...]:
    """The runs of an agent, the newest first."""
    rows = await read_ended_ids(services.reader, agent, MAX_EPISODES_OF_RUNS)
    of_run: dict[str, list[Any]] = {}
    for row in rows:
        place = place_in_run(row.episode_id)
        if place is not None:
            of_run.setdefault(place.run, []).append(row)
    return tuple(_run(run, found) for run, found in of_run.items())


def _run(run: str, rows: Sequence[Any]) -> RunFigures:
    mean = sum(row.score for row in rows) / len(rows)
    return RunFigures(run, len(rows), mean, max(row.started_at for row in rows))


def _rounds(
    of_round: Mapping[str | None, Iterable[TaskFigures]], published: Mapping[str, Mapping[str, Any]]
) -> tuple[RoundFigures, ...]:
    """The newest first, as they are published."""
    return tuple(
        RoundFigures(round_id, published[round_id]["closed_at"] is None, tuple(of_round[round_id]))
        for round_id in published
        if round_id in of_round
    )
