"""Measures the store: bytes on disk, speed of folding and auditing, and a history of a million events."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from bench.measure import Load, play_out
from bench.script import SEEDS, STEPS, TASK, Episode, whole_episode
from bench.servers import own_server
from domain.actions import ReadArtifact
from domain.chain import EMPTY, Head, NewEvent, link
from domain.episode.decide import EpisodeState, ResetEpisode, decide, fold
from domain.episode.observation import EvidenceView
from domain.events import encode
from domain.generator import generate
from server.audit.episode_audit import audit_episode
from server.scenarios.simulation import InProcessSimulation
from server.security.secret_files import SecretFiles, secrets_folder
from server.settings import Settings
from server.storage import schema as tables
from server.storage.engines import create_write_engine, parse_url
from server.storage.migrations import upgrade
from server.storage.read_models import episode_row, step_or_end_row
from server.storage.sql import StatementRow
from server.storage.stream_codec import decode_link, fold_links, read_stream
from server.storage.writers.batch import write_batch
from server.storage.writers.protocol import Append, Commit

EVENTS_OF_EPISODE = STEPS + 1
AUDITED = 40
CLIENTS = 16
FIRST_FRESH_SEED = 1_000_000


@dataclass(frozen=True, slots=True)
class DiskUse:
    """Bytes on disk."""

    per_event: float
    """Rows, indexes and read models; scenario bodies aside."""
    per_fresh_episode: float
    """All of an episode of eight steps on a scenario of its own."""


def fresh_episodes(number: int, *, first: int = FIRST_FRESH_SEED) -> tuple[Episode, ...]:
    """Episodes on new seeds, whose scores are not known beforehand."""
    return tuple(whole_episode(seed, None) for seed in range(first, first + number))


def measure_disk(folder: Path, episodes: tuple[Episode, ...], *, warm: int, fresh: int) -> tuple[DiskUse, Path]:
    """Play warm and then fresh episodes on a new server, and look at its file. The file stays, for who reads it next."""
    server = own_server(folder, name="disk")
    server.start()
    path = folder / "disk.db"
    try:
        empty, _ = used_bytes(path)
        rounds = warm // CLIENTS
        play_out(server.port, Load(clients=CLIENTS, episodes=episodes, seconds=0), rounds * EVENTS_OF_EPISODE)
        played, bodies = used_bytes(path)
        one_by_one = Load(clients=1, episodes=fresh_episodes(fresh), seconds=0)
        play_out(server.port, one_by_one, fresh * EVENTS_OF_EPISODE)
        grown, _ = used_bytes(path)
    finally:
        server.stop()
    return DiskUse((played - empty - bodies) / (rounds * CLIENTS * EVENTS_OF_EPISODE), (grown - played) / fresh), path


def used_bytes(path: Path) -> tuple[int, int]:
    """Bytes of the database without its log, and of the scenario bodies in it."""
    with closing(sqlite3.connect(path, timeout=10)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        bodies = connection.execute("SELECT coalesce(sum(length(body)), 0) FROM scenarios").fetchone()[0]
    return pages * size, bodies


def measure_reading(path: Path) -> dict[str, float]:
    """Events folded and audited in a second, from a database that a server wrote."""
    settings = Settings(database_url=f"sqlite:///{path}")
    engine = create_write_engine(parse_url(settings.database_url))
    with engine.connect() as connection:
        names = [row.episode_id for row in connection.execute(select(tables.episodes.c.episode_id))]
        streams = [read_stream(connection, name) for name in names]
    engine.dispose()
    events = [[decode_link(link) for link in stream] for stream in streams]
    total = sum(len(stream) for stream in streams)
    folded = _seconds_of(lambda: [fold(stream) for stream in events])
    decoded = _seconds_of(lambda: [fold_links(stream) for stream in streams])
    simulation = InProcessSimulation()

    async def audit() -> int:
        files = SecretFiles(secrets_folder(settings))
        reports = [await audit_episode(settings.database_url, files, simulation, name) for name in names[:AUDITED]]
        if any(report.findings for report in reports):
            raise RuntimeError("an audit of what was just played has findings")
        return sum(report.events for report in reports)

    began = time.perf_counter()
    audited = asyncio.run(audit())
    return {
        "fold_events_per_second": total / folded,
        "decode_and_fold_events_per_second": total / decoded,
        "audit_events_per_second": audited / (time.perf_counter() - began),
    }


def _seconds_of(work: Any) -> float:
    """The best of three: other programs can only make it slower."""
    taken = []
    for _ in range(3):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken)


def write_history(path: Path, events: int) -> int:
    """Fill a new database with episodes of so many events, through the server's own writing; how many it was."""
    engine = create_write_engine(parse_url(f"sqlite:///{path}"))
    upgrade(engine)
    scenario = generate(TASK, SEEDS[0])
    view = EvidenceView(scenario.evidence)
    begin = ResetEpisode(
        task_id=TASK,
        seed=SEEDS[0],
        seed_given=True,
        scenario_digest=scenario.digest,
        generator_version=scenario.generator_version,
    )
    written = 0
    with engine.connect() as connection:
        while written < events:
            batch = [_history_of(f"h{written + n:031x}", begin, view) for n in range(1000)]
            outcomes = write_batch(connection, [Commit((append,)) for append in batch])
            if any(outcomes):
                raise RuntimeError(f"the history could not be written: {outcomes[0]}")
            written += sum(len(append.linked) for append in batch)
    engine.dispose()
    return written


def _history_of(stream_id: str, begin: ResetEpisode, view: EvidenceView) -> Append:
    """One episode of nine events as one append."""
    state: EpisodeState | None = None
    head, linked = EMPTY, []
    rows: list[StatementRow] = []
    for _ in range(EVENTS_OF_EPISODE):
        decided = decide(state, begin if state is None else ReadArtifact("train.log"), view)
        kind, schema_version, payload = encode(decided.events[0])
        event = NewEvent(kind, schema_version, "2030-01-01T00:00:00.000Z", "agent", None, payload)
        last = link(stream_id, head, event)
        state, head = decided.after, Head(last.version, last.hash)
        linked.append(last)
        rows.append(episode_row(last, state) if len(linked) == 1 else step_or_end_row(last, state))
    return Append(stream_id, 0, tuple(linked), (rows[0], rows[-1]))
