"""An agent that plays over MCP what another began gets actions only: no lifecycle, no truth, no seed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import yaml

from server.security.api_keys import create_key
from server.settings import Settings
from tests.e2e.running import ROOT
from tests.hand_made import REPAIR
from tests.operating import changed
from tests.rounds import opened
from tests.served import Served, serving

DECLARED_TOOLS = yaml.safe_load((ROOT / "openenv.yaml").read_text())["validation"]["capabilities"]["declared_tools"]
NOW = "2030-01-01T00:00:00.000Z"
EMPTY: dict[str, Any] = {}
TRUTH = {
    "failure_category": "data_leakage",
    "root_cause_file": REPAIR.file,
    "root_cause_field": REPAIR.field,
    "patch": [REPAIR.model_dump()],
}
KEYS = {"ground_truth", "seed", "breakdown", "receipt"}
NAME_OF_THE_FAULT = "data_leakage_scaler"


def tells(answered: dict[str, Any]) -> set[str]:
    """What of the truth an answer holds, as an object or in the text beside it."""
    result = answered["result"]
    found = [result["structuredContent"], json.loads(result["content"][0]["text"]), result.get("data", {})]
    in_words = {NAME_OF_THE_FAULT} if NAME_OF_THE_FAULT in json.dumps(answered) else set()
    return in_words.union(*(KEYS & each.get("info", {}).keys() for each in found))


class Agent:
    """What a harness gives a model: the tools of one MCP address, or of one session behind ``/mcp``."""

    def __init__(self, served: Served, path: str, **params: str) -> None:
        self._served = served
        self._path = path
        self._params = params

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, **self._params}}
        response = await self._served.client.post(self._path, content=json.dumps(request))
        answered: dict[str, Any] = response.json()
        return answered

    async def tools(self) -> set[str]:
        return {each["name"] for each in (await self.ask("tools/list"))["result"]["tools"]}

    async def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        return await self.ask("tools/call", name=name, arguments=arguments)

    async def info(self, name: str, **arguments: Any) -> dict[str, Any]:
        answered = (await self.call(name, **arguments))["result"]
        assert not answered["isError"], answered
        info: dict[str, Any] = answered["structuredContent"]["info"]
        assert not tells({"result": answered})
        return info


@pytest.fixture
async def guarded(settings: Settings) -> AsyncIterator[Served]:
    """With a key and an open round."""
    key = changed(settings, lambda connection: create_key(connection, "ann", ("agent",), kind="agent", now=NOW))
    opened(settings)
    async with serving(settings) as served:
        served.client.headers["Authorization"] = f"Bearer {key}"
        yield served


async def began_practice(served: Served) -> Agent:
    response = await served.client.post("/sessions/s/reset", json={"task_id": "medium", "seed": 7})
    assert response.status_code == 200
    return Agent(served, "/sessions/s/mcp")


async def began_ranked(served: Served) -> Agent:
    response = await served.client.post("/sessions/s/reset", json={"round": "spring", "entry": 2})
    assert response.status_code == 200, response.text
    return Agent(served, "/sessions/s/mcp")


async def began_in_a_harness(served: Served) -> Agent:
    """As OpenEnv's harness does: a session of MCP, whose socket has the reset."""
    created = await Agent(served, "/mcp").ask("openenv/session/create")
    session = created["result"]["session_id"]
    key = served.client.headers["Authorization"].removeprefix("Bearer ")
    async with served.socket(f"/ws?session_id={session}", key=key) as socket:
        assert (await socket.say({"type": "reset", "data": {"task_id": "medium", "seed": 7}}))["type"] == "observation"
    return Agent(served, "/mcp", session_id=session)


@pytest.mark.parametrize("begin", [began_practice, began_ranked, began_in_a_harness])
async def test_an_agent_cannot_read_the_truth_and_begin_again(guarded: Served, begin: Any) -> None:
    agent = await begin(guarded)
    assert "reset" not in await agent.tools()
    ended = await agent.call("submit_diagnosis")
    assert not tells(ended)
    assert ended["result"]["structuredContent"]["done"]
    for wanted in (EMPTY, {"task_id": "medium", "seed": 7}, {"round": "spring", "entry": 2}, {"control": "client"}):
        assert (await agent.call("reset", **wanted))["error"]["code"] == -32602
    again = await agent.call("submit_diagnosis", **TRUTH)
    assert not tells(again)
    scored = (again["result"].get("data") or again["result"]["structuredContent"])["info"]["score"]
    assert scored < 0.3


async def test_the_client_that_began_it_is_told_the_truth(guarded: Served) -> None:
    agent = await began_practice(guarded)
    info = await agent.info("submit_diagnosis")
    assert set(info) >= {"score", "brier", "investigation"}
    state = (await guarded.client.get("/sessions/s/state")).json()
    assert (state["score"], state["ground_truth"]["fault_id"]) == (info["score"], "data_leakage_scaler")


