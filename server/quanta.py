"""When the answer to a generation is given: at a time that does not depend on what was planted.

Generating a run with two faults takes longer than one with none, so that the time of a reset would tell. Therefore an answer
is held until a quantum has passed since its work began. The quantum of a task is public: it grows when work takes longer, and
shrinks after many in a row that would have fitted into the smaller one (predictive mitigation of timing channels, Askarov,
Zhang and Myers 2010). Only an answer that takes longer than its quantum tells that it did.
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import Awaitable, Callable

FIRST_SECONDS = 0.1
"""Nearly all generations take less on an idle core."""
GROWTH = 1.5
CALM = 256
"""Answers in a row that would have fitted into the smaller quantum, before it is taken."""


class Quanta:
    """The quantum of each task."""

    def __init__(
        self,
        first_seconds: float = FIRST_SECONDS,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._first = first_seconds
        self._now = now
        self._sleep = sleep
        self._quanta: dict[str, float] = {}
        self._calm: dict[str, int] = {}

    def begin(self) -> float:
        """The time at which work begins, for ``hold``."""
        return self._now()

    async def hold(self, task_id: str, began: float) -> None:
        """Wait for the end of the quantum that the work began; work that took longer waits for the end of another one."""
        taken = self._now() - began
        quantum = self._quanta.get(task_id, self._first)
        if taken > quantum:
            quantum *= GROWTH
            self._quanta[task_id], self._calm[task_id] = quantum, 0
        else:
            self._count(task_id, taken, quantum)
        end = began + quantum * max(1, math.ceil(taken / quantum))
        await self._sleep(max(0.0, end - self._now()))

    def _count(self, task_id: str, taken: float, quantum: float) -> None:
        smaller = max(self._first, quantum / GROWTH)
        calm = self._calm.get(task_id, 0) + 1 if taken <= smaller else 0
        if calm >= CALM:
            self._quanta[task_id], calm = smaller, 0
        self._calm[task_id] = calm
