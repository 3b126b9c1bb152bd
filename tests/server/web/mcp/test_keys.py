"""API keys over MCP, and over what is public or an operator's: no surface lets one agent into another's episode."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from server.security.api_keys import create_key
from server.security.identity import Scope
from server.settings import Settings
from tests.operating import changed
from tests.served import Served, assert_problem, serving

NOW = "2030-01-01T00:00:00.000Z"


@pytest.fixture
def keys(settings: Settings) -> dict[str, str]:
    scopes: dict[str, Scope] = {"ann": "agent", "bob": "agent", "watcher": "viewer", "host": "operator"}
    return {
        name: changed(
            settings,
            lambda connection, name=name, scope=scope: create_key(connection, name, (scope,), kind="agent", now=NOW),
        )
        for name, scope in scopes.items()
    }


@pytest.fixture
async def guarded(settings: Settings, keys: dict[str, str]) -> AsyncIterator[Served]:
    async with serving(replace(settings, access="keys")) as served:
        yield served


async def call(served: Served, key: str, name: str, arguments: Any = None, *, path: str = "/sessions/s/mcp") -> Any:
    params = {"name": name, "arguments": arguments or {}}
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    response = await served.client.post(path, content=json.dumps(request), headers={"Authorization": f"Bearer {key}"})
    assert response.status_code == 200, response.text
    return response.json()["result"]["structuredContent"]


async def test_the_same_session_name_is_another_session_for_another_key(guarded: Served, keys: dict[str, str]) -> None:
    begun = await call(guarded, keys["ann"], "reset", {"episode_id": "mine"})
    assert (await call(guarded, keys["bob"], "read_config"))["code"] == "episode_not_started"
    read = await call(guarded, keys["ann"], "read_config")
    assert read["info"]["episode_id"] == begun["info"]["episode_id"]


async def test_another_agents_episode_is_out_of_reach(guarded: Served, keys: dict[str, str]) -> None:
    await call(guarded, keys["ann"], "reset", {"episode_id": "mine"})
    assert (await call(guarded, keys["ann"], "read_config"))["info"]["version"] == 2
    episode_id = f"{keys['ann'].split('_')[1]}:mine"
    bob = {"Authorization": f"Bearer {keys['bob']}"}
    for method, path in (("GET", "state"), ("GET", "events"), ("POST", "step")):
        body = {"action_type": "read_config"} if method == "POST" else None
        response = await guarded.client.request(method, f"/episodes/{episode_id}/{path}", json=body, headers=bob)
        assert_problem(response, 404, "unknown_episode")
    # By the same name begins one of his own, below his key.
    assert (await call(guarded, keys["bob"], "reset", {"episode_id": episode_id, "resume": True}))["info"][
        "version"
    ] == 1
    assert (await call(guarded, keys["bob"], "reset", {"episode_id": "mine", "resume": True}))["info"]["version"] == 1


@pytest.mark.parametrize("sent", [None, "mdk_k00000000_" + "0" * 32, "nonsense", ""])
async def test_without_a_good_key_nothing_is_played(guarded: Served, sent: str | None) -> None:
    headers = {} if sent is None else {"Authorization": f"Bearer {sent}"}
    for path in ("/mcp", "/sessions/s/mcp", "/reset", "/step"):
        assert_problem(await guarded.client.post(path, json={}, headers=headers), 401, "key_required")


async def test_who_may_only_watch_may_not_play(guarded: Served, keys: dict[str, str]) -> None:
    headers = {"Authorization": f"Bearer {keys['watcher']}"}
    assert_problem(await guarded.client.post("/mcp", json={}, headers=headers), 403, "forbidden")


async def test_measurements_are_the_operators_and_the_document_is_everybodys(
    guarded: Served, keys: dict[str, str]
) -> None:
    assert_problem(await guarded.client.get("/metrics"), 401, "key_required")
    for name, status in (("ann", 403), ("watcher", 403), ("host", 200)):
        response = await guarded.client.get("/metrics", headers={"Authorization": f"Bearer {keys[name]}"})
        assert response.status_code == status
    for path in ("/openapi.json", "/docs", "/docs/docs.js", "/list_environments", "/mlops-debug/splits"):
        assert (await guarded.client.get(path)).status_code == 200
    assert (await guarded.client.post("/mlops-debug/num_tasks", json={"split": "test"})).status_code == 200


async def test_a_socket_with_a_key_plays_in_its_own_session(guarded: Served, keys: dict[str, str]) -> None:
    await call(guarded, keys["ann"], "reset", {"episode_id": "mine"})
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "read_config"}}
    async with guarded.socket("/sessions/s/mcp", key=keys["bob"]) as socket:
        answered = await socket.say(request)
        assert answered["result"]["structuredContent"]["code"] == "episode_not_started"
    async with guarded.socket("/sessions/s/mcp", key=keys["ann"]) as socket:
        assert (await socket.say(request))["result"]["structuredContent"]["reward"] == 0.02
