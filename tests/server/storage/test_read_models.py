"""The read model of episodes follows from the events, also where many change in one statement."""

from __future__ import annotations

import asyncio

import pytest

from server.episodes.rebuild import rebuild
from server.settings import Settings
from server.storage.engines import MAX_ROWS
from tests.databases import execute
from tests.operating import changed
from tests.served import Served

READ = {"action_type": "read_config"}


@pytest.mark.both_backends
async def test_rows_of_many_episodes_that_begin_go_on_and_end_together(served: Served, settings: Settings) -> None:
    names = [f"e-{number}" for number in range(MAX_ROWS + 5)]
    await served.reset(episode_id="warm", seed=7)
    await asyncio.gather(*(served.reset(episode_id=name, seed=7) for name in names))
    await asyncio.gather(*(served.step(name, READ) for name in names))
    await asyncio.gather(*(served.services.episodes.close(name, "abandoned") for name in names))
    unequal = (
        "SELECT count(*) FROM episodes WHERE end_reason IS NOT NULL "
        "AND ended_position <> (SELECT max(position) FROM events WHERE stream = episodes.stream)"
    )
    assert execute(settings.database_url, unequal) == [(0,)]
    assert changed(settings, lambda connection: rebuild(connection, verify=True)).differences == ()
