"""Where a reset asks for it, an action that does not fit the schema is a refused step, on every surface; else it is an error."""

from __future__ import annotations

import json
from typing import Any

import pytest

from server.settings import Settings
from tests.auditing import audit_by_settings
from tests.hand_made import HandMadeSimulation
from tests.served import Served, assert_problem, serving

WRONG: list[Any] = [
    {"action_type": "read_logs", "log_filter": 3},
    {"action_type": "drop_tables"},
    {"action_type": "query_artifact", "artifact_name": "config.yaml"},
    {"action_type": "submit_diagnosis", "confidence": 2},
    {"action_type": "submit_diagnosis", "diagnoses": []},
    {},
    "read_config",
    [],
    None,
]
READ = {"action_type": "read_config"}


async def begin(served: Served, **beside: Any) -> None:
    response = await served.client.post("/sessions/s/reset", json={"episode_id": "e", "seed": 7, **beside})
    assert response.status_code == 200


async def by_rest(served: Served, action: Any) -> dict[str, Any]:
    response = await served.client.post("/sessions/s/step", json={"action": action})
    answered: dict[str, Any] = response.json()
    return answered


async def by_socket(served: Served, action: Any) -> dict[str, Any]:
    async with served.socket("/sessions/s/ws") as socket:
        answered: dict[str, Any] = (await socket.say({"type": "step", "data": action}))["data"]
        return answered


async def by_mcp(served: Served, action: Any) -> dict[str, Any]:
    named = action if isinstance(action, dict) else {"action_type": "read_config", "arguments": action}
    arguments = {key: value for key, value in named.items() if key != "action_type"} if named is action else [action]
    params = {"name": named.get("action_type", "nothing"), "arguments": arguments}
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    response = await served.client.post("/sessions/s/mcp", content=json.dumps(request))
    answered: dict[str, Any] = response.json().get("result", {}).get("structuredContent", response.json())
    return answered


SURFACES = [by_rest, by_socket, by_mcp]


@pytest.mark.parametrize("send", SURFACES)
async def test_an_invalid_action_is_a_step_where_the_reset_says_so(served: Served, send: Any) -> None:
    await begin(served, invalid_actions="step")
    for number, action in enumerate(WRONG, start=1):
        seen = await send(served, action)
        result = seen["observation"]["last_action_result"]
        assert (result["status"], result["reason"]) == ("refused", "invalid_action"), action
        assert result["message"].startswith("this is no valid action: ") and result["message"].endswith(
            "the step is spent"
        )
        assert (seen["reward"], seen["done"], seen["observation"]["step_count"]) == (0.0, False, number)
    assert (await send(served, READ))["reward"] == 0.02


@pytest.mark.parametrize("send", SURFACES)
@pytest.mark.parametrize("beside", [{}, {"invalid_actions": "error"}])
async def test_elsewhere_it_is_an_error_and_costs_nothing(served: Served, send: Any, beside: dict[str, Any]) -> None:
    await begin(served, **beside)
    for action in WRONG:
        assert "observation" not in await send(served, action), action
    state = (await served.client.get("/sessions/s/state")).json()
    assert (state["step_count"], state["done"]) == (0, False)


async def test_the_last_step_may_be_an_invalid_action(served: Served) -> None:
    await begin(served, invalid_actions="step")
    seen = [await by_rest(served, {}) for _ in range(21)]
    assert [each["done"] for each in seen] == [False] * 19 + [True] * 2
    assert seen[19]["info"]["score"] == 0.01


@pytest.mark.both_backends
async def test_it_is_repeated_replayed_and_audited_like_any_step(settings: Settings) -> None:
    async with serving(settings) as served:
        await begin(served, invalid_actions="step")
        body = {"action": WRONG[0], "request_id": "r-1"}
        first = await served.client.post("/sessions/s/step", json=body)
    async with serving(settings) as served:
        again = await served.client.post("/sessions/s/step", json=body)
        assert (again.content, first.json()["observation"]["step_count"]) == (first.content, 1)
        other = await served.client.post("/sessions/s/step", json={**body, "action": WRONG[1]})
        assert_problem(other, 409, "request_id_reused")
        wrong_shape = {"action": {"action_type": "submit_diagnosis", "diagnoses": []}, "request_id": "r-2"}
        twice = [await served.client.post("/sessions/s/step", json=wrong_shape) for _ in range(2)]
        assert twice[0].content == twice[1].content
        kinds = [each["kind"] for each in (await served.client.get("/episodes/e/events")).json()]
        assert kinds == ["reset", "refuse", "refuse"]
        async with served.socket("/sessions/s/ws") as socket:  # whose answer was lost with an older socket
            seen = await socket.say({"type": "step", "data": wrong_shape["action"]})
            assert seen["data"]["metadata"]["version"] == 3
    assert (await audit_by_settings(settings, HandMadeSimulation(), "e")).findings == ()


async def test_what_the_agent_wrote_is_told_in_few_printable_letters(served: Served) -> None:
    await begin(served, invalid_actions="step")
    seen = await by_rest(served, {"action_type": "x\u0000\n\u202e" * 1000})
    message = seen["observation"]["last_action_result"]["message"]
    assert message.isprintable()
    assert len(message) < 400


async def test_what_is_wrong_around_an_action_stays_an_error(served: Served) -> None:
    await begin(served, invalid_actions="step")
    for body in (b"no json", b"[]", b'{"action": {"action_type": "read_config"}, "expected_version": "x"}'):
        assert (await served.client.post("/sessions/s/step", content=body)).status_code in (400, 422)
    assert (await served.client.get("/sessions/s/state")).json()["step_count"] == 0
