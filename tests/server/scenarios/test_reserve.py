"""Scenarios that are generated ahead: which, when, and for whom."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any, get_args

import pytest

from domain.types import TaskId
from server.episodes.commands import AuthorizedReset, ResetRequest
from server.scenarios.answer_timing import AnswerTiming
from server.scenarios.fair_queue import FairQueue
from server.scenarios.repository import ScenarioRepository
from server.scenarios.requester import Priority, Requester
from server.scenarios.reserve import BUSY_SECONDS, MAX_EXPECTED, Expected, ScenarioReserve
from server.scenarios.workers import WorkerLostError
from server.settings import Settings
from tests.hand_made import HandMadeSimulation
from tests.served import Served, serving

TASKS: tuple[TaskId, ...] = get_args(TaskId)


class Reserved:
    """A reserve over a hand-made simulation, with a sleep that the test counts."""

    def __init__(self, served: Served, simulation: HandMadeSimulation, *, size: int = 2, **given: Any) -> None:
        self.simulation = simulation
        self.queue = FairQueue(4, limit=8)
        self.scenarios = ScenarioRepository(
            simulation,
            served.services.reader,
            limit=16,
            queue=self.queue,
            answer_timing=given.pop("answer_timing", None),
        )
        self.slept: list[float] = []
        seeds = iter(range(1000, 2000))
        given = {"is_idle": lambda: self.queue.is_idle, "draw": lambda: next(seeds)} | given
        self.reserve = ScenarioReserve(self.scenarios, size=size, sleep=self._sleep, **given)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.reserve.run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - what is waited for is a state, which tells no event
            await asyncio.sleep(0.001)


@pytest.fixture
def simulation() -> HandMadeSimulation:
    return HandMadeSimulation()


@pytest.fixture
def reserved(served: Served, simulation: HandMadeSimulation) -> Reserved:
    return Reserved(served, simulation)


async def test_an_idle_server_generates_some_fresh_scenarios_of_each_task_and_no_more(reserved: Reserved) -> None:
    async with reserved.running():
        await until(lambda: len(reserved.reserve) == 2 * len(TASKS))
        for _ in range(50):
            await asyncio.sleep(0)
    tasks = [task_id for task_id, _ in reserved.simulation.generated]
    assert sorted(tasks) == sorted(2 * TASKS)
    assert len({seed for _, seed in reserved.simulation.generated}) == len(tasks)


async def test_each_is_handed_out_once_in_the_order_in_which_it_was_made_and_replaced(reserved: Reserved) -> None:
    async with reserved.running():
        await until(lambda: len(reserved.reserve) == 2 * len(TASKS))
        made = [seed for task_id, seed in reserved.simulation.generated if task_id == "medium"]
        taken = [reserved.reserve.take("medium", "train") for _ in range(3)]
        assert [each.scenario.seed if each is not None else None for each in taken] == [*made, None]
        assert (reserved.reserve.hits, reserved.reserve.misses) == (2, 1)
        await until(lambda: len(reserved.reserve) == 2 * len(TASKS))
    first = taken[0]
    assert first is not None
    assert reserved.scenarios.peek(first.digest) is first


async def test_what_is_in_reserve_is_not_cached_and_makes_no_room(reserved: Reserved) -> None:
    async with reserved.running():
        await until(lambda: len(reserved.reserve) == 2 * len(TASKS))
    assert not reserved.scenarios._by_digest


async def test_other_splits_and_a_reserve_of_none_generate_nothing(
    served: Served, simulation: HandMadeSimulation
) -> None:
    none = Reserved(served, simulation, size=0)
    assert not none.reserve.is_enabled
    assert none.reserve.take("easy", "train") is None
    none.reserve.expect(Expected("easy", 1, "test", "f"))
    assert Reserved(served, simulation).reserve.take("easy", "test") is None
    assert simulation.generated == []


async def test_nothing_is_generated_ahead_while_anything_else_is_to_be_done(reserved: Reserved) -> None:
    await reserved.queue.acquire(Requester("agent", Priority.PLAY))
    async with reserved.running():
        await until(lambda: reserved.slept.count(BUSY_SECONDS) >= 3)
        assert reserved.simulation.generated == []
        reserved.queue.release()
        await until(lambda: len(reserved.reserve) > 0)


async def test_a_lost_worker_ends_only_the_one_generation(reserved: Reserved, monkeypatch: pytest.MonkeyPatch) -> None:
    generate, losses = reserved.simulation.generate, iter([True, False])

    async def lose_first(*arguments: Any, **named: Any) -> Any:
        if next(losses, False):
            raise WorkerLostError("worker 1 died")
        return await generate(*arguments, **named)

    monkeypatch.setattr(reserved.simulation, "generate", lose_first)
    async with reserved.running():
        await until(lambda: len(reserved.reserve) == 2 * len(TASKS))


async def test_a_scenario_is_ready_only_at_the_end_of_its_quantum(
    served: Served, simulation: HandMadeSimulation
) -> None:
    ended = asyncio.Event()
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        await ended.wait()

    reserved = Reserved(served, simulation, answer_timing=AnswerTiming(5.0, now=lambda: 0.0, sleep=sleep))
    async with reserved.running():
        await until(lambda: bool(waited))
        assert len(reserved.reserve) == 0
        ended.set()
        await until(lambda: len(reserved.reserve) > 0)
    assert waited[0] == 5.0


async def test_expected_attempts_are_generated_first_and_then_found(reserved: Reserved) -> None:
    expected = Expected("hard", 7, "test", "frozen_column")
    reserved.reserve.expect(expected)
    async with reserved.running():
        await until(lambda: len(reserved.reserve) == 2 * len(TASKS))
    assert reserved.simulation.generated[0] == ("hard", 7)
    count = len(reserved.simulation.generated)
    await reserved.scenarios.get_or_generate("hard", 7, split="test", fault="frozen_column")
    assert len(reserved.simulation.generated) == count


async def test_only_the_newest_expectations_are_remembered(reserved: Reserved) -> None:
    for seed in range(MAX_EXPECTED + 5):
        reserved.reserve.expect(Expected("hard", seed, "test", "frozen_column"))
    async with reserved.running():
        await until(lambda: len(reserved.reserve) == 2 * len(TASKS))
    assert ("hard", 4) not in reserved.simulation.generated
    assert ("hard", 5) in reserved.simulation.generated


@pytest.fixture
def pooled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hand-made simulation counts as one that generates elsewhere."""
    monkeypatch.setattr("server.services.PooledSimulation", HandMadeSimulation)
    monkeypatch.setattr("server.scenarios.reserve.FIRST_PAUSE_SECONDS", 0.0)


