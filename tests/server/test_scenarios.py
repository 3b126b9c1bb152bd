"""Scenarios: generated once, kept in bounds, stored whole."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from server.scenarios import ScenarioLostError
from server.settings import Settings
from tests.hand_made import HandMadeWorld
from tests.served import assert_problem, serving


class SlowWorld(HandMadeWorld):
    async def generate(self, task_id, seed):  # type: ignore[no-untyped-def]
        await asyncio.sleep(0.01)
        return await super().generate(task_id, seed)


async def test_one_generation_for_a_key_however_many_ask(settings: Settings) -> None:
    world = SlowWorld()
    async with serving(settings, world=world) as served:
        await asyncio.gather(*(served.reset(task_id="easy", seed=n % 2) for n in range(20)))
    assert sorted(world.generated) == [("easy", 0), ("easy", 1)]


async def test_an_asker_that_goes_away_does_not_take_the_scenario_along(settings: Settings) -> None:
    world = SlowWorld()
    async with serving(settings, world=world) as served:
        scenarios = served.installation.episodes._scenarios
        first = asyncio.create_task(scenarios.generate("easy", 1))
        second = asyncio.create_task(scenarios.generate("easy", 1))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).scenario.seed == 1
    assert world.generated == [("easy", 1)]


async def test_an_old_episode_is_played_without_its_generator(settings: Settings) -> None:
    async with serving(settings) as served:
        await served.reset(episode_id="e", seed=3)
    later = HandMadeWorld(generator_version="next")
    async with serving(settings, world=later) as served:
        await served.step("e", {"action_type": "read_config"})
    assert later.generated == []


async def test_a_scenario_is_stored_once(settings: Settings) -> None:
    async with serving(settings) as served:
        for _ in range(3):
            await served.reset(seed=3)
    async with serving(settings) as served:
        await served.reset(seed=3)
    connection = sqlite3.connect(settings.database_url.removeprefix("sqlite:///"))
    assert connection.execute("SELECT task_id, seed, generator_version FROM scenarios").fetchall() == [
        ("easy", "3", "hand-made")
    ]
    connection.close()


async def test_a_scenario_that_was_changed_is_not_shown(settings: Settings) -> None:
    async with serving(settings) as served:
        await served.reset(episode_id="e", seed=3)
    connection = sqlite3.connect(settings.database_url.removeprefix("sqlite:///"))
    connection.execute("DROP TRIGGER scenarios_refuse_update")
    connection.execute("UPDATE scenarios SET task_id = 'hard'")
    connection.commit()
    connection.close()
    async with serving(settings) as served:
        response = await served.client.post("/step", json={"episode_id": "e", "action": {"action_type": "read_config"}})
        assert_problem(response, 500, "scenario_lost")
        with pytest.raises(ScenarioLostError):
            await served.installation.episodes._scenarios.load("0" * 64)
