"""What a running server owns: opened when it starts, closed when it stops."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, AsyncIterator, Callable

from sqlalchemy.ext.asyncio import AsyncEngine

from server.database import create_read_engine, create_write_engine, parse_url, upgrade
from server.episodes import Episodes
from server.read_models import read_last_scores
from server.scenarios import Scenarios
from server.settings import Settings
from server.store import EventStore, write_batch
from server.world import World
from server.writer import Writer


@dataclass(frozen=True, slots=True)
class Installation:
    """The parts that handlers use."""

    settings: Settings
    world: World
    episodes: Episodes
    reader: AsyncEngine

    async def last_scores(self) -> dict[str, Any]:
        return await read_last_scores(self.reader)


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
        episodes = Episodes(
            EventStore(writer, reader),
            Scenarios(world, reader, limit=settings.scenario_cache),
            world,
            clock=clock,
            new_id=new_id,
            limit=settings.episode_cache,
        )
        yield Installation(settings, world, episodes, reader)
    finally:
        await writer.stop()
        await world.stop()
        await reader.dispose()
        write_engine.dispose()
