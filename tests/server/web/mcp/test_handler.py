"""The Model Context Protocol, request by request."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import jsonschema
import pytest

from domain.actions import action_schema
from server.web.mcp.handler import PROTOCOL_VERSIONS
from server.web.mcp.tools import tool_list
from tests.hand_made import REPAIR
from tests.served import Served, assert_problem

KEY = "agent-7f3a"


async def post(served: Served, content: bytes | str, path: str = "/mcp", **headers: str) -> httpx.Response:
    return await served.client.post(path, content=content, headers=headers)


async def ask(served: Served, method: str, params: Any = None, *, path: str = f"/sessions/{KEY}/mcp") -> dict[str, Any]:
    request = {"jsonrpc": "2.0", "id": 7, "method": method} | ({} if params is None else {"params": params})
    response = await post(served, json.dumps(request), path)
    assert response.status_code == 200, response.text
    answered: dict[str, Any] = response.json()
    assert (answered["jsonrpc"], answered["id"]) == ("2.0", 7)
    assert ("result" in answered) != ("error" in answered)
    return answered


async def call(served: Served, name: str, **arguments: Any) -> dict[str, Any]:
    result: dict[str, Any] = (await ask(served, "tools/call", {"name": name, "arguments": arguments}))["result"]
    assert result["isError"] or json.loads(result["content"][0]["text"]) == result["structuredContent"]
    return result


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"{}", -32600),
        (b"", -32700),
        (b"no json", -32700),
        (b"\xff\xfe", -32700),
        (b"[" * 10_000, -32700),
        (b"[]", -32600),
        (b"null", -32600),
        (b'{"jsonrpc": "1.0", "method": "ping", "id": 1}', -32600),
        (b'{"jsonrpc": "2.0", "method": 3, "id": 1}', -32600),
        (b'{"jsonrpc": "2.0", "method": "ping", "params": [], "id": 1}', -32600),
        (b'{"jsonrpc": "2.0", "method": "tools/drop", "id": 1}', -32601),
    ],
)
async def test_what_is_no_request_is_answered_with_an_error(served: Served, content: bytes, code: int) -> None:
    response = await post(served, content)
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    answered = response.json()
    assert answered["jsonrpc"] == "2.0"
    assert answered["error"]["code"] == code


@pytest.mark.parametrize("asked", [*PROTOCOL_VERSIONS, "2099-01-01", None, 3])
async def test_initialize_agrees_on_a_version_and_names_a_session(served: Served, asked: Any) -> None:
    request = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": asked}}
    response = await post(served, json.dumps(request))
    agreed = response.json()["result"]["protocolVersion"]
    assert agreed == (asked if asked in PROTOCOL_VERSIONS else PROTOCOL_VERSIONS[-1])
    assert len(response.headers["mcp-session-id"]) == 32
    keyed = await post(served, json.dumps(request), f"/sessions/{KEY}/mcp")
    assert keyed.headers["mcp-session-id"] == KEY


async def test_a_version_that_is_not_supported_is_told_with_those_that_are(served: Served) -> None:
    request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "server/discover"})
    response = await post(served, request, **{"MCP-Protocol-Version": "2026-07-28"})
    assert response.status_code == 400
    assert response.json()["error"]["data"] == {"supported": list(PROTOCOL_VERSIONS), "requested": "2026-07-28"}
    assert (await post(served, request, **{"MCP-Protocol-Version": PROTOCOL_VERSIONS[0]})).status_code == 200


async def test_a_notification_is_taken_without_an_answer(served: Served) -> None:
    response = await post(served, '{"jsonrpc": "2.0", "method": "notifications/initialized"}')
    assert (response.status_code, response.content) == (202, b"")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_there_is_no_stream_to_open_and_nothing_to_end(served: Served, method: str) -> None:
    assert_problem(await served.client.request(method, "/mcp"), 405, "method_not_allowed")


async def test_there_is_one_tool_for_each_action_and_reset(served: Served) -> None:
    tools = (await ask(served, "tools/list"))["result"]["tools"]
    assert {each["name"] for each in tools} == {"reset", *action_schema()["discriminator"]["mapping"]}
    for each in tools:
        jsonschema.Draft202012Validator.check_schema(each["inputSchema"])
        assert set(each["inputSchema"]) <= {"type", "properties", "required", "additionalProperties", "$defs"}
        assert each["description"]
        assert set(each["annotations"]) == {"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"}
        assert each["annotations"]["destructiveHint"] == (each["name"] in ("reset", "submit_diagnosis"))


async def test_tool_calls_are_steps_of_one_episode(served: Served) -> None:
    begun = (await call(served, "reset", task_id="medium", seed=7, episode_id="e"))["structuredContent"]
    assert begun["observation"]["run_id"]
    read = (await call(served, "read_config"))["structuredContent"]
    assert (read["reward"], read["info"]["version"]) == (0.02, 2)
    assert read["observation"]["last_action_result"]["content"].startswith("run_id: ")
    diagnosis = {
        "failure_category": "data_leakage",
        "root_cause_file": REPAIR.file,
        "root_cause_field": REPAIR.field,
        "patch": [REPAIR.model_dump()],
    }
    last = (await call(served, "submit_diagnosis", **diagnosis))["structuredContent"]
    assert last["done"] is True
    assert last["info"]["ground_truth"]["fault_id"] == "data_leakage_scaler"
    kinds = [each["kind"] for each in (await served.client.get("/episodes/e/events")).json()]
    assert kinds == ["reset", "read", "submit"]


async def test_a_call_shows_what_rest_shows(served: Served) -> None:
    await call(served, "reset", episode_id="a", seed=3)
    await served.reset(episode_id="b", seed=3)
    shown = (await call(served, "run_sanity_check", sanity_check_type="data_leakage"))["structuredContent"]
    rest = await served.step("b", {"action_type": "run_sanity_check", "sanity_check_type": "data_leakage"})
    assert shown == {key: rest[key] for key in ("observation", "reward", "done")} | {
        "info": rest["info"] | {"episode_id": "a"}
    }


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("read_logs", {"log_filter": 3}, "invalid"),
        ("read_config", {"unknown": 1}, "invalid"),
        ("read_config", {"action_type": "submit_diagnosis"}, "invalid"),
        ("reset", {"seed": -1}, "invalid"),
        ("reset", {"split": "test", "index": 10**9}, "unknown_task"),
        ("submit_diagnosis", {"confidence": 2}, "invalid"),
    ],
)
async def test_a_call_that_cannot_be_is_told_to_the_model_and_costs_nothing(
    served: Served, name: str, arguments: dict[str, Any], code: str
) -> None:
    await call(served, "reset", episode_id="e")
    refused = await call(served, name, **arguments)
    assert (refused["isError"], refused["structuredContent"]["code"]) == (True, code)
    assert refused["content"][0]["text"] == refused["structuredContent"]["detail"]
    assert (await served.client.get("/state?episode_id=e")).json()["step_count"] == 0


async def test_a_step_before_any_reset_is_told(served: Served) -> None:
    assert (await call(served, "read_config"))["structuredContent"]["code"] == "episode_not_started"


@pytest.mark.parametrize("params", [{}, {"name": "drop"}, {"name": 3}, {"name": "read_config", "arguments": [1]}])
async def test_an_unknown_tool_is_an_error(served: Served, params: dict[str, Any]) -> None:
    assert (await ask(served, "tools/call", params))["error"]["code"] == -32602


@pytest.mark.parametrize("session", [None, 3, "", "no key", "a" * 129])
async def test_a_call_has_to_name_its_session(served: Served, session: Any) -> None:
    params = {"name": "read_config"} | ({} if session is None else {"session_id": session})
    assert (await ask(served, "tools/call", params, path="/mcp"))["error"]["code"] == -32602


async def test_a_request_id_beside_the_arguments_makes_a_call_repeatable(served: Served) -> None:
    await call(served, "reset", episode_id="e")
    one = await call(served, "read_config", metadata={"request_id": "r-1"})
    assert await call(served, "read_config", metadata={"request_id": "r-1"}) == one


async def test_the_client_of_openenv_names_its_session_and_takes_data(served: Served) -> None:
    session = (await ask(served, "openenv/session/create", path="/mcp"))["result"]["session_id"]
    named = {"session_id": session}
    await ask(served, "tools/call", {"name": "reset", "arguments": {"episode_id": "e"}, **named}, path="/mcp")
    async with served.socket(f"/ws?session_id={session}") as socket:
        seen = await socket.say({"type": "step", "data": {"action_type": "read_config"}})
        assert seen["data"]["metadata"]["episode_id"] == "e"
    called = await ask(served, "tools/call", {"name": "read_logs", **named}, path="/mcp")
    assert called["result"]["data"]["observation"]["step_count"] == 2
    refused = await ask(served, "tools/call", {"name": "read_logs", "arguments": {"x": 1}, **named}, path="/mcp")
    assert (refused["error"]["code"], refused["error"]["data"]["code"]) == (-32602, "invalid")
    closed = await ask(served, "openenv/session/close", named, path="/mcp")
    assert closed["result"] == {"session_id": session, "closed": True}
    assert (await served.client.get("/state?episode_id=e")).json()["done"] is False


async def test_two_sessions_in_one_call_are_one_too_many(served: Served) -> None:
    assert (await ask(served, "tools/call", {"name": "read_config", "session_id": "other"}))["error"]["code"] == -32602


async def test_a_socket_speaks_the_same(served: Served) -> None:
    async with served.socket(f"/sessions/{KEY}/mcp") as socket:
        assert (await socket.say("no json"))["error"]["code"] == -32700
        await socket.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        listed = await socket.say({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
        assert len(listed["result"]["tools"]) == len(tool_list())
        reset = {"name": "reset", "arguments": {"episode_id": "e"}}
        begun = await socket.say({"jsonrpc": "2.0", "id": "b", "method": "tools/call", "params": reset})
        assert (begun["id"], begun["result"]["structuredContent"]["info"]["episode_id"]) == ("b", "e")
    assert (await call(served, "read_config"))["structuredContent"]["info"]["episode_id"] == "e"


async def test_a_body_over_the_limit_is_a_problem(served: Served) -> None:
    assert_problem(await post(served, b"x" * 300_000), 413, "body_too_large")


def test_the_tool_that_submits_defines_all_that_it_refers_to() -> None:
    submit = next(each for each in tool_list() if each["name"] == "submit_diagnosis")["inputSchema"]
    assert set(submit["$defs"]) == {"Diagnosis", "PatchEntry", "TextEdit"}
    assert {one.get("type") for one in submit["properties"]["edits"]["anyOf"]} == {"array", "string", "null"}
    referred = set(re.findall(r"#/\$defs/(\w+)", json.dumps(submit)))
    assert referred == set(submit["$defs"])
