"""What a running server owns: opened when it starts, closed when it stops."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, AsyncIterator, Callable

from sqlalchemy.ext.asyncio import AsyncEngine

from server.admission import Admission
from server.backend import Backend, opened
from server.checkpointing import Checkpointer
from server.episodes import Episodes
from server.idle import IdleSweeper
from server.keys import Keys
from server.leaderboard import read_board
from server.limits import OpenEpisodes, Pace, Sockets
from server.metrics import Metrics, Readings
from server.neighbours import Neighbours
from server.problems import not_ready
from server.quanta import Quanta
from server.read_models import read_last_scores, read_open_count
from server.rounds import Rounds
from server.scenarios import Scenarios
from server.secret_files import SecretFiles, secrets_folder
from server.session_names import PURPOSE, SessionNames
from server.sessions import Sessions
from server.settings import Settings
from server.signing import Signer, load_signer
from server.sqlite_files import DatabaseMovedError
from server.store import EventStore, unavailable_if_silent, write_batch
from server.store_errors import StoreError
from server.supervision import Supervisor, Work
from server.turns import Turns
from server.verifying import Verifier
from server.world import QueuedWorld, World

TURNS_A_PROCESS = 4
"""Generations are answered later than they are done, see `quanta`; meanwhile their process does others."""
READY_TIMEOUT_SECONDS = 2.0
REFUSAL_SECONDS = 5.0
"""How long one append that the database did not take speaks against it: without appends nothing would tell of its
recovery."""


@dataclass(frozen=True, slots=True)
class Installation:
    """The parts that handlers use."""

    settings: Settings
    world: World
    episodes: Episodes
    reader: AsyncEngine
    store: EventStore
    sessions: Sessions
    sockets: Sockets
    pace: Pace
    sweeper: IdleSweeper
    metrics: Metrics
    readings: Readings
    weakness: str | None
    """Why the database might lose what it acknowledged, which a setting accepts; null: it will not."""
    keys: Keys
    admission: Admission
    rounds: Rounds
    signer: Signer
    checkpointer: Checkpointer
    verifier: Verifier
    scenarios: Scenarios
    turns: Turns
    backend: Backend

    @property
    def supervisor(self) -> Supervisor:
        return self.backend.supervisor

    async def last_scores(self, key_prefix: str | None) -> dict[str, Any]:
        return await read_last_scores(self.reader, key_prefix=key_prefix)

    async def board(self, **wanted: str | None) -> dict[str, Any]:
        """The board of a round; see `leaderboard.read_board`."""
        with unavailable_if_silent():
            async with self.reader.connect() as connection:
                return await connection.run_sync(lambda opened: read_board(opened, **wanted))

    async def readiness(self) -> dict[str, Any]:
        """What is waiting and open; raises ``Problem`` where the database does not answer or takes no appends, or where a
        background task has ended."""
        counts: dict[str, Any] = {
            "queue_depth": self.store.queue_depth,
            "open_sockets": self.sockets.open_count,
        }
        if self.weakness is not None:
            counts["accepted_data_loss"] = self.weakness
        try:
            self.backend.check()
        except DatabaseMovedError:
            raise not_ready(
                "The file of the database was deleted, moved or replaced; the operator must start the server again.",
                counts,
            ) from None
        for name, error in self.supervisor.down.items():
            raise not_ready(
                f"The background task {name} ended ({error}) and is being started again; ask again later.", counts
            )
        try:
            async with asyncio.timeout(READY_TIMEOUT_SECONDS):
                counts["open_episodes"] = await read_open_count(self.reader)
        except (StoreError, TimeoutError):
            raise not_ready("The database does not answer; ask again later.", counts) from None
        if self.store.refused_within(REFUSAL_SECONDS):
            raise not_ready("The database does not take what is to be recorded; ask again later.", counts)
        if self.sessions.neighbours.is_unheard:
            raise not_ready("The database does not let this server hear the other servers; ask again later.", counts)
        return counts

    async def measurements(self) -> bytes:
        """What a scrape is answered with; also where the database does not answer."""
        gauges: dict[str, float] = {
            "queue_depth": self.store.queue_depth,
            "open_sockets": self.sockets.open_count,
            "generation_queue": self.turns.waiting,
        }
        if self.backend.files is not None:
            gauges["log_bytes"] = self.backend.files.log_bytes()
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(READY_TIMEOUT_SECONDS):
                gauges["open_episodes"] = await read_open_count(self.reader)
        self.readings.gauges = gauges
        return self.metrics.text()


@asynccontextmanager
async def in_background(supervisor: Supervisor, name: str, work: Work) -> AsyncIterator[None]:
    """Run something beside the server, start it again where it ends, and end it with the server."""
    task = asyncio.create_task(supervisor.keep(name, work), name=name)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


@asynccontextmanager
async def installed(
    settings: Settings,
    world: World,
    metrics: Metrics | None = None,
    *,
    quanta: Quanta | None = None,
    clock: Callable[[], datetime],
    new_id: Callable[[], str],
    supervisor: Supervisor | None = None,
) -> AsyncIterator[Installation]:
    """Open the database, start the workers; on the way out, write what is waiting.

    Args:
        quanta: when what was generated is answered; None: at once, where no agent measures it.
    """
    metrics = metrics or Metrics()
    async with opened(settings, metrics.timed(write_batch), supervisor=supervisor) as backend:
        try:
            await world.start()
            installation = _install(settings, world, metrics, backend, quanta=quanta, clock=clock, new_id=new_id)
            sessions, keep = installation.sessions, partial(in_background, backend.supervisor)
            async with (
                sessions.neighbours.listening(sessions.hear, backend.supervisor),
                keep("idle-sweeper", installation.sweeper.run),
                keep("checkpointer", installation.checkpointer.run),
                keep("auditor", installation.verifier.run),
            ):
                yield installation
        finally:
            await world.stop()


def _install(
    settings: Settings,
    world: World,
    metrics: Metrics,
    backend: Backend,
    *,
    quanta: Quanta | None,
    clock: Callable[[], datetime],
    new_id: Callable[[], str],
) -> Installation:
    reader = backend.reader
    store = EventStore(backend.writer, reader)
    files = SecretFiles(secrets_folder(settings))
    signer = load_signer(files)
    turns = Turns(TURNS_A_PROCESS * settings.generator_processes, limit=settings.generation_queue_limit)
    scenarios = Scenarios(world, reader, limit=settings.scenario_cache, turns=turns, quanta=quanta, metrics=metrics)
    world = QueuedWorld(world, turns)
    open_episodes = OpenEpisodes(settings.open_episode_limit)
    episodes = Episodes(
        store,
        scenarios,
        world,
        clock=clock,
        new_id=new_id,
        limit=settings.episode_cache,
        open_episodes=open_episodes,
        signer=signer,
    )
    rounds = Rounds(reader, files, generator_version=world.generator_version)
    readings = Readings(metrics, {"scenarios": scenarios, "episodes": episodes.cache})
    metrics.registry.register(readings)
    return Installation(
        settings,
        world,
        episodes,
        reader,
        store,
        Sessions(episodes, reader, Neighbours(reader), SessionNames(signer.secret(PURPOSE))),
        Sockets(settings.socket_limit),
        Pace(settings.steps_per_second),
        IdleSweeper(episodes, reader, open_episodes, clock=clock, idle_seconds=settings.idle_seconds),
        metrics,
        readings,
        backend.writer.weakness,
        Keys(reader),
        Admission(episodes, rounds),
        rounds,
        signer,
        Checkpointer(settings, signer, clock=clock, check=backend.check),
        Verifier(settings, world, files, clock=clock, check=backend.check),
        scenarios,
        turns,
        backend,
    )
