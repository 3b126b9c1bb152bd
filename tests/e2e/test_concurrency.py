"""Fifty agents at once on one server, over both transports: no episode sees another; a restart loses nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, Protocol

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.e2e.playing import CHECKS, REFUSED_QUERY, SHORT_READS, TASKS, WRONG_DIAGNOSIS, Json, strict_json
from tests.e2e.running import ServerProcess
from tests.profiles import smoke

AGENT_COUNT = 50
READS = tuple(SHORT_READS)


class Agent(NamedTuple):
    """What one agent will do; everything follows from its number."""

    number: int

    @property
    def parameters(self) -> Json:
        return {
            "task_id": list(TASKS)[self.number % 3],
            "seed": 100 + self.number,
            "agent": f"agent-{self.number}",
        }

    @property
    def actions(self) -> list[Json]:
        """Eight actions, another list for each number: reads, a repeated read, checks, a refusal, a diagnosis."""
        first, second = READS[self.number % 5], READS[(self.number // 5 + 1) % 5]
        return [
            {"action_type": first},
            {"action_type": "run_sanity_check", "sanity_check_type": CHECKS[self.number % 8]},
            {"action_type": second},
            {"action_type": "read_logs", "log_filter": f"epoch:{self.number % 7}"},
            REFUSED_QUERY,
            {"action_type": first},
            {"action_type": "run_sanity_check", "sanity_check_type": CHECKS[(self.number + 3) % 8]},
            {**WRONG_DIAGNOSIS, "confidence": self.number / 100},
        ]


AGENTS = [Agent(number) for number in range(AGENT_COUNT)]


class Seat(Protocol):
    """Where an agent sits: one transport, one episode."""

    async def reset(self, parameters: Json) -> Json: ...

    async def step(self, action: Json) -> Json: ...

    async def state(self) -> Json: ...


class RestSeat:
    """An agent over REST, with connections and cookies of its own."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._named: Json = {}

    async def reset(self, parameters: Json) -> Json:
        answer = await self._answer(self._http.post("/reset", json=parameters))
        self._named = {"episode_id": answer["metadata"]["episode_id"]}
        return answer

    async def step(self, action: Json) -> Json:
        return await self._answer(self._http.post("/step", json={**self._named, "action": action}))

    async def state(self) -> Json:
        return await self._answer(self._http.get("/state", params=self._named))

    async def _answer(self, request: Any) -> Json:
        response: httpx.Response = await request
        assert response.status_code == 200, response.text
        body: Json = strict_json(response.content)
        body.pop("info", None)
        return body


