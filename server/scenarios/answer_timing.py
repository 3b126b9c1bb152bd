"""Delays the response to a generation until a time that does not depend on the planted fault (timing side channel).

Generating a run with two faults takes longer than one with none, so the response time of a reset would leak which it is. An answer
is therefore delayed until a quantum has passed since its work began; work that takes longer is answered at the end of a further one. The
quantum of a task is public. It grows when work was late twice within a period, and shrinks when a period had nearly nothing
that the smaller one would have been too short for (predictive mitigation of timing channels, Askarov, Zhang and Myers 2010).
Only a late answer leaks something: that it was late.
"""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass
from typing import Awaitable, Callable

FIRST_SECONDS = 0.1
"""Nearly all generations take less on an idle core."""
GROWTH = 1.5
PERIOD = 128
"""Answers in a period; the counts are reset after it."""
TOLERATED = 1
"""Late answers in a period that change nothing: one pause of the machine must not delay all later answers."""


@dataclass(slots=True)
class _Quantum:
    """The quantum of one task, and what was counted since it was set or its period began."""

    seconds: float
    answers: int = 0
    late: int = 0
    late_for_smaller: int = 0


class AnswerTiming:
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
        self._quanta: dict[str, _Quantum] = {}

    def begin(self) -> float:
        """The start time to pass to ``wait_for_quantum``."""
        return self._now()

    async def wait_for_quantum(self, task_id: str, began: float) -> None:
        """Wait for the end of the quantum that the work began, or of the one in which it was done."""
        taken = self._now() - began
        quantum = self._quanta.setdefault(task_id, _Quantum(self._first)).seconds
        self._count(task_id, taken)
        end = began + quantum * max(1, math.ceil(taken / quantum))
        await self._sleep(max(0.0, end - self._now()))

    def _count(self, task_id: str, taken: float) -> None:
        known = self._quanta[task_id]
        smaller = max(self._first, known.seconds / GROWTH)
        known.answers += 1
        known.late += taken > known.seconds
        known.late_for_smaller += taken > smaller
        if known.late > TOLERATED:
            self._quanta[task_id] = _Quantum(known.seconds * GROWTH)
        elif known.answers >= PERIOD:
            self._quanta[task_id] = _Quantum(smaller if known.late_for_smaller <= TOLERATED else known.seconds)
