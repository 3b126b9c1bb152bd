"""Audits regrades: each is derived again from the events and the numbers of its rubric."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.audit.report import AuditReport, Finding
from server.ranking.regrade import RubricError, TrainingNeededError, read_stored_rubric, regrade_episode
from server.scenarios.repository import ScenarioLostError
from server.storage.errors import UnreadableEventError
from server.storage.schema import regrades


async def with_regrades(connection: AsyncConnection, report: AuditReport) -> AuditReport:
    """Add findings and notes on the regrades of an episode to its report."""
    findings, notes = await connection.run_sync(_audit_regrades, report.episode_id)
    return report.model_copy(update={"findings": (*report.findings, *findings), "notes": (*report.notes, *notes)})


def _audit_regrades(connection: Connection, episode_id: str) -> tuple[list[Finding], list[str]]:
    findings: list[Finding] = []
    notes: list[str] = []
    stored = select(regrades).where(regrades.c.episode_id == episode_id).order_by(regrades.c.rubric_version)
    for row in list(connection.execute(stored)):
        try:
            findings += _compare(connection, row)
        except TrainingNeededError as error:
            notes.append(f"not graded again under rubric {row.rubric_version}: {error}")
        except (RubricError, ScenarioLostError, UnreadableEventError, ValueError) as error:
            findings.append(_finding(row, f"cannot be derived again: {' '.join(str(error).split())}"))
    return findings, notes


def _compare(connection: Connection, row: Row[Any]) -> list[Finding]:
    expected = regrade_episode(connection, row.episode_id, read_stored_rubric(connection, row.rubric_version)).values
    return [
        _finding(row, f"{name} is {_shown(row._mapping[name])}, by the events it is {_shown(value)}")
        for name, value in expected.items()
        if row._mapping[name] != value
    ]


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _finding(row: Row[Any], message: str) -> Finding:
    return Finding(code="regrade", version=None, message=f"under rubric {row.rubric_version}: {message}")
