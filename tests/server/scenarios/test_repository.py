"""Scenarios: generated once, cached within a limit, stored completely."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace

import pytest

from server.scenarios.repository import MAX_VERDICTS, CachedScenario, ScenarioLostError
from server.settings import Settings
from tests.databases import execute
from tests.hand_made import REPAIR, HandMadeSimulation, hand_made_scenario
from tests.served import assert_problem, counting_ids, serving


class SlowSimulation(HandMadeSimulation):
    async def generate(self, task_id, seed):  # type: ignore[no-untyped-def]
        await asyncio.sleep(0.01)
        return await super().generate(task_id, seed)


async def test_one_generation_for_a_key_however_many_ask(settings: Settings) -> None:
    simulation = SlowSimulation()
    async with serving(settings, simulation=simulation) as served:
        await asyncio.gather(*(served.reset(task_id="easy", seed=n % 2) for n in range(20)))
    assert sorted(simulation.generated) == [("easy", 0), ("easy", 1)]


async def test_the_scenario_that_was_not_used_for_longest_makes_room(settings: Settings) -> None:
    simulation = HandMadeSimulation()
    async with serving(replace(settings, scenario_cache=2), simulation=simulation) as served:
        scenarios = served.services.scenarios
        for seed in (1, 2, 1, 3, 1):
            await scenarios.get_or_generate("easy", seed)
    assert simulation.generated == [("easy", 1), ("easy", 2), ("easy", 3)]


async def test_an_asker_that_goes_away_does_not_take_the_scenario_along(settings: Settings) -> None:
    simulation = SlowSimulation()
    async with serving(settings, simulation=simulation) as served:
        scenarios = served.services.episodes._scenarios
        first = asyncio.create_task(scenarios.get_or_generate("easy", 1))
        second = asyncio.create_task(scenarios.get_or_generate("easy", 1))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).scenario.seed == 1
    assert simulation.generated == [("easy", 1)]


async def test_an_old_episode_is_played_without_its_generator(settings: Settings) -> None:
    async with serving(settings) as served:
        await served.reset(episode_id="e", seed=3)
    later = HandMadeSimulation(generator_version="next")
    async with serving(settings, simulation=later) as served:
        await served.step("e", {"action_type": "read_config"})
    assert later.generated == []


STORED = "SELECT task_id, seed, generator_version FROM scenarios"


@pytest.mark.both_backends
async def test_a_scenario_is_stored_once(settings: Settings, database_url: str) -> None:
    async with serving(settings) as served:
        for _ in range(3):
            await served.reset(seed=3)
    async with serving(settings) as served:
        await served.reset(seed=3)
    assert execute(database_url, STORED) == [("easy", "3", "hand-made")]


@pytest.mark.both_backends
async def test_two_servers_at_once_store_a_scenario_once(settings: Settings, database_url: str) -> None:
    async with serving(settings) as here, serving(settings, new_id=counting_ids("there")) as there:
        await asyncio.gather(*(server.reset(seed=n % 4) for n in range(24) for server in (here, there)))
    assert sorted(execute(database_url, STORED)) == [("easy", str(n), "hand-made") for n in range(4)]


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
            await served.services.episodes._scenarios.get("0" * 64)


class CountingSimulation(HandMadeSimulation):
    def __init__(self) -> None:
        super().__init__()
        self.failures = 0
        self.asked = 0

    async def verify(self, truth, patch, **named):  # type: ignore[no-untyped-def]
        self.asked += 1
        await asyncio.sleep(0)
        if self.failures:
            self.failures -= 1
            raise RuntimeError("the worker is gone")
        return await super().verify(truth, patch, **named)


async def test_a_patch_is_verified_once_for_a_scenario_however_many_ask() -> None:
    simulation, cached = CountingSimulation(), CachedScenario(hand_made_scenario(), is_stored=True)
    verdicts = await asyncio.gather(*(cached.verify(simulation, (REPAIR,)) for _ in range(10)))
    assert simulation.asked == 1
    assert len(set(verdicts)) == 1


async def test_a_verification_that_failed_is_tried_again() -> None:
    simulation, cached = CountingSimulation(), CachedScenario(hand_made_scenario(), is_stored=True)
    simulation.failures = 1
    with pytest.raises(RuntimeError):
        await cached.verify(simulation, (REPAIR,))
    assert (await cached.verify(simulation, (REPAIR,))).credit == 1.0


async def test_a_verification_that_failed_does_not_drop_a_newer_one() -> None:
    failing = asyncio.Event()

    class Failing(CountingSimulation):
        async def verify(self, truth, patch, **named):  # type: ignore[no-untyped-def]
            if self.asked == 0:
                self.asked += 1
                await failing.wait()
                raise RuntimeError("the worker is gone")
            return await super().verify(truth, patch, **named)

    simulation, cached = Failing(), CachedScenario(hand_made_scenario(), is_stored=True)
    failed = asyncio.create_task(cached.verify(simulation, (REPAIR,)))
    await asyncio.sleep(0)
    cached._verdicts._tasks.clear()  # as enough other patches make it
    await cached.verify(simulation, (REPAIR,))
    failing.set()
    with pytest.raises(RuntimeError):
        await failed
    await cached.verify(simulation, (REPAIR,))
    assert simulation.asked == 2


async def test_the_verdict_that_was_asked_for_last_is_kept() -> None:
    simulation, cached = CountingSimulation(), CachedScenario(hand_made_scenario(), is_stored=True)
    for number in range(MAX_VERDICTS + 1):
        await cached.verify(simulation, (REPAIR.model_copy(update={"value": number / 1000}),))
        await cached.verify(simulation, (REPAIR,))
    assert simulation.asked == MAX_VERDICTS + 2


async def test_a_verification_that_failed_does_not_take_a_newer_one_with_it() -> None:
    simulation, cached = CountingSimulation(), CachedScenario(hand_made_scenario(), is_stored=True)
    simulation.failures = 1

    async def ask_twice() -> None:
        with pytest.raises(RuntimeError):
            await cached.verify(simulation, (REPAIR,))
        await cached.verify(simulation, (REPAIR,))

    # Both wait for the one that fails, and the first asks again before the second has heard of it.
    await asyncio.gather(ask_twice(), ask_twice())
    assert simulation.asked == 2


async def test_verdicts_are_kept_in_bounds() -> None:
    simulation, cached = CountingSimulation(), CachedScenario(hand_made_scenario(), is_stored=True)
    for number in range(MAX_VERDICTS + 5):
        await cached.verify(simulation, (REPAIR.model_copy(update={"value": number / 1000}),))
    assert len(cached._verdicts._tasks) == MAX_VERDICTS


@pytest.mark.parametrize("other", [1.0, True])
async def test_patches_whose_values_python_counts_as_equal_have_verdicts_of_their_own(other: float) -> None:
    simulation, cached = CountingSimulation(), CachedScenario(hand_made_scenario(), is_stored=True)
    for value in (1, other, 1):
        await cached.verify(simulation, (REPAIR.model_copy(update={"value": value}),))
    assert simulation.asked == 2


async def test_an_experiment_is_run_once_for_its_patch_and_number() -> None:
    simulation, cached = HandMadeSimulation(), CachedScenario(hand_made_scenario(), is_stored=True)
    asked = [((REPAIR,), 1), ((REPAIR,), 2), ((), 1), ((REPAIR,), 1)]
    outcomes = await asyncio.gather(*(cached.experiment(simulation, patch, number) for patch, number in asked))
    assert (simulation.experiments, outcomes[0]) == (3, outcomes[3])
