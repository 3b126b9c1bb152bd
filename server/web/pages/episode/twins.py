"""Healthy twins of scenarios whose episodes are over: generated when somebody looks, a bounded number kept."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from domain.generator import HEALTHY
from domain.scenario import Evidence, Scenario
from server.scenarios.repository import CachedScenario
from server.scenarios.simulation import Simulation

KEPT = 64


class Twins:
    """One generation for each scenario, however many look."""

    def __init__(self, world: Simulation) -> None:
        self._world = world
        self._kept: OrderedDict[str, asyncio.Task[Scenario]] = OrderedDict()

    async def twin_of(self, held: CachedScenario) -> Evidence | None:
        """The evidence of the run without the fault; null: another version of the generator made the scenario."""
        scenario = held.scenario
        if scenario.generator_version != self._world.generator_version:
            return None
        task = self._kept.get(scenario.digest)
        if task is not None:
            self._kept.move_to_end(scenario.digest)
        else:
            twin = self._world.generate(scenario.task_id, scenario.seed, split=held.split, fault=HEALTHY)
            task = self._kept[scenario.digest] = asyncio.ensure_future(twin)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        try:
            # Shielded: one viewer that goes away must not take the twin from the others.
            return (await asyncio.shield(task)).evidence
        except Exception:
            if self._kept.get(scenario.digest) is task:  # a failure is not a twin, but a newer attempt may be one
                del self._kept[scenario.digest]
            raise
