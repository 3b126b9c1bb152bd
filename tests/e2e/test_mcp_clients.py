"""The official MCP client and OpenEnv's own play over the same endpoint of a server process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from tests.e2e.playing import Episode, truth_of
from tests.e2e.running import ServerProcess

mcp: Any = pytest.importorskip("mcp", reason="needs the MCP client, of the extra dev")
streamable_http: Any = pytest.importorskip("mcp.client.streamable_http")


@asynccontextmanager
async def session_of(url: str) -> AsyncIterator[Any]:
    """A session of the official client, initialized; its releases differ in what the transport gives beside the streams."""
    async with (
        streamable_http.streamable_http_client(url) as (read, write, *_),
        mcp.ClientSession(read, write) as session,
    ):
        await session.initialize()
        yield session


def seen(result: Any) -> dict[str, Any]:
    """The structured content, whichever release of the client names it."""
    content: dict[str, Any] = result.model_dump(by_alias=True)["structuredContent"]
    return content


async def fetched(server: ServerProcess, path: str) -> Any:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
        return (await client.get(path)).json()


async def test_the_official_client_plays_an_episode(server: ServerProcess, http: httpx.Client) -> None:
    truth = truth_of(http, "medium", 5)
    async with session_of(f"{server.url}/mcp") as session:
        tools = (await session.list_tools()).tools
        assert len(tools) == 11
        begun = seen(await session.call_tool("reset", {"task_id": "medium", "seed": 5}))
        read = await session.call_tool("inspect_preprocessing", {})
        assert json.loads(read.content[0].text) == seen(read)
        assert seen(read)["reward"] == 0.02
        refused = (await session.call_tool("read_logs", {"log_filter": 3})).model_dump(by_alias=True)
        assert refused["isError"]
        diagnosis = {key: value for key, value in truth.items() if key not in ("fault_id", "accepted")}
        last = seen(await session.call_tool("submit_diagnosis", diagnosis))
    assert last["done"]
    assert last["info"]["score"] >= 0.9
    events = await fetched(server, f"/episodes/{begun['info']['episode_id']}/events")
    assert [each["kind"] for each in events] == ["reset", "read", "submit"]


async def test_a_keyed_address_goes_on_after_the_client_and_the_server_were_gone(own_server: ServerProcess) -> None:
    url = f"{own_server.url}/sessions/agent-7f3a/mcp"
    async with session_of(url) as session:
        begun = seen(await session.call_tool("reset", {"seed": 5}))
        await session.call_tool("read_config", {})
    own_server.kill()
    own_server.start()
    async with session_of(url) as session:
        again = seen(await session.call_tool("read_logs", {}))
    assert (again["info"]["episode_id"], again["info"]["version"]) == (begun["info"]["episode_id"], 3)


async def test_the_official_client_finds_the_version_by_itself(server: ServerProcess) -> None:
    if not hasattr(mcp, "Client"):
        pytest.skip("this release of the MCP client has no client that negotiates")
    async with mcp.Client(f"{server.url}/mcp") as client:
        assert len((await client.list_tools()).tools) == 11
        assert seen(await client.call_tool("reset", {}))["info"]["version"] == 1


def test_the_socket_takes_the_subprotocol_that_mcp_clients_offer(server: ServerProcess) -> None:
    with connect(f"{server.socket_url.removesuffix('/ws')}/mcp", subprotocols=["mcp"], proxy=None) as socket:  # type: ignore[list-item]
        assert socket.subprotocol == "mcp"
        socket.send('{"jsonrpc": "2.0", "id": 1, "method": "ping"}')
        assert json.loads(socket.recv(timeout=20)) == {"jsonrpc": "2.0", "id": 1, "result": {}}


@pytest.mark.openenv
async def test_the_client_of_openenv_lists_and_calls_tools_and_steps_the_same_episode(server: ServerProcess) -> None:
    client: Any = pytest.importorskip("openenv.core.mcp_client", reason="needs the extra openenv")
    async with client.MCPToolClient(base_url=server.url) as env:
        assert len(await env.list_tools()) == 11
        assert (await env.get_tool("read_logs")).input_schema["properties"]["log_filter"]
        begun = await env.reset(task_id="easy", seed=5)
        episode_id = begun.metadata["episode_id"]
        called = await env.call_tool("read_logs", log_filter="epoch:1-2")
        assert (called["info"]["episode_id"], called["reward"]) == (episode_id, 0.02)
        with pytest.raises(RuntimeError, match="schema"):
            await env.call_tool("read_logs", log_filter=3)
        with pytest.raises(RuntimeError, match="no such tool"):
            await env.call_tool("drop_tables")
        assert (await env.state()).step_count == 1
    # Closing ended the socket, not the episode.
    assert (await fetched(server, f"/episodes/{episode_id}/state"))["done"] is False


def test_what_is_posted_without_an_accept_header_is_answered(server: ServerProcess) -> None:
    """As OpenEnv's validator does."""
    with httpx.Client(base_url=server.url, trust_env=False, headers={"Accept": ""}) as bare:
        answered = bare.post("/mcp", json={})
    assert (answered.status_code, answered.json()["jsonrpc"]) == (200, "2.0")


def test_mcp_and_rest_see_one_log(server: ServerProcess, http: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    resumed = {"name": "reset", "arguments": {"episode_id": episode.id, "resume": True}}
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": resumed}
    refused = http.post("/sessions/another-agents-key/mcp", json=request).json()["result"]
    # A session takes up only what was begun on it.
    assert refused["structuredContent"]["code"] == "episode_exists"
