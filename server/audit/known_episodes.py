"""Compares the episodes that earlier audits have derived with what they were then. Those that differ are left to be derived again."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from typing import Iterator, NamedTuple

from sqlalchemy import Connection

from domain.ranking.rounds import round_of_name
from server.audit.audit_records import DerivedEpisode, record_finding, to_derived
from server.audit.bounded_map import WorkersOnDemand
from server.audit.episode_index import EpisodeIndex
from server.audit.ranked_checks import RankedAuditData
from server.audit.report import StoreFinding
from server.audit.sweep import read_stored
from server.storage.connections import run_read

EPISODES_PER_BATCH = 10_000
"""A batch has a fixed cost, for a connection and the statements that are compiled for it."""
EPISODES_AT_A_TIME = 1000
"""So many are in memory with their events."""
SECONDS_A_KNOWN_EPISODE = 0.00007
"""Processor time of reading and comparing one, as measured: it decides whether processes are worth their start."""

_GONE = "SELECT name, version, made_at FROM derived WHERE name NOT IN (SELECT name FROM episode) ORDER BY name"
# By place, which is the order of the database: its pages are then read one after another.
_KNOWN = """
SELECT digest, derived.* FROM episode JOIN derived ON derived.name = episode.name WHERE episode.is_known ORDER BY episode.place
"""


class _Batch(NamedTuple):
    database_url: str
    ranked: RankedAuditData
    derived: tuple[tuple[str, DerivedEpisode], ...]
    """The digest of the scenario of each episode, and what is recorded of it."""


class Compared(NamedTuple):
    """Of a batch, what is as it was when it was derived."""

    episodes: int
    events: int
    notes: Counter[str]
    changed: tuple[str, ...]
    """The others."""


def find_gone(index: EpisodeIndex, round_id: str | None) -> list[StoreFinding]:
    """Findings for what was derived and is not in the store any more. The records lie in the file of the index."""
    return [
        record_finding(f"it is gone; when it was audited at {made_at} it had {version} events", name)
        for name, version, made_at in index.connection.execute(_GONE)
        if round_id is None or round_of_name(name) == round_id
    ]


def compare_known(
    database_url: str, ranked: RankedAuditData, index: EpisodeIndex, workers: WorkersOnDemand
) -> Iterator[Compared]:
    """Read every stored byte of the episodes that were derived, and leave in the batches of the index only those that differ."""
    known = index.leave_out_those_in("derived")
    batches = _batches(database_url, ranked, index)
    for compared in workers.map(_compare, batches, seconds=known * SECONDS_A_KNOWN_EPISODE):
        index.take_up_again(compared.changed)
        yield compared


def _batches(database_url: str, ranked: RankedAuditData, index: EpisodeIndex) -> Iterator[_Batch]:
    found = index.connection.execute(_KNOWN)
    while rows := found.fetchmany(EPISODES_PER_BATCH):
        yield _Batch(database_url, ranked, tuple((digest, to_derived(*row)) for digest, *row in rows))


def _compare(batch: _Batch) -> Compared:
    return asyncio.run(run_read(batch.database_url, partial(_compare_over, batch=batch)))


def _compare_over(connection: Connection, batch: _Batch) -> Compared:
    notes: Counter[str] = Counter()
    changed: list[str] = []
    events = 0
    for first in range(0, len(batch.derived), EPISODES_AT_A_TIME):
        known = batch.derived[first : first + EPISODES_AT_A_TIME]
        stored = read_stored(connection, [(before.name, digest) for digest, before in known], batch.ranked)
        for _, before in known:
            now = stored[before.name]
            if before.fingerprint != now.fingerprint:
                changed.append(before.name)
                continue
            events += now.events
            if before.notes:
                notes.update(set(before.notes))
    return Compared(len(batch.derived) - len(changed), events, notes, tuple(changed))
