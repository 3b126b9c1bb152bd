"""Audits all episodes, or those of a round, in a process pool; episodes that share a scenario are in one batch."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from concurrent.futures import Executor
from typing import Callable, Iterable, NamedTuple

from sqlalchemy import Connection, select, union

from server.audit.episode_audit import audit_recorded
from server.audit.ranked_checks import RankedAuditData, check_round, read_ranked_audit_data
from server.audit.regrade_audit import with_regrades
from server.audit.report import AuditReport, Finding, StoreFinding, StoreReport
from server.audit.scenario_cache import AuditScenarioCache
from server.episodes.errors import UnknownEpisodeError
from server.scenarios.simulation import InProcessSimulation, create_process_pool
from server.security.secret_files import SecretFiles
from server.storage.connections import open_read_connection, run_read
from server.storage.errors import UnreadableEventError
from server.storage.schema import attempts, episode_rows, episodes, event_rows, events, regrades, streams
from server.storage.stream_codec import decode_link, to_link

EPISODES_PER_BATCH = 200
"""Enough to be worth a task of the pool, few enough to balance the load between the workers."""


class _Batch(NamedTuple):
    database_url: str
    ranked: RankedAuditData
    episode_ids: tuple[str, ...]


class _BatchResult(NamedTuple):
    reports: tuple[AuditReport, ...]
    """The reports that have findings."""
    episodes: int
    events: int
    notes: Counter[str]
    generated: int
    seconds: float
    """Processor time spent on generation."""


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
    ranked, groups = asyncio.run(run_read(database_url, lambda opened: _plan(opened, files, round_id)))
    of_store = [
        StoreFinding(code="round", version=None, message=fault, episode_id=None)
        for name, known in ranked.rounds.items()
        if round_id in (None, name)
        for fault in check_round(name, known)
    ]
    of_store += asyncio.run(run_read(database_url, _unnamed_streams))
    batches = [_Batch(database_url, ranked, ids) for ids in _batches(groups)]
    with create_pool(workers or os.cpu_count() or 1) as pool:
        results = list(pool.map(_audit_batch, batches))
    generated = sum(each.generated for each in results)
    seconds = sum(each.seconds for each in results)
    return StoreReport(
        episodes=sum(each.episodes for each in results),
        events=sum(each.events for each in results),
        scenarios=len(groups) - ("" in groups),
        seconds=time.monotonic() - began,
        seconds_a_scenario=seconds / generated if generated else None,
        findings=(*of_store, *(found for each in results for found in _findings(each.reports))),
        notes=dict(sum((each.notes for each in results), Counter())),
    )


def _unnamed_streams(connection: Connection) -> list[StoreFinding]:
    """Events and rows of episodes whose stream has lost its name, which no episode shows any more."""
    found = []
    for table, what in ((event_rows, "events"), (episode_rows, "a row of an episode")):
        unnamed = select(table.c.stream).where(table.c.stream.not_in(select(streams.c.stream))).distinct()
        found += [
            StoreFinding(code="row", version=None, message=f"stream {stream} has {what}, but no name", episode_id=None)
            for stream in connection.execute(unnamed).scalars()
        ]
    return found


def _plan(
    connection: Connection, files: SecretFiles | None, round_id: str | None
) -> tuple[RankedAuditData, dict[str, list[str]]]:
    ranked = read_ranked_audit_data(connection, files)
    return ranked, _group_by_scenario(connection, round_id)


def _findings(reports: Iterable[AuditReport]) -> list[StoreFinding]:
    return [
        StoreFinding(**finding.model_dump(), episode_id=report.episode_id)
        for report in reports
        for finding in report.findings
    ]


def _group_by_scenario(connection: Connection, round_id: str | None) -> dict[str, list[str]]:
    """Scenario digest to episode ids. Episodes whose reset cannot be read are under the empty digest."""
    digests, of_round = _resets(connection)
    known = union(
        select(events.c.stream_id),
        *(select(table.c.episode_id) for table in (episodes, attempts, regrades)),
    )
    names = set(connection.execute(known).scalars())
    if round_id is not None:
        of_round_rows = union(
            select(episodes.c.episode_id).where(episodes.c.round == round_id),
            select(attempts.c.episode_id).where(attempts.c.round_id == round_id),
            select(regrades.c.episode_id).where(regrades.c.round_id == round_id),
        )
        names = set(connection.execute(of_round_rows).scalars()) | {
            name for name in names if of_round.get(name) == round_id
        }
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
            continue  # the audit of that episode reports it
        digests[row.stream_id] = getattr(reset, "scenario_digest", "")
        of_round[row.stream_id] = getattr(reset, "round", None)
    return digests, of_round


def _batches(groups: dict[str, list[str]]) -> list[tuple[str, ...]]:
    """Join small groups and split large ones, so that a small group is never generated twice."""
    batches: list[list[str]] = []
    for ids in groups.values():
        for start in range(0, len(ids), EPISODES_PER_BATCH):
            part = ids[start : start + EPISODES_PER_BATCH]
            if batches and len(batches[-1]) + len(part) <= EPISODES_PER_BATCH:
                batches[-1].extend(part)
            else:
                batches.append(part)
    return [tuple(batch) for batch in batches]


def _audit_batch(batch: _Batch) -> _BatchResult:
    return asyncio.run(_audit(batch))


async def _audit(batch: _Batch) -> _BatchResult:
    simulation = InProcessSimulation()
    scenario_cache = AuditScenarioCache(simulation)
    reports: list[AuditReport] = []
    notes: Counter[str] = Counter()
    seen = 0
    async with open_read_connection(batch.database_url) as connection:
        for name in batch.episode_ids:
            try:
                report = await audit_recorded(
                    connection, simulation, name, scenario_cache=scenario_cache, ranked=batch.ranked
                )
            except UnknownEpisodeError:
                report = _report_without_events(name)
            report = await with_regrades(connection, report)
            seen += report.events
            notes.update(set(report.notes))
            if report.findings:
                reports.append(report)
    return _BatchResult(
        tuple(reports), len(batch.episode_ids), seen, notes, scenario_cache.generated, scenario_cache.cpu_seconds
    )


def _report_without_events(name: str) -> AuditReport:
    finding = Finding(code="row", version=None, message="attempts or regrades have a row, but there are no events")
    return AuditReport(episode_id=name, events=0, findings=(finding,), notes=())
