"""What a running server owns: opened when it starts, closed when it stops."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, AsyncIterator, Callable, Coroutine

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
from server.read_models import read_last_scores, read_open_count
from server.rounds import Rounds
from server.scenarios import Scenarios
from server.secret_files import SecretFiles, secrets_folder
from server.session_names import PURPOSE, SessionNames
from server.sessions import Sessions
from server.settings import Settings
from server.signing import Signer, load_signer
from server.store import EventStore, unavailable_if_silent, write_batch
from server.store_errors import StoreError
from server.verifying import Verifier
from server.world import World

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

    async def last_scores(self, key_prefix: str | None) -> dict[str, Any]:
        return await read_last_scores(self.reader, key_prefix=key_prefix)

    async def board(self, **wanted: str | None) -> dict[str, Any]:
        """The board of a round; see `leaderboard.read_board`."""
        with unavailable_if_silent():
            async with self.reader.connect() as connection:
                return await connection.run_sync(lambda opened: read_board(opened, **wanted))

    async def readiness(self) -> dict[str, Any]:
        """What is waiting and open; raises ``Problem`` where the database does not answer or takes no appends."""
        counts: dict[str, Any] = {
            "queue_depth": self.store.queue_depth,
            "open_sockets": self.sockets.open_count,
        }
        if self.weakness is not None:
            counts["accepted_data_loss"] = self.weakness
        try:
            async with asyncio.timeout(READY_TIMEOUT_SECONDS):
                counts["open_episodes"] = await read_open_count(self.reader)
        except (StoreError, TimeoutError):
            raise not_ready("The database does not answer; ask again later.", counts) from None
        if self.store.refused_within(REFUSAL_SECONDS):
            raise not_ready("The database does not take what is to be recorded; ask again later.", counts)
        return counts

    async def measurements(self) -> bytes:
        """What a scrape is answered with; also where the database does not answer."""
        gauges: dict[str, float] = {"queue_depth": self.store.queue_depth, "open_sockets": self.sockets.open_count}
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(READY_TIMEOUT_SECONDS):
                gauges["open_episodes"] = await read_open_count(self.reader)
        self.readings.gauges = gauges
        return self.metrics.text()


@asynccontextmanager
async def in_background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run something beside the server, and end it with the server."""
    task = asyncio.create_task(work)
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
    clock: Callable[[], datetime],
    new_id: Callable[[], str],
) -> AsyncIterator[Installation]:
    """Open the database, start the workers; on the way out, write what is waiting."""
    metrics = metrics or Metrics()
    async with opened(settings, metrics.timed(write_batch)) as backend:
        try:
            await world.start()
            installation = _install(settings, world, metrics, backend, clock=clock, new_id=new_id)
            sessions = installation.sessions
            async with (
                sessions.neighbours.listening(sessions.hear),
                in_background(installation.sweeper.run()),
                in_background(installation.checkpointer.run()),
                in_background(installation.verifier.run()),
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
    clock: Callable[[], datetime],
    new_id: Callable[[], str],
) -> Installation:
    reader = backend.reader
    store = EventStore(backend.writer, reader)
    files = SecretFiles(secrets_folder(settings))
    signer = load_signer(files)
    scenarios = Scenarios(world, reader, limit=settings.scenario_cache, metrics=metrics)
    episodes = Episodes(
        store,
        scenarios,
        world,
        clock=clock,
        new_id=new_id,
        limit=settings.episode_cache,
        open_episodes=OpenEpisodes(settings.open_episode_limit),
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
        IdleSweeper(episodes, reader, clock=clock, idle_seconds=settings.idle_seconds),
        metrics,
        readings,
        backend.writer.weakness,
        Keys(reader),
        Admission(episodes, rounds),
        rounds,
        signer,
        Checkpointer(settings, signer, clock=clock),
        Verifier(settings, world, files, clock=clock),
        scenarios,
    )
