"""Decides when another episode may begin, so that a budget finishes what was begun before it begins anything new.

Rules: 1. An episode begins where the budget covers what it and those in flight are expected to use still. 2. One may always be in
flight. 3. What is expected is the most that an episode of this run has used; before one has ended, the most that one can use.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from mlops_debug_env.agents.llm.limits import Spending
from mlops_debug_env.agents.llm.usage import NOTHING_USED, ModelUsage


@dataclass(slots=True, eq=False)
class AdmittedEpisode:
    """An episode in flight."""

    started: float
    usage: Callable[[], ModelUsage] = field(default=lambda: NOTHING_USED)
    """What it has used so far, before the run was resumed too."""
    has_result: bool = False


class Admission:
    """Bounds the episodes in flight by what is left of the budget.

    Args:
        spending: what the run has used.
        most: what an episode can use at most.
        monotonic: a clock for durations.
    """

    def __init__(
        self, spending: Spending, *, most: ModelUsage, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._spending = spending
        self._most = most
        self._monotonic = monotonic
        self._ended: list[ModelUsage] = []
        self._longest_seconds = 0.0
        self._in_flight: set[AdmittedEpisode] = set()
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def episode(self) -> AsyncIterator[AdmittedEpisode]:
        """The block in which an episode is played; waits until it may begin."""
        async with self._changed:
            await self._changed.wait_for(self.may_begin)
            admitted = AdmittedEpisode(self._monotonic())
            self._in_flight.add(admitted)
        try:
            yield admitted
        finally:
            self._in_flight.remove(admitted)
            if admitted.has_result:
                self._ended.append(admitted.usage())
                self._longest_seconds = max(self._longest_seconds, self._monotonic() - admitted.started)
            async with self._changed:
                self._changed.notify_all()

    def may_begin(self) -> bool:
        """Whether another episode may begin now."""
        if not self._in_flight:
            return True
        left = self._spending.left()
        if left.seconds is not None and self._longest_seconds > left.seconds:
            return False
        used = [each.usage() for each in self._in_flight]
        return self._covers(left.tokens, tokens_of, used) and self._covers(left.usd, _usd_of, used)

    def _covers(self, left: float | None, measure: Callable[[ModelUsage], float], used: list[ModelUsage]) -> bool:
        """Whether what is left suffices for those in flight, given what they have used, and for one more."""
        if left is None:
            return True
        amounts = [measure(each) for each in used]
        expected = max(*amounts, *map(measure, self._ended or [self._most]))
        return sum(expected - each for each in amounts) + expected <= left


def tokens_of(usage: ModelUsage) -> float:
    """All tokens of a usage."""
    return usage.input_tokens + usage.output_tokens


def _usd_of(usage: ModelUsage) -> float:
    return usage.cost_usd or 0.0
