"""Cache of audited scenarios: each is read, checked and generated again once, and its patches are run once."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Awaitable, Callable, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.events import EpisodeReset
from domain.scenario import Scenario
from server.audit.report import Finding
from server.scenarios.repository import CachedScenario, ScenarioLostError, read_stored_scenario
from server.scenarios.simulation import Simulation

_MAX_SCENARIOS = 8
"""Few, because episodes that share a scenario are audited one after another."""


ReadScenario = Callable[[str], Awaitable[CachedScenario]]
"""Reads the scenario of a digest, intact, from where the record is; raises ``ScenarioLostError``."""


def read_from(connection: AsyncConnection) -> ReadScenario:
    """Reads scenarios from a database."""
    return lambda digest: connection.run_sync(read_stored_scenario, digest)


class AuditedScenario(NamedTuple):
    """A scenario, with the findings and notes for an episode that refers to it."""

    cached: CachedScenario | None
    """None: it cannot be read."""
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]


class AuditScenarioCache:
    """Caches the most recently audited scenarios."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._entries: OrderedDict[tuple[object, ...], AuditedScenario] = OrderedDict()
        self.generated = 0
        self.cpu_seconds = 0.0
        """Processor time spent on generation, in seconds."""

    async def get(self, read: ReadScenario, reset: EpisodeReset) -> AuditedScenario:
        """The scenario that a reset refers to."""
        expected = (reset.task_id, reset.seed, reset.split, reset.generator_version)
        key = (reset.scenario_digest, *expected, reset.round is None)
        if key not in self._entries:
            self._entries[key] = await self._audit(read, reset)
            if len(self._entries) > _MAX_SCENARIOS:
                self._entries.popitem(last=False)
        return self._entries[key]

    async def _audit(self, read: ReadScenario, reset: EpisodeReset) -> AuditedScenario:
        try:
            cached = await read(reset.scenario_digest)
        except ScenarioLostError as error:
            return AuditedScenario(None, (_finding("scenario", str(error)),), ())
        stored = cached.scenario
        findings: list[Finding] = []
        notes: list[str] = []
        expected = (reset.task_id, reset.seed, reset.split, reset.generator_version)
        if (stored.task_id, stored.seed, cached.split, stored.generator_version) != expected:
            findings.append(
                _finding(
                    "scenario", "task, seed, split or generator version of the scenario are not those of the reset"
                )
            )
        if reset.generator_version != self._simulation.generator_version:
            notes.append(
                f"not generated again: recorded by generator {reset.generator_version}, "
                f"this is {self._simulation.generator_version}"
            )
        elif (await self._generate(reset, stored)).digest != reset.scenario_digest:
            findings.append(_finding("generate", "generating the scenario again gives another one"))
        return AuditedScenario(cached, tuple(findings), tuple(notes))

    async def _generate(self, reset: EpisodeReset, stored: Scenario) -> Scenario:
        began = time.process_time()
        try:
            if reset.round is None:
                return await self._simulation.generate(reset.task_id, reset.seed, split=reset.split)
            # Whether the fault follows from the round's secret is checked by `ranked_checks`.
            fault = stored.truth.fault_id
            return await self._simulation.generate(reset.task_id, reset.seed, split=reset.split, fault=fault)
        finally:
            self.generated += 1
            self.cpu_seconds += time.process_time() - began


def _finding(code: str, message: str) -> Finding:
    return Finding(code=code, version=1, message=message)