@pytest.mark.usefixtures("pooled")
async def test_a_reset_without_a_seed_begins_on_a_reserved_scenario(settings: Settings) -> None:
    simulation = HandMadeSimulation()
    async with serving(replace(settings, reserve=1), simulation=simulation) as served:
        reserve = served.services.reserve
        await until(lambda: len(reserve) == len(TASKS))
        ready = [seed for task_id, seed in simulation.generated if task_id == "medium"]
        begun = await served.reset(task_id="medium")
        snapshot = await served.services.episodes.cache.load(begun["info"]["episode_id"])
        assert snapshot is not None
        assert snapshot.state.reset.seed == ready[0]
        assert not snapshot.state.reset.seed_given
        chosen = await served.reset(task_id="medium", seed=3)
        assert chosen["info"]["episode_id"]
        assert reserve.hits == 1
        text = (await served.client.get("/metrics")).text
        assert 'mlops_debug_cache_lookups_total{cache="reserve",result="hit"} 1.0' in text
        assert "mlops_debug_reserve_size " in text
    async with serving(settings) as served:  # what was played is stored, what was not is gone
        await served.step(begun["info"]["episode_id"], {"action_type": "read_config"})


@pytest.mark.usefixtures("pooled")
async def test_no_page_and_no_answer_knows_what_is_in_reserve(settings: Settings) -> None:
    simulation = HandMadeSimulation()
    async with serving(replace(settings, reserve=1), simulation=simulation) as served:
        await until(lambda: len(served.services.reserve) == len(TASKS))
        seeds = [str(seed) for _, seed in simulation.generated]
        for path in ("/ready", "/metrics", "/tasks", "/episodes"):
            text = (await served.client.get(path)).text
            assert not any(seed in text for seed in seeds)
        rows = await served.services.episodes.reset(AuthorizedReset(ResetRequest(seed=5)))
        assert rows.episode_id
