"""What a running server owns: opened when it starts, closed when it stops."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, AsyncIterator, Callable, Coroutine

from sqlalchemy.ext.asyncio import AsyncEngine

from server.database import create_read_engine, create_write_engine, parse_url, upgrade
from server.episodes import Episodes
from server.idle import IdleSweeper
from server.limits import OpenEpisodes, Pace, Sockets
from server.problems import not_ready
from server.read_models import read_last_scores, read_open_count
from server.scenarios import Scenarios
from server.sessions import Sessions
from server.settings import Settings
from server.store import EventStore, StoreError, write_batch
from server.world import World
from server.writer import Writer

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

    async def last_scores(self) -> dict[str, Any]:
        return await read_last_scores(self.reader)

    async def readiness(self) -> dict[str, Any]:
        """What is waiting and open; raises ``Problem`` where the database does not answer or takes no appends."""
        counts: dict[str, Any] = {
            "queue_depth": self.store.queue_depth,
            "open_sockets": self.sockets.open_count,
        }
        try:
            async with asyncio.timeout(READY_TIMEOUT_SECONDS):
                counts["open_episodes"] = await read_open_count(self.reader)
        except (StoreError, TimeoutError):
            raise not_ready("The database does not answer; ask again later.", counts) from None
        if self.store.refused_within(REFUSAL_SECONDS):
            raise not_ready("The database does not take what is to be recorded; ask again later.", counts)
        return counts


@asynccontextmanager
async def _in_background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


@asynccontextmanager
async def installed(
    settings: Settings, world: World, *, clock: Callable[[], datetime], new_id: Callable[[], str]
) -> AsyncIterator[Installation]:
    """Migrate the database, start the writer and the workers; on the way out, write what is waiting."""
    url = parse_url(settings.database_url)
    write_engine = create_write_engine(url)
    reader = create_read_engine(url)
    writer = Writer(write_engine, write_batch, batch_limit=settings.batch_limit)
    try:
        upgrade(write_engine)
        await writer.start()
        await world.start()
        store = EventStore(writer, reader)
        episodes = Episodes(
            store,
            Scenarios(world, reader, limit=settings.scenario_cache),
            world,
            clock=clock,
            new_id=new_id,
            limit=settings.episode_cache,
            open_episodes=OpenEpisodes(settings.open_episode_limit),
        )
        installation = Installation(
            settings,
            world,
            episodes,
            reader,
            store,
            Sessions(episodes, reader),
            Sockets(settings.socket_limit),
            Pace(settings.steps_per_second),
            IdleSweeper(episodes, reader, clock=clock, idle_seconds=settings.idle_seconds),
        )
        async with _in_background(installation.sweeper.run()):
            yield installation
    finally:
        await writer.stop()
        await world.stop()
        await reader.dispose()
        write_engine.dispose()
