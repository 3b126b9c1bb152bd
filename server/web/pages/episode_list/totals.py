"""Figures over all episodes of a filter: counted once, then brought up to date by what has ended since.

Rule 1: an episode that has ended does not change, so that figures up to a position stay true; a page reads only what ended after it.
Rule 2: what runs is counted each time, by an index that has nothing else. Rule 3: one statement, or a position below which nothing
can appear any more, so that no episode is counted twice.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NamedTuple

from server.services import Services
from server.web.pages.episode_list.filter import ListFilter
from server.web.pages.episode_list.query import (
    MAX_COUNTED,
    Agents,
    EndedFigures,
    match_agents,
    read_ended_count,
    read_ended_figures,
    read_running_count,
)

MAX_FILTERS = 500
"""Max number of filters whose figures are kept."""


class Totals(NamedTuple):
    """Figures over a filter."""

    running: int
    ended: int
    mean_score: float | None
    """None: none has ended."""
    passed: int

    @property
    def is_cut(self) -> bool:
        """Whether there may be more episodes than were counted."""
        return max(self.running, self.ended) >= MAX_COUNTED

    @property
    def is_empty(self) -> bool:
        return self.running + self.ended == 0

    @property
    def pass_rate(self) -> float | None:
        return self.passed / self.ended if self.ended else None

    def to_json(self) -> dict[str, Any]:
        return {
            "running": self.running,
            "ended": self.ended,
            "mean_score": None if self.mean_score is None else round(self.mean_score, 4),
            "pass_rate": None if self.pass_rate is None else round(self.pass_rate, 4),
            "is_cut": self.is_cut,
        }


class TotalsCache:
    """The figures of the filters that were asked for last."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._known: OrderedDict[tuple[ListFilter, Agents], EndedFigures] = OrderedDict()
        self._ended = (0, 0)
        """A position, and how many episodes had ended there."""

    async def read(self, wanted: ListFilter) -> Totals:
        """Figures over all episodes of a filter, whatever page is shown."""
        reader = self._services.reader
        # The order matters to the figures only in that some lists have nothing that runs.
        wanted = wanted.model_copy(update={"sort": "best" if wanted.is_ended_only else "newest"})
        agents = await match_agents(reader, wanted)
        ended = EndedFigures() if wanted.status == "running" else await self._read_ended(wanted, agents)
        running = 0 if wanted.is_ended_only else await read_running_count(reader, wanted, agents)
        mean = ended.score / ended.episodes if ended.episodes else None
        return Totals(running, ended.episodes, mean, ended.passed)

    async def count_ended(self) -> int:
        """How many episodes have ended, of whatever task."""
        after, known = self._ended
        until, further = await read_ended_count(self._services.reader, after)
        self._ended = (until, known + further)
        return known + further

    async def _read_ended(self, wanted: ListFilter, agents: Agents) -> EndedFigures:
        key = (wanted, agents)
        before = self._known.get(key, EndedFigures())
        found = before.plus(await read_ended_figures(self._services.reader, wanted, agents, after=before.position))
        self._known[key] = found
        self._known.move_to_end(key)
        while len(self._known) > MAX_FILTERS:
            self._known.popitem(last=False)
        return found
