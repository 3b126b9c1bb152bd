"""Scenarios that are generated ahead, while no client waits for a generating process.

Rule 1: a few fresh seeds of each task are kept, each for one reset that names no seed. Rule 2: what agents of an open round are
likely to begin next is generated, too, and kept with the cached scenarios. Rule 3: nothing is generated ahead while anything else is
to be generated or recorded. Rule 4: a scenario is there only at the end of the quantum that its answer would have waited for, so that the
time at which the reserve is full again tells nothing about it (`answer_timing`). Rule 5: nothing of it is stored or shown before
an episode begins on it.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import OrderedDict, deque
from typing import Awaitable, Callable, NamedTuple, get_args

from domain.types import SplitName, TaskId
from server.scenarios.fair_queue import QueueFullError
from server.scenarios.repository import CachedScenario, ScenarioRepository
from server.scenarios.workers import WorkerLostError

logger = logging.getLogger(__name__)

SEED_BITS = 53
RESERVED_SPLIT: SplitName = "train"
FIRST_PAUSE_SECONDS = 1.0
"""A server that has just started has other things to do."""
BUSY_SECONDS = 0.1
"""Time until a busy server is looked at again."""
FAILURE_SECONDS = 30.0
MAX_EXPECTED = 64
"""Ranked attempts that are remembered as likely; the oldest are forgotten."""


class Expected(NamedTuple):
    """The scenario of a ranked attempt that an agent may begin next."""

    task_id: TaskId
    seed: int
    split: SplitName
    fault: str


class ScenarioReserve:
    """The scenarios of one server process that are ready before they are asked for."""

    def __init__(
        self,
        scenarios: ScenarioRepository,
        *,
        size: int,
        is_idle: Callable[[], bool],
        draw: Callable[[], int] = lambda: secrets.randbits(SEED_BITS),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """``size``: scenarios kept for each task; 0: nothing is generated ahead. ``is_idle``: whether nothing else is to be done."""
        self._scenarios = scenarios
        self._size = size
        self._is_idle = is_idle
        self._draw = draw
        self._sleep = sleep
        self._fresh: dict[TaskId, deque[CachedScenario]] = {task_id: deque() for task_id in get_args(TaskId)}
        self._expected: OrderedDict[Expected, None] = OrderedDict()
        self._is_wanted = asyncio.Event()
        self.hits = 0
        self.misses = 0

    @property
    def is_enabled(self) -> bool:
        return self._size > 0

    def __len__(self) -> int:
        """The fresh scenarios that are ready."""
        return sum(len(ready) for ready in self._fresh.values())

    def take(self, task_id: TaskId, split: SplitName) -> CachedScenario | None:
        """A scenario on a seed that was never played; None: none is ready."""
        if not self.is_enabled or split != RESERVED_SPLIT:
            return None
        self._is_wanted.set()
        ready = self._fresh[task_id]
        if not ready:
            self.misses += 1
            return None
        self.hits += 1
        taken = ready.popleft()
        self._scenarios.keep(taken)
        return taken

    def expect(self, expected: Expected) -> None:
        """Generate the scenario of a ranked attempt that may be begun next, when there is time."""
        if not self.is_enabled:
            return
        self._expected[expected] = None
        self._expected.move_to_end(expected)
        while len(self._expected) > MAX_EXPECTED:
            self._expected.popitem(last=False)
        self._is_wanted.set()

    async def run(self) -> None:
        """Fill the reserve whenever there is time, until cancelled."""
        await self._sleep(FIRST_PAUSE_SECONDS)
        while True:
            self._is_wanted.clear()
            if not self._is_full and not self._is_idle():
                await self._sleep(BUSY_SECONDS)
            elif not await self._generate_one():
                await self._is_wanted.wait()

    @property
    def _is_full(self) -> bool:
        return not self._expected and self._emptiest() is None

    def _emptiest(self) -> TaskId | None:
        """The task with the fewest scenarios; None: all have enough."""
        task_id = min(self._fresh, key=lambda each: len(self._fresh[each]))
        return task_id if len(self._fresh[task_id]) < self._size else None

    async def _generate_one(self) -> bool:
        """Generate what is most wanted; False: nothing is."""
        try:
            if self._expected:
                expected, _ = self._expected.popitem()  # the newest: its agent plays now
                await self._scenarios.generate_expected(*expected)
                return True
            task_id = self._emptiest()
            if task_id is None:
                return False
            self._fresh[task_id].append(await self._scenarios.generate_ahead(task_id, self._draw(), RESERVED_SPLIT))
        except (QueueFullError, WorkerLostError) as error:
            logger.warning("no scenario could be generated ahead: %s", error)
            await self._sleep(FAILURE_SECONDS)
        return True
