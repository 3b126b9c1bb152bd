"""LRU cache of the healthy twins of ended episodes, generated on first view."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from domain.generator import HEALTHY
from domain.scenario import Evidence, Scenario
from server.scenarios.repository import CachedScenario
from server.scenarios.simulation import Simulation

MAX_CACHED = 64


class TwinCache:
    """Generates each twin once, also for concurrent viewers."""

    def __init__(self, simulation: Simulation) -> None:
        self._world = simulation
        self._cached: OrderedDict[str, asyncio.Task[Scenario]] = OrderedDict()

    async def get(self, cached: CachedScenario) -> Evidence | None:
        """The evidence of the run without the fault; None: another version of the generator made the scenario."""
        scenario = cached.scenario
        if scenario.generator_version != self._world.generator_version:
            return None
        task = self._cached.get(scenario.digest)
        if task is not None:
            self._cached.move_to_end(scenario.digest)
        else:
            twin = self._world.generate(scenario.task_id, scenario.seed, split=cached.split, fault=HEALTHY)
            task = self._cached[scenario.digest] = asyncio.ensure_future(twin)
            if len(self._cached) > MAX_CACHED:
                self._cached.popitem(last=False)
        try:
            # Shielded: a viewer that disconnects must not cancel the generation for the others.
            return (await asyncio.shield(task)).evidence
        except Exception:
            if self._cached.get(scenario.digest) is task:  # drop the failure, but not a newer attempt
                del self._cached[scenario.digest]
            raise
