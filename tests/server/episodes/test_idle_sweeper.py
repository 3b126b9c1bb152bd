"""Idle episodes are closed; an outage costs nobody an episode."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from server.episodes.idle_sweeper import BATCH
from server.settings import Settings
from tests.served import START, Served, serving

pytestmark = pytest.mark.both_backends
READ = {"action_type": "read_config"}
HOUR = timedelta(hours=1)


class HandClock:
    """Goes on when it is told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def hourly(settings: Settings) -> Settings:
    """Ten hours of idleness, so that the sweeper does not wake up by itself during a test."""
    return replace(settings, idle_seconds=36_000)


@pytest.fixture
async def watched(hourly: Settings, clock: HandClock) -> AsyncIterator[Served]:
    async with serving(hourly, clock=clock) as running:
        yield running


async def test_an_episode_that_was_idle_for_long_is_closed(watched: Served, clock: HandClock) -> None:
    await watched.reset(episode_id="e")
    clock.now += 10 * HOUR - timedelta(milliseconds=1)
    assert await watched.services.sweeper.sweep() == 0
    clock.now += timedelta(milliseconds=1)
    assert await watched.services.sweeper.sweep() == 1
    events = (await watched.client.get("/episodes/e/events")).json()
    assert (events[-1]["kind"], events[-1]["payload"], events[-1]["actor"]) == ("expire", {"reason": "idle"}, "server")
    final = await watched.step("e", READ)
    assert (final["done"], final["reward"], final["info"]["truncated"]) == (True, 0.0, True)
    assert await watched.services.sweeper.sweep() == 0


async def test_a_step_keeps_an_episode_open(watched: Served, clock: HandClock) -> None:
    await watched.reset(episode_id="left")
    await watched.reset(episode_id="played")
    clock.now += 6 * HOUR
    await watched.step("played", READ)
    clock.now += 6 * HOUR
    assert await watched.services.sweeper.sweep() == 1
    assert (await watched.client.get("/state?episode_id=played")).json()["done"] is False


async def test_idle_time_begins_with_the_server(hourly: Settings, clock: HandClock) -> None:
    async with serving(hourly, clock=clock) as served:
        await served.reset(episode_id="e")
    clock.now += 1000 * HOUR
    async with serving(hourly, clock=clock) as served:
        assert await served.services.sweeper.sweep() == 0
        clock.now += 9 * HOUR
        assert await served.services.sweeper.sweep() == 0
        clock.now += HOUR
        assert await served.services.sweeper.sweep() == 1


async def test_many_are_closed_piece_by_piece(watched: Served, clock: HandClock) -> None:
    for n in range(BATCH + 3):
        await watched.reset(episode_id=f"e{n}")
    clock.now += 10 * HOUR
    assert await watched.services.sweeper.sweep() == BATCH + 3
    assert (await watched.client.get("/openenv/state")).json()["open_episodes"] == 0


async def test_what_was_stepped_after_the_look_stays_open(watched: Served) -> None:
    await watched.reset(episode_id="e")
    await watched.step("e", READ)
    assert await watched.services.episodes.close("e", "idle", at_version=1) is False
    assert (await watched.client.get("/state?episode_id=e")).json()["done"] is False


async def test_what_another_server_closed_is_not_closed_again(hourly: Settings, clock: HandClock) -> None:
    async with serving(hourly, clock=clock) as here, serving(hourly, clock=clock) as there:
        await here.reset(episode_id="e")
        clock.now += 10 * HOUR
        assert await there.services.sweeper.sweep() == 1
        assert await here.services.sweeper.sweep() == 0
        assert await here.services.episodes.close("e", "idle") is False
        assert len((await here.client.get("/episodes/e/events")).json()) == 2


async def test_an_episode_that_a_dead_server_went_on_with_is_closed_by_another(
    hourly: Settings, clock: HandClock
) -> None:
    async with serving(hourly, clock=clock) as here:
        async with serving(hourly, clock=clock) as there:
            await here.reset(episode_id="e")
            await there.step("e", READ)
        clock.now += 10 * HOUR
        assert await here.services.sweeper.sweep() == 1
        assert (await here.client.get("/state?episode_id=e")).json()["done"] is True


async def test_servers_that_sweep_at_once_close_each_episode_once(hourly: Settings, clock: HandClock) -> None:
    async with serving(hourly, clock=clock) as here, serving(hourly, clock=clock) as there:
        for n in range(20):
            await here.reset(episode_id=f"e{n}")
        clock.now += 10 * HOUR
        closed = await asyncio.gather(here.services.sweeper.sweep(), there.services.sweeper.sweep())
        assert sum(closed) == 20
        kinds = [each["kind"] for each in (await here.client.get("/episodes/e0/events")).json()]
        assert kinds == ["reset", "expire"]
