"""The queue for worker processes: order, refusal, and dropped waiters."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message

from server.scenarios.fair_queue import FairQueue, QueueFullError
from server.scenarios.requester import ClientDisconnectedError, MessageBuffer, Priority, Requester
from server.scenarios.simulation import QueuedSimulation
from tests.hand_made import HandMadeSimulation, hand_made_experiment, hand_made_scenario

A, B, C = (Requester(name, Priority.PLAY) for name in "abc")
RANKED = Requester("r", Priority.RANKED)
BACKGROUND = Requester("", Priority.BACKGROUND)


class Line:
    """Waiters for a single slot that is in use, and the order in which they acquired it."""

    def __init__(self, *, limit: int = 2_000) -> None:
        self.queue = FairQueue(1, limit=limit)
        self.order: list[str] = []

    async def occupied(self) -> Line:
        await self.queue.acquire(A)
        return self

    async def join(self, requester: Requester, name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(self._wait(requester, name))
        await asyncio.sleep(0)
        return task

    async def _wait(self, requester: Requester, name: str) -> None:
        async with self.queue.slot(requester):
            self.order.append(name)


async def test_a_client_that_asks_for_much_does_not_keep_another_waiting() -> None:
    line = await Line().occupied()
    tasks = [await line.join(A, f"a{number}") for number in range(50)]
    tasks.append(await line.join(B, "b"))
    tasks.append(await line.join(C, "c"))
    line.queue.release()
    await asyncio.gather(*tasks)
    assert line.order[:4] == ["a0", "b", "c", "a1"]


async def test_an_experiment_waits_for_a_turn_of_its_client() -> None:
    line, simulation = await Line().occupied(), HandMadeSimulation()
    queued = QueuedSimulation(simulation, line.queue)
    running = asyncio.create_task(queued.experiment(hand_made_scenario().truth, (), 1))
    await asyncio.sleep(0)
    assert simulation.experiments == 0
    line.queue.release()
    assert (await running, simulation.experiments) == (hand_made_experiment((), 1), 1)


async def test_ranked_attempts_go_first_and_audits_last() -> None:
    line = await Line().occupied()
    tasks = [
        await line.join(requester, name) for requester, name in ((BACKGROUND, "audit"), (A, "play"), (RANKED, "ranked"))
    ]
    line.queue.release()
    await asyncio.gather(*tasks)
    assert line.order == ["ranked", "play", "audit"]


async def test_what_is_abandoned_is_dropped_and_its_place_is_free() -> None:
    line = await Line().occupied()
    left: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
    leaving = A._replace(inbox=MessageBuffer(lambda: left))
    abandoned = [await line.join(leaving, "abandoned") for _ in range(1_500)]
    cancelled = await line.join(A, "cancelled")
    kept = await line.join(B, "kept")
    left.set_result({"type": "http.disconnect"})
    cancelled.cancel()
    assert {type(each) for each in await asyncio.gather(*abandoned, return_exceptions=True)} == {
        ClientDisconnectedError
    }
    await asyncio.wait([cancelled])
    assert line.queue.waiting == 1
    line.queue.release()
    await kept
    assert line.order == ["kept"]


async def test_a_turn_that_is_given_to_one_that_is_cancelled_goes_on_to_the_next() -> None:
    line = await Line().occupied()
    first, second = await line.join(A, "first"), await line.join(B, "second")
    line.queue.release()
    first.cancel()
    await second
    assert line.order == ["second"]
    await line.queue.acquire(A)  # nothing was lost on the way


async def test_when_the_queue_is_full_the_client_that_has_most_in_it_is_refused() -> None:
    line = await Line(limit=3).occupied()
    tasks = [await line.join(A, f"a{number}") for number in range(3)]
    with pytest.raises(QueueFullError):
        await line.queue.acquire(A)
    tasks.append(await line.join(B, "b"))
    assert line.queue.waiting == 3
    with pytest.raises(QueueFullError):
        await tasks[2]
    line.queue.release()
    await asyncio.gather(tasks[0], tasks[1], tasks[3])
    assert line.order == ["a0", "b", "a1"]


async def test_what_is_ranked_is_refused_only_for_what_is_ranked() -> None:
    line = await Line(limit=1).occupied()
    play = await line.join(A, "play")
    ranked = await line.join(RANKED, "ranked")
    with pytest.raises(QueueFullError):
        await play
    with pytest.raises(QueueFullError):
        await line.queue.acquire(B)
    with pytest.raises(QueueFullError):
        await line.queue.acquire(RANKED)
    line.queue.release()
    await ranked
