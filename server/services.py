"""What a running server owns: opened when it starts, closed when it stops."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, AsyncIterator, Callable, NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine

from server.audit.background import BackgroundAuditor
from server.audit.checkpoint_task import Checkpointer
from server.episodes.idle_sweeper import IdleSweeper
from server.episodes.limits import OpenEpisodes, SocketLimit, StepRateLimiter
from server.episodes.peers import LocalPeerChannel, PeerChannel
from server.episodes.service import Episodes
from server.episodes.sessions import Sessions
from server.episodes.transcripts import Transcripts
from server.metrics import Metrics, Readings
from server.ranking.access import EpisodeAccess
from server.ranking.board_cache import BoardCache
from server.ranking.rounds import Rounds
from server.scenarios.answer_timing import AnswerTiming
from server.scenarios.fair_queue import FairQueue
from server.scenarios.repository import ScenarioRepository
from server.scenarios.reserve import ScenarioReserve
from server.scenarios.simulation import PooledSimulation, QueuedSimulation, Simulation
from server.security.api_keys import Keys
from server.security.secret_files import SecretFiles, secrets_folder
from server.security.session_names import PURPOSE, SessionNames
from server.security.signing import Signer, load_signer
from server.settings import Settings
from server.storage.backend import Backend, open_backend
from server.storage.errors import StoreError
from server.storage.read_models import read_last_scores, read_open_count
from server.storage.sqlite_files import DatabaseMovedError
from server.storage.writers.batch import write_batch
from server.storage.writers.measured import measured
from server.store import EventStore
from server.supervision import Supervisor, Work
from server.worker_metrics import answering_with_measurements, gather_measurements, merge_measurements
from server.worker_slot import WorkerSlot

GENERATIONS_PER_PROCESS = 4
"""More than one, because a result is answered later than it is done, see `answer_timing`; its process does others then."""
READY_TIMEOUT_SECONDS = 2.0
REFUSAL_SECONDS = 5.0
"""``/ready`` reports 503 for this long after a refused append. Not longer: without appends nothing shows a recovery."""


class Readiness(NamedTuple):
    """Whether requests can be served, and queue sizes."""

    counts: dict[str, Any]
    """Queue sizes and open connections."""
    reason: str | None
    """Why not; None: ready."""


@dataclass(frozen=True, slots=True)
class Services:
    """The object graph that handlers use."""

    settings: Settings
    simulation: Simulation
    episodes: Episodes
    reader: AsyncEngine
    store: EventStore
    sessions: Sessions
    sockets: SocketLimit
    step_limiter: StepRateLimiter
    sweeper: IdleSweeper
    metrics: Metrics
    readings: Readings
    durability_warning: str | None
    """Why the database might lose what it acknowledged, which a setting accepts; None: it will not."""
    keys: Keys
    access: EpisodeAccess
    rounds: Rounds
    boards: BoardCache
    signer: Signer
    checkpointer: Checkpointer
    auditor: BackgroundAuditor
    transcripts: Transcripts
    scenarios: ScenarioRepository
    reserve: ScenarioReserve
    generation_queue: FairQueue
    backend: Backend
    slot: WorkerSlot | None
    """None: the only process of this server."""

    @property
    def supervisor(self) -> Supervisor:
        return self.backend.supervisor

    async def last_scores(self, key_prefix: str | None) -> dict[str, Any]:
        return await read_last_scores(self.reader, key_prefix=key_prefix)

    async def readiness(self) -> Readiness:
        """Whether the database answers and takes appends, and whether every background task runs."""
        counts: dict[str, Any] = {
            "queue_depth": self.store.queue_depth,
            "open_sockets": self.sockets.open_count,
        }
        if self.durability_warning is not None:
            counts["accepted_data_loss"] = self.durability_warning
        return Readiness(counts, await self._unready_reason(counts))

    async def _unready_reason(self, counts: dict[str, Any]) -> str | None:
        """The reason; None: ready. Adds the number of open episodes to ``counts``."""
        try:
            self.backend.check()
        except DatabaseMovedError:
            return "The file of the database was deleted, moved or replaced; the operator must start the server again."
        for name, error in self.supervisor.down.items():
            return f"The background task {name} ended ({error}) and is being started again; ask again later."
        try:
            async with asyncio.timeout(READY_TIMEOUT_SECONDS):
                counts["open_episodes"] = await read_open_count(self.reader)
        except (StoreError, TimeoutError):
            return "The database does not answer; ask again later."
        if self.store.refused_within(REFUSAL_SECONDS):
            return "The database does not take what is to be recorded; ask again later."
        if self.sessions.peers.is_disconnected:
            return "The database does not let this server receive notices of the other servers; ask again later."
        return None

    async def measurements(self) -> bytes:
        """The body of a metrics scrape, of all processes of this server."""
        own = await self.own_measurements()
        if self.slot is None:
            return own
        return merge_measurements(await gather_measurements(self.slot, own, self.backend.remote))

    async def own_measurements(self) -> bytes:
        """The metrics of this process; also if the database does not answer."""
        gauges: dict[str, float] = {
            "queue_depth": self.store.queue_depth,
            "open_sockets": self.sockets.open_count,
            "generation_queue": self.generation_queue.waiting,
            "reserve_size": len(self.reserve),
        }
        if self.backend.files is not None:
            gauges["log_bytes"] = self.backend.files.wal_bytes()
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(READY_TIMEOUT_SECONDS):
                gauges["open_episodes"] = await read_open_count(self.reader)
        self.readings.gauges = gauges
        return self.metrics.text()


@asynccontextmanager
async def run_in_background(supervisor: Supervisor, name: str, work: Work) -> AsyncIterator[None]:
    """Run a supervised background task; cancel it on exit."""
    task = asyncio.create_task(supervisor.run_restarting(name, work), name=name)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


@asynccontextmanager
async def open_services(
    settings: Settings,
    simulation: Simulation,
    metrics: Metrics | None = None,
    *,
    answer_timing: AnswerTiming | None = None,
    clock: Callable[[], datetime],
    new_id: Callable[[], str],
    supervisor: Supervisor | None = None,
    slot: WorkerSlot | None = None,
    is_server: bool = True,
) -> AsyncIterator[Services]:
    """Open the database and start the workers; on exit, write pending commits.

    Args:
        answer_timing: delays generated answers; None: no delay.
        slot: which of several processes of one server this is; None: the only one.
        is_server: whether this serves until it is stopped, and not a command beside a server.
    """
    metrics = metrics or Metrics()
    async with open_backend(
        settings, measured(write_batch, metrics), supervisor=supervisor, slot=slot, is_server=is_server
    ) as backend:
        try:
            await simulation.start()
            services = _build_services(
                settings, simulation, metrics, backend, slot, answer_timing=answer_timing, clock=clock, new_id=new_id
            )
            sessions = services.sessions
            async with (
                sessions.peers.subscribed(sessions.on_message, backend.supervisor),
                _background_tasks(services),
                answering_with_measurements(slot, services.own_measurements),
            ):
                yield services
        finally:
            await simulation.stop()


@asynccontextmanager
async def _background_tasks(services: Services) -> AsyncIterator[None]:
    """Run the tasks of this process; of several processes of one server, one audits and makes checkpoints."""
    works: dict[str, Work] = {"idle-sweeper": services.sweeper.run}
    if services.reserve.is_enabled:
        works["reserve"] = services.reserve.run
    if services.slot is None or services.slot.is_first:
        works |= {"checkpointer": services.checkpointer.run, "auditor": services.auditor.run}
    async with AsyncExitStack() as running:
        for name, work in works.items():
            await running.enter_async_context(run_in_background(services.supervisor, name, work))
        yield


def _build_services(
    settings: Settings,
    simulation: Simulation,
    metrics: Metrics,
    backend: Backend,
    slot: WorkerSlot | None,
    *,
    answer_timing: AnswerTiming | None,
    clock: Callable[[], datetime],
    new_id: Callable[[], str],
) -> Services:
    reader = backend.reader
    store = EventStore(backend.writer, reader)
    files = SecretFiles(secrets_folder(settings))
    signer = load_signer(files)
    queue = FairQueue(GENERATIONS_PER_PROCESS * settings.generator_processes, limit=settings.generation_queue_limit)
    scenarios = ScenarioRepository(
        simulation, reader, limit=settings.scenario_cache, queue=queue, answer_timing=answer_timing, metrics=metrics
    )
    # A simulation in this process would keep the event loop from everything else.
    reserve = ScenarioReserve(
        scenarios,
        size=settings.reserve if isinstance(simulation, PooledSimulation) else 0,
        is_idle=lambda: queue.is_idle and not store.queue_depth,
    )
    simulation = QueuedSimulation(simulation, queue)
    open_episodes = OpenEpisodes(settings.open_episode_limit)
    episodes = Episodes(
        store,
        scenarios,
        simulation,
        reserve,
        clock=clock,
        new_id=new_id,
        limit=settings.episode_cache,
        open_episodes=open_episodes,
        signer=signer,
    )
    rounds = Rounds(reader, files, generator_version=simulation.generator_version, expect=reserve.expect)
    readings = Readings(metrics, {"scenarios": scenarios, "episodes": episodes.cache, "reserve": reserve})
    metrics.registry.register(readings)
    return Services(
        settings,
        simulation,
        episodes,
        reader,
        store,
        Sessions(episodes, reader, _open_peer_channel(backend), SessionNames(signer.secret(PURPOSE))),
        SocketLimit(settings.socket_limit),
        StepRateLimiter(settings.steps_per_second),
        IdleSweeper(
            episodes,
            reader,
            open_episodes,
            clock=clock,
            idle_seconds=settings.idle_seconds,
            is_sweeping=slot is None or slot.is_first,
        ),
        metrics,
        readings,
        backend.writer.durability_warning,
        Keys(reader),
        EpisodeAccess(episodes, rounds),
        rounds,
        BoardCache(settings.database_url, reader, store, episodes, check=backend.check),
        signer,
        Checkpointer(
            settings.database_url,
            signer,
            interval_seconds=settings.checkpoint_seconds,
            clock=clock,
            check=backend.check,
        ),
        BackgroundAuditor(
            settings.database_url,
            simulation,
            files,
            interval_seconds=settings.verify_seconds,
            clock=clock,
            check=backend.check,
        ),
        Transcripts(settings.database_url, reader, clock=clock, check=backend.check),
        scenarios,
        reserve,
        queue,
        backend,
        slot,
    )


def _open_peer_channel(backend: Backend) -> PeerChannel | LocalPeerChannel:
    return PeerChannel(backend.reader) if backend.remote is None else LocalPeerChannel(backend.remote)
