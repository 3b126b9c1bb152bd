"""Closes episodes that have been idle for too long."""

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

BATCH = 32
"""Max episodes closed at once, so that a large sweep does not delay the steps of agents."""
LOOK_UP_BATCH = 500
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
        is_sweeping: bool = True,
    ) -> None:
        """``is_sweeping`` False: another process of this server closes the idle episodes."""
        self._episodes = episodes
        self._open = open_episodes
        self._reader = reader
        self._clock = clock
        self._idle = timedelta(seconds=idle_seconds)
        self._is_sweeping = is_sweeping
        self._started = clock()

    async def sweep(self) -> int:
        """Close what has been idle for too long, batch by batch; returns how many."""
        until = self._clock() - self._idle
        if until < self._started:
            return 0
        closed = 0
        while True:
            found = await read_idle_episodes(self._reader, until=to_timestamp(until), at_most=BATCH)
            # Only at the version that was idle: an episode that was stepped meanwhile stays open.
            outcomes = await asyncio.gather(
                *(self._episodes.close(each.episode_id, "idle", at_version=each.version) for each in found)
            )
            closed += sum(outcomes)
            if len(found) < BATCH or not any(outcomes):
                return closed

    async def forget_ended(self) -> None:
        """Stop counting episodes that another server ended; no message announces them."""
        names = self._open.names()
        for start in range(0, len(names), LOOK_UP_BATCH):
            for ended in await read_ended(self._reader, names[start : start + LOOK_UP_BATCH]):
                self._open.discard(ended)

    async def run(self) -> None:
        """Sweep until it is cancelled; what fails is retried by the next sweep."""
        while True:
            await asyncio.sleep(min(MAX_PAUSE_SECONDS, self._idle.total_seconds() / 10))
            try:
                closed = await self.sweep() if self._is_sweeping else 0
                await self.forget_ended()
            except Exception:  # no error may end the sweeps after it
                logger.exception("idle episodes could not be closed; the next sweep tries again")
            else:
                if closed:
                    logger.info("closed %d idle episodes", closed)
