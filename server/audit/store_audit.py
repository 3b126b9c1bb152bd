"""Audits all episodes, or those of a round; episodes that share a scenario are in one batch. What takes long is done in a process pool.

An audit derives every episode, or only those that no earlier audit has derived as they are, or some that are drawn by lot. Chains and
heads are compared of all in each case.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from concurrent.futures import Executor
from contextlib import ExitStack
from typing import Callable, Iterable, Iterator, Literal, Mapping, NamedTuple

from sqlalchemy import Connection, inspect
from sqlalchemy.ext.asyncio import AsyncConnection

from server.audit.audit_records import Derived, DerivedEpisode
from server.audit.bounded_map import WorkersOnDemand
from server.audit.episode_audit import audit_recorded
from server.audit.episode_index import EpisodeIndex, open_index
from server.audit.known_episodes import Compared, compare_known, find_gone
from server.audit.ranked_checks import RankedAuditData, check_round, read_ranked_audit_data
from server.audit.regrade_audit import with_regrades
from server.audit.report import AuditReport, Finding, StoreFinding, StoreReport
from server.audit.scenario_cache import AuditScenarioCache
from server.audit.store_plan import find_unnamed_streams, plan_episodes
from server.audit.sweep import ReadChain, StoredEpisode, check_chain_and_head, read_chains, read_stored
from server.episodes.errors import UnknownEpisodeError
from server.progress import NO_PROGRESS, Progress
from server.scenarios.simulation import InProcessSimulation, create_process_pool
from server.security.secret_files import SecretFiles
from server.storage.connections import open_read_connection, run_read_snapshot
from server.storage.schema import audit_records

EPISODES_PER_BATCH = 200
"""Enough to be worth a task of the pool, few enough to balance the load between the workers."""
SAMPLED_EPISODES_PER_BATCH = 1000
"""Of a sample few are derived, and a batch has a fixed cost, for a connection and its statements."""
SECONDS_AN_EPISODE, SECONDS_A_SCENARIO, SECONDS_A_CHAIN = 0.003, 0.03, 0.0005
"""Processor time of a derivation, of generating a scenario, and of verifying a chain alone, as measured: it decides whether
processes are worth their start."""
BY_OTHER_VERSION = "audited before by another version of the program: derived again"


class Derive(NamedTuple):
    """Which episodes an audit derives."""

    which: Literal["all", "new", "sample"] = "all"
    """``new``: those that no record is of; ``sample``: so many, drawn by lot."""
    sample: int = 0
    public_key: str | None = None
    """The key that signs records; None: there are none, and no fingerprints are computed for new ones."""


class _Batch(NamedTuple):
    database_url: str
    ranked: RankedAuditData
    episodes: tuple[tuple[str, str], ...]
    """Name, and digest of the scenario."""
    derived: Mapping[str, DerivedEpisode]
    """What earlier audits have derived."""
    chosen: frozenset[str] | None
    """Derive these, whatever was derived before. None: all that were not."""
    is_recorded: bool
    """Whether fingerprints are wanted."""


class _BatchResult(NamedTuple):
    reports: tuple[AuditReport, ...]
    """The reports that have findings."""
    episodes: int
    events: int
    notes: Counter[str]
    generated: int
    seconds: float
    """Processor time spent on generation."""
    derived: tuple[DerivedEpisode, ...]
    """Those that were derived now, without a finding."""
    derived_count: int


def audit_store(
    database_url: str,
    files: SecretFiles | None,
    *,
    round_id: str | None = None,
    workers: int | None = None,
    create_pool: Callable[[int], Executor] = create_process_pool,
    derive: Derive = Derive(),  # noqa: B008 - immutable
    record: Callable[[tuple[DerivedEpisode, ...]], None] = lambda _: None,
    progress: Progress = NO_PROGRESS,
) -> StoreReport:
    """Audit every episode, or every episode of a round.

    Args:
        database_url: an SQLAlchemy URL.
        files: with the secrets of open rounds; None: only the seeds and faults of closed rounds are derived again.
        round_id: audit the episodes of this round only.
        workers: number of processes; None: one a core.
        create_pool: starts them, where there is enough to derive.
        derive: which of them are derived.
        record: called with those that were derived without a finding, as the audit goes on.
        progress: is told of the episodes that are done.
    """
    began = time.monotonic()
    with ExitStack() as opened:
        index = opened.enter_context(open_index())
        derived = Derived(index.connection)
        ranked, of_store = asyncio.run(
            run_read_snapshot(database_url, lambda reader: _plan(reader, index, derived, files, round_id, derive))
        )
        if derive.which == "new":
            of_store += find_gone(index, round_id)
        on_demand = opened.enter_context(WorkersOnDemand(create_pool, workers or os.cpu_count() or 1))
        progress.begin("episodes", len(index))
        summed = _Sum()
        if derive.which == "new":
            for known in compare_known(database_url, ranked, index, on_demand):
                summed.add_known(known)
                progress.advance(known.episodes)
        batches = _batches(database_url, ranked, index, derived, derive)
        for result in on_demand.map(_audit_batch, batches, seconds=_expected_seconds(index, derive)):
            summed.add(result)
            record(result.derived)
            progress.advance(result.episodes)
        notes = dict(summed.notes)
        if derive.which == "new" and derived.by_others:
            notes[BY_OTHER_VERSION] = derived.by_others
        return StoreReport(
            episodes=summed.episodes,
            events=summed.events,
            scenarios=index.count_scenarios(),
            seconds=time.monotonic() - began,
            seconds_a_scenario=summed.seconds / summed.generated if summed.generated else None,
            findings=(*of_store, *summed.findings),
            notes=notes,
            derived=None if derive.which == "all" else summed.derived,
            since=derived.latest if derive.which == "new" else None,
        )


class _Sum:
    """The results of all batches together."""

    def __init__(self) -> None:
        self.findings: list[StoreFinding] = []
        self.notes: Counter[str] = Counter()
        self.episodes = self.events = self.generated = self.derived = 0
        self.seconds = 0.0

    def add_known(self, known: Compared) -> None:
        self.notes.update(known.notes)
        self.episodes += known.episodes
        self.events += known.events

    def add(self, result: _BatchResult) -> None:
        self.findings += _findings(result.reports)
        self.notes.update(result.notes)
        self.episodes += result.episodes
        self.events += result.events
        self.generated += result.generated
        self.derived += result.derived_count
        self.seconds += result.seconds


def _plan(
    connection: Connection,
    index: EpisodeIndex,
    derived: Derived,
    files: SecretFiles | None,
    round_id: str | None,
    derive: Derive,
) -> tuple[RankedAuditData, list[StoreFinding]]:
    ranked = read_ranked_audit_data(connection, files)
    plan_episodes(connection, index, round_id)
    found = [
        StoreFinding(code="round", version=None, message=fault, episode_id=None)
        for name, known in ranked.rounds.items()
        if round_id in (None, name)
        for fault in check_round(name, known)
    ]
    found += find_unnamed_streams(connection)
    if derive.which == "new" and derive.public_key is not None and inspect(connection).has_table(audit_records.name):
        found += derived.load(connection, derive.public_key)
    return ranked, found


def _batches(
    database_url: str, ranked: RankedAuditData, index: EpisodeIndex, derived: Derived, derive: Derive
) -> Iterator[_Batch]:
    chosen = frozenset(index.drawn(derive.sample)) if derive.which == "sample" else None
    size = SAMPLED_EPISODES_PER_BATCH if derive.which == "sample" else EPISODES_PER_BATCH
    for batch in index.batches(size):
        names = [name for name, _ in batch]
        yield _Batch(
            database_url,
            ranked,
            batch,
            derived.of(names) if derive.which == "new" else {},
            chosen.intersection(names) if chosen is not None else None,
            derive.public_key is not None,
        )


def _expected_seconds(index: EpisodeIndex, derive: Derive) -> float | None:
    """Processor time of what is left to derive. None: of all, which is always worth several processes."""
    if derive.which == "all":
        return None
    left, scenarios = index.count_left()
    if derive.which == "sample":
        return left * SECONDS_A_CHAIN + min(left, derive.sample) * (SECONDS_AN_EPISODE + SECONDS_A_SCENARIO)
    return left * SECONDS_AN_EPISODE + scenarios * SECONDS_A_SCENARIO


def _findings(reports: Iterable[AuditReport]) -> list[StoreFinding]:
    return [
        StoreFinding(**finding.model_dump(), episode_id=report.episode_id)
        for report in reports
        for finding in report.findings
    ]


def _audit_batch(batch: _Batch) -> _BatchResult:
    return asyncio.run(_audit(batch))


async def _audit(batch: _Batch) -> _BatchResult:
    async with open_read_connection(batch.database_url) as connection:
        stored: dict[str, StoredEpisode] = {}
        if batch.is_recorded or batch.chosen is not None:
            stored = await connection.run_sync(read_stored, batch.episodes, batch.ranked)
        compared = [name for name, _ in batch.episodes if _is_compared(name, batch, stored)]
        chains = await connection.run_sync(read_chains, compared) if compared else {}
        return await _BatchAudit(connection, batch, stored, chains).run()


def _is_compared(name: str, batch: _Batch, stored: Mapping[str, StoredEpisode]) -> bool:
    """Whether its chain is verified and compared: in a sample, and where it is not what was derived before."""
    if batch.chosen is not None:
        return True
    before = batch.derived.get(name)
    return before is not None and before.fingerprint != stored[name].fingerprint


class _BatchAudit:
    def __init__(
        self,
        connection: AsyncConnection,
        batch: _Batch,
        stored: Mapping[str, StoredEpisode],
        chains: Mapping[str, ReadChain],
    ) -> None:
        self._connection = connection
        self._batch = batch
        self._stored = stored
        self._chains = chains
        self._simulation = InProcessSimulation()
        self._scenario_cache = AuditScenarioCache(self._simulation)
        self._reports: list[AuditReport] = []
        self._notes: Counter[str] = Counter()
        self._derived: list[DerivedEpisode] = []
        self._derived_count = self._seen = 0

    async def run(self) -> _BatchResult:
        for name, _ in self._batch.episodes:
            stored, before = self._stored.get(name), self._batch.derived.get(name)
            found: list[Finding] = []
            if stored is not None and name in self._chains:
                found = check_chain_and_head(name, self._chains[name], stored.row, before)
            if stored is not None and not found and self._is_known(name, stored, before):
                self._seen += stored.events
                self._notes.update(set(before.notes if before is not None else ()))
                continue
            report = await self._derive(name)
            if found:
                report = report.model_copy(update={"findings": _joined(report.findings, found)})
            self._add(name, report, stored)
        cache = self._scenario_cache
        return _BatchResult(
            tuple(self._reports),
            len(self._batch.episodes),
            self._seen,
            self._notes,
            cache.generated,
            cache.cpu_seconds,
            tuple(self._derived),
            self._derived_count,
        )

    def _is_known(self, name: str, stored: StoredEpisode, before: DerivedEpisode | None) -> bool:
        """Whether nothing has to be derived."""
        if self._batch.chosen is not None:
            return name not in self._batch.chosen
        return before is not None and before.fingerprint == stored.fingerprint

    async def _derive(self, name: str) -> AuditReport:
        try:
            report = await audit_recorded(
                self._connection,
                self._simulation,
                name,
                scenario_cache=self._scenario_cache,
                ranked=self._batch.ranked,
            )
        except UnknownEpisodeError:
            report = _report_without_events(name)
        return await with_regrades(self._connection, report)

    def _add(self, name: str, report: AuditReport, stored: StoredEpisode | None) -> None:
        self._seen += report.events
        self._notes.update(set(report.notes))
        self._derived_count += 1
        if report.findings:
            self._reports.append(report)
        elif self._batch.is_recorded and stored is not None and stored.head is not None:
            version, last = stored.head
            notes = tuple(sorted(set(report.notes)))
            self._derived.append(DerivedEpisode(name, version, last.hex(), stored.fingerprint, notes))


def _joined(derived: tuple[Finding, ...], swept: list[Finding]) -> tuple[Finding, ...]:
    """Without saying twice that a chain or a row does not fit."""
    said = {(each.code, each.version) for each in derived}
    return (*derived, *(each for each in swept if (each.code, each.version) not in said))


def _report_without_events(name: str) -> AuditReport:
    finding = Finding(code="row", version=None, message="attempts or regrades have a row, but there are no events")
    return AuditReport(episode_id=name, events=0, findings=(finding,), notes=())