async def test_an_episode_without_a_diagnosis_is_told_no_truth_either(guarded: Served) -> None:
    agent = await began_practice(guarded)
    key = guarded.client.headers["Authorization"].removeprefix("Bearer ")
    async with guarded.socket("/sessions/s/ws", key=key) as socket:
        await socket.say({"type": "abandon"})
    assert (await agent.info("read_config"))["truncated"]


async def test_a_client_of_mcp_alone_keeps_the_lifecycle(guarded: Served) -> None:
    agent = Agent(guarded, "/sessions/own/mcp")
    await agent.call("reset", task_id="medium", seed=7)
    assert "reset" in await agent.tools()
    ended = (await agent.call("submit_diagnosis"))["result"]["structuredContent"]
    assert ended["info"]["ground_truth"]["fault_id"] == "data_leakage_scaler"
    assert not (await agent.call("reset"))["result"]["isError"]


async def test_control_says_otherwise(guarded: Served) -> None:
    evaluator = Agent(guarded, "/sessions/own/mcp")
    await evaluator.call("reset", seed=7, control="agent")
    assert "reset" not in await evaluator.tools()
    assert "ground_truth" not in await evaluator.info("submit_diagnosis")
    await guarded.client.post("/sessions/s/reset", json={"seed": 7, "control": "client"})
    trusted = Agent(guarded, "/sessions/s/mcp")
    assert "reset" in await trusted.tools()
    assert tells(await trusted.call("submit_diagnosis")) == {*KEYS, NAME_OF_THE_FAULT}


async def test_another_session_is_not_told_the_truth_of_an_attempt_that_was_begun_for_an_agent(guarded: Served) -> None:
    await (await began_ranked(guarded)).call("submit_diagnosis")
    other = Agent(guarded, "/sessions/other/mcp")
    assert (await other.info("reset", round="spring", entry=2, attempt=1))["score"] is not None


async def test_what_serves_an_agent_is_in_the_log(settings: Settings) -> None:
    async with serving(settings) as served:
        await served.client.post("/sessions/s/reset", json={"episode_id": "e", "seed": 7})
        await Agent(served, "/sessions/s/mcp").call("submit_diagnosis")
        begun = (await served.client.get("/episodes/e/events")).json()[0]
        assert (begun["schema_version"], begun["payload"]["control"]) == (5, "agent")
    async with serving(settings) as served:
        agent = Agent(served, "/sessions/s/mcp")
        assert "reset" not in await agent.tools()
        assert (await agent.call("reset", seed=7))["error"]["code"] == -32602


async def test_a_repeated_reset_that_wants_another_control_is_another_reset(served: Served) -> None:
    body = {"episode_id": "e", "seed": 7}
    await served.reset(**body)
    assert (await served.client.post("/reset", json={**body, "control": "agent"})).status_code == 200
    assert (await served.client.post("/reset", json={**body, "control": "client"})).status_code == 409
    assert (await served.client.post("/reset", json={**body, "invalid_actions": "step"})).status_code == 409


async def test_a_connection_says_how_it_is_played(guarded: Served) -> None:
    agent = await began_practice(guarded)
    assert "Call reset first" not in (await agent.ask("initialize"))["result"]["instructions"]
    alone = await Agent(guarded, "/mcp").ask("initialize")
    assert "Call reset first" in alone["result"]["instructions"]


async def test_without_a_session_the_list_is_what_an_agent_gets(guarded: Served) -> None:
    assert "reset" not in await Agent(guarded, "/mcp").tools()


async def test_a_frame_of_the_evaluators_socket_offers_an_agents_tools(served: Served) -> None:
    """As OpenEnv's servers take them."""

    async def asked(method: str, **params: Any) -> dict[str, Any]:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answered = await socket.say({"type": "mcp", "data": request})
        assert answered["type"] == "mcp"
        data: dict[str, Any] = answered["data"]
        return data

    async with served.socket() as socket:
        assert (await asked("tools/call", name="read_config"))["error"]["data"]["code"] == "episode_not_started"
        await socket.say({"type": "reset", "data": {"seed": 7}})
        names = [each["name"] for each in (await asked("tools/list"))["result"]["tools"]]
        assert sorted(names) == sorted(DECLARED_TOOLS)
        read = await asked("tools/call", name="read_config", arguments={})
        assert read["result"]["data"]["reward"] == 0.02
        assert (await asked("tools/call", name="reset", arguments={}))["error"]["code"] == -32602
        assert not tells(await asked("tools/call", name="submit_diagnosis", arguments={}))
        assert (await socket.say({"type": "state"}))["data"]["ground_truth"]["fault_id"] == NAME_OF_THE_FAULT
        assert (await asked("tools/drop"))["error"]["code"] == -32601
