"""The scenarios of an audit: each is read, checked and generated again once, and its patches are run once."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.events import EpisodeReset
from domain.scenario import Scenario
from server.audit.report import Finding
from server.scenarios.repository import CachedScenario, ScenarioLostError, read_held
from server.scenarios.simulation import Simulation

_LIMIT = 8
"""Episodes that share a scenario are audited one after another."""


class AuditedScenario(NamedTuple):
    """A scenario, and what is wrong with it for an episode that refers to it."""

    held: CachedScenario | None
    """Null: it cannot be read."""
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]


class AuditScenarioCache:
    """Keeps the last few scenarios."""

    def __init__(self, world: Simulation) -> None:
        self._world = world
        self._kept: OrderedDict[tuple[object, ...], AuditedScenario] = OrderedDict()
        self.generated = 0
        self.seconds = 0.0
        """Processor time of generating."""

    async def take(self, connection: AsyncConnection, reset: EpisodeReset) -> AuditedScenario:
        """The scenario that a reset refers to."""
        named = (reset.task_id, reset.seed, reset.split, reset.generator_version)
        key = (reset.scenario_digest, *named, reset.round is None)
        if key not in self._kept:
            self._kept[key] = await self._audit(connection, reset)
            if len(self._kept) > _LIMIT:
                self._kept.popitem(last=False)
        return self._kept[key]

    async def _audit(self, connection: AsyncConnection, reset: EpisodeReset) -> AuditedScenario:
        try:
            held = await connection.run_sync(read_held, reset.scenario_digest)
        except ScenarioLostError as error:
            return AuditedScenario(None, (_finding("scenario", str(error)),), ())
        stored = held.scenario
        findings: list[Finding] = []
        notes: list[str] = []
        named = (reset.task_id, reset.seed, reset.split, reset.generator_version)
        if (stored.task_id, stored.seed, held.split, stored.generator_version) != named:
            findings.append(
                _finding(
                    "scenario", "task, seed, split or generator version of the scenario are not those of the reset"
                )
            )
        if reset.generator_version != self._world.generator_version:
            notes.append(
                f"not generated again: recorded by generator {reset.generator_version}, "
                f"this is {self._world.generator_version}"
            )
        elif (await self._generate(reset, stored)).digest != reset.scenario_digest:
            findings.append(_finding("generate", "generating the scenario again gives another one"))
        return AuditedScenario(held, tuple(findings), tuple(notes))

    async def _generate(self, reset: EpisodeReset, stored: Scenario) -> Scenario:
        began = time.process_time()
        try:
            if reset.round is None:
                return await self._world.generate(reset.task_id, reset.seed, split=reset.split)
            # Which fault a round plants follows from its secret; whether it does, is asked apart.
            fault = stored.truth.fault_id
            return await self._world.generate(reset.task_id, reset.seed, split=reset.split, fault=fault)
        finally:
            self.generated += 1
            self.seconds += time.process_time() - began


def _finding(code: str, message: str) -> Finding:
    return Finding(code=code, version=1, message=message)