class SocketSeat:
    """An agent over a WebSocket of its own."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def reset(self, parameters: Json) -> Json:
        return await self._answer({"type": "reset", "data": parameters})

    async def step(self, action: Json) -> Json:
        return await self._answer({"type": "step", "data": action})

    async def state(self) -> Json:
        return await self._answer({"type": "state"})

    async def _answer(self, frame: Json) -> Json:
        await self._connection.send(json.dumps(frame))
        answer = strict_json(await self._connection.recv())
        assert answer["type"] != "error", answer
        data: Json = answer["data"]
        return data


@asynccontextmanager
async def rest_seat(server: ServerProcess) -> AsyncIterator[Seat]:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, verify=False, timeout=60.0) as http:
        yield RestSeat(http)


@asynccontextmanager
async def socket_seat(server: ServerProcess) -> AsyncIterator[Seat]:
    async with connect(server.socket_url, proxy=None, open_timeout=60) as connection:
        yield SocketSeat(connection)


class Record(NamedTuple):
    """What one agent saw."""

    answers: list[Json]
    state: Json

    @property
    def episode_ids(self) -> set[str]:
        return {answer["metadata"]["episode_id"] for answer in self.answers} | {self.state["episode_id"]}

    @property
    def seen(self) -> list[Json]:
        """All answers and the final state, without the one thing that differs between two runs: the id."""
        return [without_id(answer) for answer in self.answers] + [without_id(self.state)]

    @property
    def total(self) -> float:
        return float(sum(answer["reward"] for answer in self.answers[1:]))


def without_id(shown: Json) -> Json:
    """What depends on seed and actions alone: no name, and no receipt, which covers names and times."""
    metadata = {key: value for key, value in shown.get("metadata", {}).items() if key not in ("episode_id", "receipt")}
    return {**{key: value for key, value in shown.items() if key != "episode_id"}, "metadata": metadata}


async def play(server: ServerProcess, agent: Agent) -> Record:
    """One whole episode: agents with an even number over REST, the others over a WebSocket."""
    async with (socket_seat if agent.number % 2 else rest_seat)(server) as seat:
        answers = [await seat.reset(agent.parameters)]
        answers += [await seat.step(action) for action in agent.actions]
        return Record(answers, await seat.state())


async def play_at_once(server: ServerProcess) -> list[Record]:
    return list(await asyncio.gather(*(play(server, agent) for agent in AGENTS)))


async def play_alone(server: ServerProcess) -> list[Record]:
    return [await play(server, agent) for agent in AGENTS]


@pytest.fixture(scope="module")
def at_once(server: ServerProcess) -> list[Record]:
    return asyncio.run(play_at_once(server))


@pytest.fixture(scope="module")
def alone(server: ServerProcess) -> list[Record]:
    """The same seeds and actions, one agent after another."""
    return asyncio.run(play_alone(server))


def test_each_of_50_agents_keeps_to_one_episode_of_its_own(at_once: list[Record]) -> None:
    ids = [record.episode_ids for record in at_once]
    assert [len(each) for each in ids] == [1] * AGENT_COUNT
    assert len(set().union(*ids)) == AGENT_COUNT


def test_each_of_50_agents_sees_what_it_sees_alone(at_once: list[Record], alone: list[Record]) -> None:
    mixed = [agent.number for agent in AGENTS if at_once[agent.number].seen != alone[agent.number].seen]
    assert mixed == []


def test_each_of_50_agents_earns_what_it_earns_alone(at_once: list[Record], alone: list[Record]) -> None:
    totals = [record.total for record in at_once]
    print(f"\n{AGENT_COUNT} agents at once: {AGENT_COUNT * 8} steps, returns {min(totals):.2f} to {max(totals):.2f}")
    assert totals == pytest.approx([record.total for record in alone])
    assert totals == pytest.approx([record.state["total_reward"] for record in at_once])


def test_each_of_50_agents_investigates_a_run_of_its_own(at_once: list[Record]) -> None:
    assert len({record.answers[0]["observation"]["run_id"] for record in at_once}) == AGENT_COUNT


@pytest.mark.parametrize(
    "end",
    smoke([ServerProcess.stop, ServerProcess.kill], lambda end: end == ServerProcess.kill),
    ids=["stopped", "killed"],
)
def test_a_restart_in_the_middle_of_50_episodes_loses_nothing(
    own_server: ServerProcess, alone: list[Record], end: Callable[[ServerProcess], None]
) -> None:
    half = 4

    async def play_the_first_half(agent: Agent) -> tuple[Json, list[Json]]:
        async with (socket_seat if agent.number % 2 else rest_seat)(own_server) as seat:
            await seat.reset({**agent.parameters, "episode_id": f"episode-{agent.number}"})
            answers = [await seat.step(action) for action in agent.actions[:half]]
            return await seat.state(), answers

    async def read_state(http: httpx.AsyncClient, agent: Agent) -> Json:
        response = await http.get("/state", params={"episode_id": f"episode-{agent.number}"})
        state: Json = response.json()
        return state

    async def play_the_second_half(http: httpx.AsyncClient, agent: Agent) -> list[Json]:
        answers = []
        for action in agent.actions[half:]:
            body = {"episode_id": f"episode-{agent.number}", "action": action}
            answers.append((await http.post("/step", json=body)).json())
        return answers

    async def before_the_restart() -> list[tuple[Json, list[Json]]]:
        return list(await asyncio.gather(*(play_the_first_half(agent) for agent in AGENTS)))

    async def after_the_restart() -> tuple[list[Json], list[list[Json]]]:
        async with httpx.AsyncClient(base_url=own_server.url, trust_env=False, verify=False, timeout=60.0) as http:
            states = await asyncio.gather(*(read_state(http, agent) for agent in AGENTS))
            rest = await asyncio.gather(*(play_the_second_half(http, agent) for agent in AGENTS))
            return list(states), list(rest)

    first_halves = asyncio.run(before_the_restart())
    end(own_server)
    own_server.start()
    states, second_halves = asyncio.run(after_the_restart())

    assert states == [state for state, _ in first_halves]
    seen = [
        [answer["observation"] for answer in first + second]
        for (_, first), second in zip(first_halves, second_halves, strict=True)
    ]
    assert seen == [[answer["observation"] for answer in record.answers[1:]] for record in alone]
