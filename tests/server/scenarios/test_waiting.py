"""Resets that wait for a process, over the wire: a fair share for each client, and none for a disconnected one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest

from server.services import GENERATIONS_PER_PROCESS
from server.settings import Settings
from tests.hand_made import HandMadeSimulation
from tests.served import Served, assert_problem, serving


class GatedSimulation(HandMadeSimulation):
    """Generates only while its gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()

    async def generate(self, *arguments: Any, **named: Any):  # type: ignore[no-untyped-def]
        scenario = await super().generate(*arguments, **named)
        await self.gate.wait()
        return scenario

    @property
    def seeds(self) -> list[int]:
        return [seed for _, seed in self.generated]


@pytest.fixture
def simulation() -> GatedSimulation:
    return GatedSimulation()


@pytest.fixture
async def gated(settings: Settings, simulation: GatedSimulation) -> AsyncIterator[Served]:
    async with serving(
        replace(settings, generator_processes=1, generation_queue_limit=50), simulation=simulation
    ) as running:
        yield running
        simulation.gate.set()


@asynccontextmanager
async def client_at(served: Served, address: str) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(served.app, raise_app_exceptions=False, client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


class HandledRequest:
    """A reset as ASGI messages, whose sender can leave."""

    def __init__(self, served: Served, path: str, body: Any) -> None:
        self._sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._sent.put_nowait({"type": "http.request", "body": json.dumps(body).encode()})
        self.answered: list[dict[str, Any]] = []
        scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": []}
        self.task = asyncio.create_task(served.app({**scope, "client": ("10.0.0.1", 1)}, self._sent.get, self._keep))

    def leave(self) -> None:
        self._sent.put_nowait({"type": "http.disconnect"})

    async def _keep(self, message: Any) -> None:
        self.answered.append(message)


async def until(holds: Callable[[], bool]) -> None:
    """Give the tasks of the server the event loop until something holds."""
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - what is waited for is a state of the server, which tells no event
            await asyncio.sleep(0)


async def until_waiting(served: Served, count: int) -> None:
    await until(lambda: served.services.generation_queue.waiting == count)


def resets(client: httpx.AsyncClient, seeds: range) -> list[asyncio.Task[httpx.Response]]:
    return [asyncio.create_task(client.post("/reset", json={"seed": seed})) for seed in seeds]


async def test_a_client_with_many_resets_does_not_keep_another_waiting(
    gated: Served, simulation: GatedSimulation
) -> None:
    async with client_at(gated, "10.0.0.1") as greedy, client_at(gated, "10.0.0.2") as other:
        many = resets(greedy, range(50))
        await until_waiting(gated, 50 - GENERATIONS_PER_PROCESS)
        one = resets(other, range(999, 1000))
        await until_waiting(gated, 51 - GENERATIONS_PER_PROCESS)
        simulation.gate.set()
        answers = await asyncio.gather(*many, *one)
    assert {answer.status_code for answer in answers} == {200}
    assert simulation.seeds.index(999) <= GENERATIONS_PER_PROCESS + 1


async def test_of_a_scenario_that_a_greedy_client_waits_for_another_need_not_wait_for_its_turn(
    gated: Served, simulation: GatedSimulation
) -> None:
    async with client_at(gated, "10.0.0.1") as greedy, client_at(gated, "10.0.0.2") as other:
        many = resets(greedy, range(50))
        await until_waiting(gated, 50 - GENERATIONS_PER_PROCESS)
        one = resets(other, range(49, 50))
        await until_waiting(gated, 51 - GENERATIONS_PER_PROCESS)
        simulation.gate.set()
        await asyncio.gather(*many, *one)
    assert simulation.seeds.index(49) <= GENERATIONS_PER_PROCESS + 1
    assert sorted(simulation.seeds) == list(range(50))


async def test_over_the_limit_the_client_that_waits_for_most_is_refused(
    gated: Served, simulation: GatedSimulation
) -> None:
    async with client_at(gated, "10.0.0.1") as greedy, client_at(gated, "10.0.0.2") as other:
        many = resets(greedy, range(50 + GENERATIONS_PER_PROCESS))
        await until_waiting(gated, 50)
        assert_problem(await greedy.post("/reset", json={"seed": 900}), 503, "too_many_waiting")
        one = resets(other, range(999, 1000))
        refused = (await asyncio.wait(many, return_when=asyncio.FIRST_COMPLETED))[0]
        simulation.gate.set()
        answers = await asyncio.gather(*one, *many)
    assert_problem(refused.pop().result(), 503, "too_many_waiting")
    assert [answer.status_code for answer in answers].count(503) == 1
    assert answers[0].status_code == 200


MCP_RESET = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "reset", "arguments": {}}}


@pytest.mark.parametrize(
    ("path", "body"), [("/reset", {}), ("/sessions/{}/reset", {}), ("/sessions/{}/mcp", MCP_RESET)]
)
async def test_a_reset_whose_client_left_is_not_generated(
    gated: Served, simulation: GatedSimulation, path: str, body: dict[str, Any]
) -> None:
    requests = [HandledRequest(gated, path.format(f"k{n}"), body) for n in range(30)]
    await until_waiting(gated, 30 - GENERATIONS_PER_PROCESS)
    for request in requests:
        request.leave()
    await until_waiting(gated, 0)
    simulation.gate.set()
    await asyncio.gather(*(request.task for request in requests))
    assert len(simulation.generated) == GENERATIONS_PER_PROCESS
    await gated.reset()


@pytest.mark.parametrize("path", ["/ws", "/sessions/k/ws"])
async def test_a_reset_whose_socket_was_dropped_is_not_generated(
    gated: Served, simulation: GatedSimulation, path: str
) -> None:
    async with client_at(gated, "10.0.0.1") as client:
        working = resets(client, range(GENERATIONS_PER_PROCESS))
        await until(lambda: len(simulation.generated) == GENERATIONS_PER_PROCESS)
        async with gated.socket(path) as socket:
            await socket.send({"type": "reset"})
            await until_waiting(gated, 1)
        assert gated.services.generation_queue.waiting == 0
        simulation.gate.set()
        await asyncio.gather(*working)
    assert len(simulation.generated) == GENERATIONS_PER_PROCESS


async def test_frames_that_are_sent_while_a_reset_waits_are_answered_in_order(
    gated: Served, simulation: GatedSimulation
) -> None:
    async with gated.socket() as socket:
        await socket.send({"type": "reset"})
        await socket.send({"type": "step", "data": {"action_type": "read_config"}})
        await socket.send({"type": "state"})
        simulation.gate.set()
        assert [(await socket.hear())["type"] for _ in range(3)] == ["observation", "observation", "state"]


async def test_an_episode_that_was_begun_is_kept_although_its_client_left(
    gated: Served, simulation: GatedSimulation
) -> None:
    request = HandledRequest(gated, "/reset", {"episode_id": "e"})
    await until(lambda: bool(simulation.generated))
    request.leave()
    simulation.gate.set()
    await request.task
    assert (await gated.client.get("/state?episode_id=e")).json()["done"] is False


async def test_what_waits_is_measured(gated: Served, simulation: GatedSimulation) -> None:
    async with client_at(gated, "10.0.0.1") as client:
        many = resets(client, range(10))
        await until_waiting(gated, 10 - GENERATIONS_PER_PROCESS)
        assert f"mlops_debug_generation_queue {10.0 - GENERATIONS_PER_PROCESS}" in (await client.get("/metrics")).text
        simulation.gate.set()
        await asyncio.gather(*many)
