"""Turns at the generating processes: who goes first, who is refused, and who is dropped."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message

from server.scenarios.fair_queue import FairQueue, QueueFullError
from server.scenarios.requester import ClientLeftError, Inbox, Priority, Requester
from server.scenarios.simulation import QueuedSimulation
from tests.hand_made import HandMadeSimulation, hand_made_experiment, hand_made_scenario

A, B, C = (Requester(name, Priority.PLAY) for name in "abc")
RANKED = Requester("r", Priority.RANKED)
BACKGROUND = Requester("", Priority.BACKGROUND)


class Line:
    """What waits for the turns of a single slot that is taken, and the order in which it had its turn."""

    def __init__(self, *, limit: int = 2_000) -> None:
        self.turns = FairQueue(1, limit=limit)
        self.order: list[str] = []

    async def occupied(self) -> Line:
        await self.turns.take(A)
        return self

    async def join(self, asker: Requester, name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(self._wait(asker, name))
        await asyncio.sleep(0)
        return task

    async def _wait(self, asker: Requester, name: str) -> None:
        async with self.turns.taking(asker):
            self.order.append(name)


async def test_a_client_that_asks_for_much_does_not_keep_another_waiting() -> None:
    line = await Line().occupied()
    tasks = [await line.join(A, f"a{number}") for number in range(50)]
    tasks.append(await line.join(B, "b"))
    tasks.append(await line.join(C, "c"))
    line.turns.release()
    await asyncio.gather(*tasks)
    assert line.order[:4] == ["a0", "b", "c", "a1"]


async def test_an_experiment_waits_for_a_turn_of_its_client() -> None:
    line, world = await Line().occupied(), HandMadeSimulation()
    simulation = QueuedSimulation(world, line.turns)
    running = asyncio.create_task(simulation.experiment(hand_made_scenario().truth, (), 1))
    await asyncio.sleep(0)
    assert world.experiments == 0
    line.turns.release()
    assert (await running, world.experiments) == (hand_made_experiment((), 1), 1)


async def test_ranked_attempts_go_first_and_audits_last() -> None:
    line = await Line().occupied()
    tasks = [await line.join(asker, name) for asker, name in ((BACKGROUND, "audit"), (A, "play"), (RANKED, "ranked"))]
    line.turns.release()
    await asyncio.gather(*tasks)
    assert line.order == ["ranked", "play", "audit"]


async def test_what_is_abandoned_is_dropped_and_its_place_is_free() -> None:
    line = await Line().occupied()
    left: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
    leaving = A._replace(inbox=Inbox(lambda: left))
    abandoned = [await line.join(leaving, "abandoned") for _ in range(1_500)]
    cancelled = await line.join(A, "cancelled")
    kept = await line.join(B, "kept")
    left.set_result({"type": "http.disconnect"})
    cancelled.cancel()
    assert {type(each) for each in await asyncio.gather(*abandoned, return_exceptions=True)} == {ClientLeftError}
    await asyncio.wait([cancelled])
    assert line.turns.waiting == 1
    line.turns.release()
    await kept
    assert line.order == ["kept"]


async def test_a_turn_that_is_given_to_one_that_is_cancelled_goes_on_to_the_next() -> None:
    line = await Line().occupied()
    first, second = await line.join(A, "first"), await line.join(B, "second")
    line.turns.release()
    first.cancel()
    await second
    assert line.order == ["second"]
    await line.turns.take(A)  # nothing was lost on the way


async def test_when_the_queue_is_full_the_client_that_has_most_in_it_is_refused() -> None:
    line = await Line(limit=3).occupied()
    tasks = [await line.join(A, f"a{number}") for number in range(3)]
    with pytest.raises(QueueFullError):
        await line.turns.take(A)
    tasks.append(await line.join(B, "b"))
    assert line.turns.waiting == 3
    with pytest.raises(QueueFullError):
        await tasks[2]
    line.turns.release()
    await asyncio.gather(tasks[0], tasks[1], tasks[3])
    assert line.order == ["a0", "b", "a1"]


async def test_what_is_ranked_is_refused_only_for_what_is_ranked() -> None:
    line = await Line(limit=1).occupied()
    play = await line.join(A, "play")
    ranked = await line.join(RANKED, "ranked")
    with pytest.raises(QueueFullError):
        await play
    with pytest.raises(QueueFullError):
        await line.turns.take(B)
    with pytest.raises(QueueFullError):
        await line.turns.take(RANKED)
    line.turns.release()
    await ranked
