"""Audits many episodes at once: those that share a scenario one after another, the pieces on all cores."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from concurrent.futures import Executor
from typing import Callable, Iterable, NamedTuple

from sqlalchemy import Connection, select, union

from server.audit.episode_audit import audit_recorded
from server.audit.ranked_checks import Facts, check_round, read_facts
from server.audit.regrade_audit import with_regrades
from server.audit.replay import UnknownStreamError
from server.audit.report import AuditReport, Finding, StoreFinding, StoreReport
from server.audit.scenario_cache import AuditScenarioCache
from server.scenarios.simulation import InProcessSimulation, create_process_pool
from server.security.secret_files import SecretFiles
from server.storage.connections import open_read_connection, run_read
from server.storage.errors import UnreadableEventError
from server.storage.schema import attempts, episodes, events, regrades
from server.storage.stream_codec import decode_link, to_link

PIECE = 200
"""Episodes a task: so many that a worker is worth asking, so few that both cores are busy to the end."""


class _Piece(NamedTuple):
    database_url: str
    facts: Facts
    episode_ids: tuple[str, ...]


class _Outcome(NamedTuple):
    reports: tuple[AuditReport, ...]
    """Those with findings."""
    episodes: int
    events: int
    notes: Counter[str]
    generated: int
    seconds: float
    """Processor time of generating."""


def audit_store(
    database_url: str,
    files: SecretFiles | None,
    *,
    round_id: str | None = None,
    workers: int | None = None,
    create_pool: Callable[[int], Executor] = create_process_pool,
) -> StoreReport:
    """Audit every episode, or every episode of a round.

    Args:
        database_url: an SQLAlchemy URL.
        files: with the secrets of open rounds; None: only the seeds and faults of closed rounds are derived again.
        round_id: audit the episodes of this round only.
        workers: number of processes; None: one a core.
        create_pool: starts them.
    """
    began = time.monotonic()
    facts, groups = asyncio.run(run_read(database_url, lambda opened: _plan(opened, files, round_id)))
    of_store = [
        StoreFinding(code="round", version=None, message=fault, episode_id=None)
        for name, known in facts.rounds.items()
        if round_id in (None, name)
        for fault in check_round(name, known)
    ]
    pieces = [_Piece(database_url, facts, ids) for ids in _pieces(groups)]
    with create_pool(workers or os.cpu_count() or 1) as pool:
        outcomes = list(pool.map(_audit_piece, pieces))
    generated = sum(each.generated for each in outcomes)
    seconds = sum(each.seconds for each in outcomes)
    return StoreReport(
        episodes=sum(each.episodes for each in outcomes),
        events=sum(each.events for each in outcomes),
        scenarios=len(groups) - ("" in groups),
        seconds=time.monotonic() - began,
        seconds_a_scenario=seconds / generated if generated else None,
        findings=(*of_store, *(found for each in outcomes for found in _findings(each.reports))),
        notes=dict(sum((each.notes for each in outcomes), Counter())),
    )


def _plan(
    connection: Connection, files: SecretFiles | None, round_id: str | None
) -> tuple[Facts, dict[str, list[str]]]:
    facts = read_facts(connection, files)
    return facts, _by_scenario(connection, round_id)


def _findings(reports: Iterable[AuditReport]) -> list[StoreFinding]:
    return [
        StoreFinding(**finding.model_dump(), episode_id=report.episode_id)
        for report in reports
        for finding in report.findings
    ]


def _by_scenario(connection: Connection, round_id: str | None) -> dict[str, list[str]]:
    """Digest of a scenario to the episodes on it; those whose reset cannot be read are under the empty one."""
    digests, of_round = _resets(connection)
    known = union(
        select(events.c.stream_id),
        *(select(table.c.episode_id) for table in (episodes, attempts, regrades)),
    )
    names = set(connection.execute(known).scalars())
    if round_id is not None:
        told = union(
            select(episodes.c.episode_id).where(episodes.c.round == round_id),
            select(attempts.c.episode_id).where(attempts.c.round_id == round_id),
            select(regrades.c.episode_id).where(regrades.c.round_id == round_id),
        )
        names = set(connection.execute(told).scalars()) | {name for name in names if of_round.get(name) == round_id}
    groups: dict[str, list[str]] = {}
    for name in sorted(names):
        groups.setdefault(digests.get(name, ""), []).append(name)
    return groups


def _resets(connection: Connection) -> tuple[dict[str, str], dict[str, str | None]]:
    """Scenario digest and round of each episode, by its first event."""
    digests: dict[str, str] = {}
    of_round: dict[str, str | None] = {}
    for row in connection.execute(select(events).where(events.c.version == 1)):
        try:
            reset = decode_link(to_link(row))
        except (ValueError, UnreadableEventError):
            continue  # the audit of that episode says so
        digests[row.stream_id] = getattr(reset, "scenario_digest", "")
        of_round[row.stream_id] = getattr(reset, "round", None)
    return digests, of_round


def _pieces(groups: dict[str, list[str]]) -> list[tuple[str, ...]]:
    """Small groups together, great ones apart: no scenario is generated twice for want of a full piece."""
    pieces: list[list[str]] = []
    for ids in groups.values():
        for start in range(0, len(ids), PIECE):
            part = ids[start : start + PIECE]
            if pieces and len(pieces[-1]) + len(part) <= PIECE:
                pieces[-1].extend(part)
            else:
                pieces.append(part)
    return [tuple(piece) for piece in pieces]


def _audit_piece(piece: _Piece) -> _Outcome:
    return asyncio.run(_audit(piece))


async def _audit(piece: _Piece) -> _Outcome:
    world = InProcessSimulation()
    shelf = AuditScenarioCache(world)
    reports: list[AuditReport] = []
    notes: Counter[str] = Counter()
    seen = 0
    async with open_read_connection(piece.database_url) as connection:
        for name in piece.episode_ids:
            try:
                report = await audit_recorded(connection, world, name, shelf=shelf, facts=piece.facts)
            except UnknownStreamError:
                report = _without_events(name)
            report = await with_regrades(connection, report)
            seen += report.events
            notes.update(set(report.notes))
            if report.findings:
                reports.append(report)
    return _Outcome(tuple(reports), len(piece.episode_ids), seen, notes, shelf.generated, shelf.seconds)


def _without_events(name: str) -> AuditReport:
    finding = Finding(code="row", version=None, message="attempts or regrades have a row, but there are no events")
    return AuditReport(episode_id=name, events=0, findings=(finding,), notes=())
