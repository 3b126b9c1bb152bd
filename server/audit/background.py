"""The server audits ranked attempts that have ended, which is what the board's verified mark says."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from functools import partial
from typing import Any, Callable

from sqlalchemy import Connection, Row, and_, select, text

from server.audit.episode_audit import audit_recorded
from server.audit.ranked_checks import read_facts
from server.audit.report import AuditReport
from server.audit.scenario_cache import AuditScenarioCache
from server.clock import to_timestamp
from server.scenarios.simulation import Simulation
from server.security.secret_files import SecretFiles
from server.storage.connections import accept, open_read_connection, run_read, run_write
from server.storage.schema import attempts, audits, episodes

logger = logging.getLogger(__name__)

PIECE = 16
"""Attempts audited at once: most of the work is done by the generating processes, the rest should keep nobody waiting."""
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
    .limit(PIECE)
)
_KEEP = text(
    "INSERT INTO audits (episode_id, head_hash, findings, audited_at) "
    "VALUES (:episode_id, :head_hash, :findings, :audited_at) ON CONFLICT (episode_id) DO UPDATE SET "
    "head_hash = excluded.head_hash, findings = excluded.findings, audited_at = excluded.audited_at"
)


class BackgroundAuditor:
    """Audits what has not been audited at its present last event. What it finds is logged, and kept for the board."""

    def __init__(
        self,
        database_url: str,
        world: Simulation,
        files: SecretFiles,
        *,
        interval_seconds: float,
        clock: Callable[[], datetime],
        check: Callable[[], None] = accept,
    ) -> None:
        """``check`` raises where the database is not the one that the server opened."""
        self._check = check
        self._database_url = database_url
        self._interval_seconds = interval_seconds
        self._world = world
        self._files = files
        self._clock = clock

    async def verify(self) -> int:
        """Audit all that waits, piece by piece; how many it was."""
        done = 0
        while True:
            self._check()
            waiting = await run_read(self._database_url, _waiting)
            if not waiting:
                return done
            reports = await self._audit([row.episode_id for row in waiting])
            self._check()
            now = to_timestamp(self._clock())
            rows = [
                {
                    "episode_id": row.episode_id,
                    "head_hash": row.head_hash,
                    "findings": len(report.findings),
                    "audited_at": now,
                }
                for row, report in zip(waiting, reports, strict=True)
            ]
            await run_write(self._database_url, partial(_keep, rows=rows))
            done += len(waiting)

    async def run(self) -> None:
        """For ever; what fails is tried again by the next turn."""
        while True:
            await asyncio.sleep(self._interval_seconds)
            try:
                await self.verify()
            except Exception:  # whatever it is, later turns must not be lost with it
                logger.exception("attempts could not be audited; the next turn tries again")

    async def _audit(self, names: list[str]) -> list[AuditReport]:
        reports = []
        async with open_read_connection(self._database_url) as connection:
            facts = await connection.run_sync(read_facts, self._files)
            shelf = AuditScenarioCache(self._world)
            for name in names:
                report = await audit_recorded(connection, self._world, name, shelf=shelf, facts=facts)
                for each in report.findings:
                    logger.error("audit of %s: %s: %s", name, each.code, each.message)
                reports.append(report)
        return reports


def _waiting(connection: Connection) -> list[Row[Any]]:
    return list(connection.execute(_UNAUDITED))


def _keep(connection: Connection, rows: list[dict[str, Any]]) -> None:
    connection.execute(_KEEP, rows)
