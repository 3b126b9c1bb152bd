"""Background task: audits ended ranked attempts; the board marks an agent verified by the results."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from functools import partial
from typing import Any, Callable

from sqlalchemy import Connection, Row, and_, select, text

from domain.diagnosis import PatchEntry
from domain.experiment import ExperimentOutcome
from domain.grade import PatchVerdict
from domain.rubric import RUBRIC, Rubric
from domain.scenario import Composition, Scenario, Truth
from domain.types import SplitName, TaskId
from server.audit.episode_audit import audit_recorded
from server.audit.ranked_checks import read_ranked_audit_data
from server.audit.report import AuditReport
from server.audit.scenario_cache import AuditScenarioCache
from server.clock import to_timestamp
from server.scenarios.simulation import Simulation
from server.security.secret_files import SecretFiles
from server.storage.connections import accept, open_read_connection, run_read, run_write
from server.storage.schema import attempts, audits, episodes
from server.threads import BACKGROUND, OnOtherLoop, run_on_own_loop

logger = logging.getLogger(__name__)

BATCH_SIZE = 16
"""Attempts audited at a time."""
_UNAUDITED = (
    select(attempts.c.episode_id, episodes.c.head_hash)
    .join(episodes, episodes.c.episode_id == attempts.c.episode_id)
    .join(
        audits,
        and_(audits.c.episode_id == attempts.c.episode_id, audits.c.head_hash == episodes.c.head_hash),
        isouter=True,
    )
    .where(attempts.c.end_reason.is_not(None), audits.c.episode_id.is_(None))
    .order_by(attempts.c.ended_at)
    .limit(BATCH_SIZE)
)
_UPSERT = text(
    "INSERT INTO audits (episode_id, head_hash, findings, audited_at) "
    "VALUES (:episode_id, :head_hash, :findings, :audited_at) ON CONFLICT (episode_id) DO UPDATE SET "
    "head_hash = excluded.head_hash, findings = excluded.findings, audited_at = excluded.audited_at"
)


@dataclass(eq=False)
class BackgroundAuditor:
    """Audits attempts whose last event is newer than their audit. Logs findings, and stores their number for the board."""

    database_url: str
    simulation: Simulation
    files: SecretFiles
    _: KW_ONLY
    interval_seconds: float
    clock: Callable[[], datetime]
    check: Callable[[], None] = accept
    """Raises if the database file was replaced since the server opened it."""

    async def audit_pending(self) -> int:
        """Audit all unaudited attempts in batches; returns how many."""
        done = 0
        while True:
            self.check()
            unaudited = await run_read(self.database_url, _read_unaudited)
            if not unaudited:
                return done
            names = [row.episode_id for row in unaudited]
            simulation = _SimulationOfServer(self.simulation, OnOtherLoop(asyncio.get_running_loop()))
            # Folds and grades take the interpreter for long, and must not block the event loop of the server.
            reports = await run_on_own_loop(BACKGROUND, partial(self._audit, names, simulation))
            self.check()
            now = to_timestamp(self.clock())
            rows = [
                {
                    "episode_id": row.episode_id,
                    "head_hash": row.head_hash,
                    "findings": len(report.findings),
                    "audited_at": now,
                }
                for row, report in zip(unaudited, reports, strict=True)
            ]
            await run_write(self.database_url, partial(_store_audits, rows=rows))
            done += len(unaudited)

    async def run(self) -> None:
        """Run until cancelled; a failure is logged and retried after the interval."""
        while True:
            await asyncio.sleep(self.interval_seconds)
            try:
                await self.audit_pending()
            except Exception:  # whatever it is, later turns must not be lost with it
                logger.exception("attempts could not be audited; the next turn tries again")

    async def _audit(self, episode_ids: list[str], simulation: Simulation) -> list[AuditReport]:
        reports = []
        async with open_read_connection(self.database_url) as connection:
            ranked = await connection.run_sync(read_ranked_audit_data, self.files)
            scenario_cache = AuditScenarioCache(simulation)
            for name in episode_ids:
                report = await audit_recorded(
                    connection, simulation, name, scenario_cache=scenario_cache, ranked=ranked
                )
                for each in report.findings:
                    logger.error("audit of %s: %s: %s", name, each.code, each.message)
                reports.append(report)
        return reports


class _SimulationOfServer:
    """The simulation of the server, called from the event loop of an audit."""

    def __init__(self, simulation: Simulation, server: OnOtherLoop) -> None:
        self._simulation = simulation
        self._server = server
        self.registry = simulation.registry
        self.patch_to_verify = simulation.patch_to_verify
        self.grade = simulation.grade
        self.start, self.ready, self.stop = simulation.start, simulation.ready, simulation.stop

    @property
    def generator_version(self) -> str:
        return self._simulation.generator_version

    async def generate(
        self, task_id: TaskId, seed: int, *, fault: str | None = None, split: SplitName = "train"
    ) -> Scenario:
        return await self._server.call(self._simulation.generate(task_id, seed, fault=fault, split=split))

    async def verify(self, truth: Truth, patch: tuple[PatchEntry, ...], *, rubric: Rubric = RUBRIC) -> PatchVerdict:
        return await self._server.call(self._simulation.verify(truth, patch, rubric=rubric))

    async def experiment(
        self, truth: Truth | Composition, patch: tuple[PatchEntry, ...], number: int
    ) -> ExperimentOutcome:
        return await self._server.call(self._simulation.experiment(truth, patch, number))


def _read_unaudited(connection: Connection) -> list[Row[Any]]:
    return list(connection.execute(_UNAUDITED))


def _store_audits(connection: Connection, rows: list[dict[str, Any]]) -> None:
    connection.execute(_UPSERT, rows)
