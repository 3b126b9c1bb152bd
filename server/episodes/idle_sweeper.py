"""Closes episodes on which nothing happens any more."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from typing import Callable

from sqlalchemy.ext.asyncio import AsyncEngine

from server.clock import to_timestamp
from server.episodes.limits import OpenEpisodes
from server.episodes.service import Episodes
from server.storage.read_models import read_ended, read_idle_episodes

logger = logging.getLogger(__name__)

PIECE = 32
"""Episodes closed at once, so that a great sweep never keeps the agents that play waiting."""
LOOK_UP_PIECE = 500
"""Counted episodes looked up in one query."""
MAX_PAUSE_SECONDS = 60.0


class IdleSweeper:
    """Idle time counts from the later of the last event and the server's start: no episode is lost by an outage."""

    def __init__(
        self,
        episodes: Episodes,
        reader: AsyncEngine,
        open_episodes: OpenEpisodes,
        *,
        clock: Callable[[], datetime],
        idle_seconds: float,
    ) -> None:
        self._episodes = episodes
        self._open = open_episodes
        self._reader = reader
        self._clock = clock
        self._idle = timedelta(seconds=idle_seconds)
        self._started = clock()

    async def sweep(self) -> int:
        """Close what has been idle for too long, piece by piece; how many it was."""
        until = self._clock() - self._idle
        if until < self._started:
            return 0
        closed = 0
        while True:
            found = await read_idle_episodes(self._reader, until=to_timestamp(until), at_most=PIECE)
            # At the version that was idle: one that was stepped in between stays open.
            outcomes = await asyncio.gather(
                *(self._episodes.close(each.episode_id, "idle", at_version=each.version) for each in found)
            )
            closed += sum(outcomes)
            if len(found) < PIECE or not any(outcomes):
                return closed

    async def forget_ended(self) -> None:
        """Stop counting what another server ended: of that, nothing else tells this server."""
        names = self._open.names()
        for start in range(0, len(names), LOOK_UP_PIECE):
            for ended in await read_ended(self._reader, names[start : start + LOOK_UP_PIECE]):
                self._open.discard(ended)

    async def run(self) -> None:
        """Sweep for ever; what fails is tried again by the next sweep."""
        while True:
            await asyncio.sleep(min(MAX_PAUSE_SECONDS, self._idle.total_seconds() / 10))
            try:
                closed = await self.sweep()
                await self.forget_ended()
            except Exception:  # whatever it is, later sweeps must not be lost with it
                logger.exception("idle episodes could not be closed; the next sweep tries again")
            else:
                if closed:
                    logger.info("closed %d idle episodes", closed)
