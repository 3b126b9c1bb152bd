"""OpenEnv's own harness plays episodes in sessions of the factory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema
import pytest

from tests.e2e.playing import Episode
from tests.e2e.running import ServerProcess

harness: Any = pytest.importorskip("openenv.core.harness", reason="needs the extra openenv")
llm: Any = pytest.importorskip("openenv.core.llm_client")
sessions: Any = pytest.importorskip("mlops_debug_env.openenv_sessions")

pytestmark = pytest.mark.openenv
Call = tuple[str, dict[str, Any]]


class ScriptedModel:
    """Makes one call a turn."""

    def __init__(self, *calls: Call) -> None:
        self._calls: Iterator[Call] = iter(calls)

    def __call__(self, messages: list[Any], tools: list[Any], sampling: dict[str, Any]) -> Any:
        name, arguments = next(self._calls)
        response = llm.LLMResponse("", [llm.ToolCall(f"call-{len(messages)}", name, arguments)])
        return harness.ModelStepResult(response)


@pytest.fixture
def factory(server: ServerProcess) -> Any:
    return sessions.MlopsDebugSessionFactory(server.url, agent="harness")


def play(session: Any, *calls: Call) -> Any:
    limits = harness.HarnessRunLimits(max_turns=len(calls))
    return harness.MCPHarnessAdapter().run_white_box(ScriptedModel(*calls), session, limits)


def test_a_harness_plays_a_numbered_task_to_its_score(factory: Any, http: httpx.Client) -> None:
    task = http.post("/mlops_debug_env/task", json={"split": "test", "index": 1}).json()["task"]
    truth = Episode(http, split="test", index=1).step("submit_diagnosis")["info"]["ground_truth"]
    diagnosis = {key: value for key, value in truth.items() if key not in ("fault_id", "accepted")}
    session = factory.create(task, seed=99)
    played = play(
        session, ("read_config", {}), ("read_logs", {}), ("read_eval_results", {}), ("submit_diagnosis", diagnosis)
    )
    verified = session.verify(played.messages)
    session.close()
    assert played.done
    assert played.metrics["tool_calls"] == 4
    assert verified.env_reward >= task["success_threshold"]
    assert verified.metrics["total_reward"] == verified.env_reward  # sparse: the rewards sum to the score
    assert 0 <= verified.env_reward <= 1


def test_calls_that_are_wrong_lose_no_rollout(factory: Any) -> None:
    session = factory.create("easy", seed=3)
    played = play(session, ("drop_tables", {}), ("read_logs", {"log_filter": 3}), ("reset", {}), ("read_config", {}))
    assert [each.result.error is not None for each in played.tool_trace] == [True, True, True, False]
    verified = session.verify(played.messages)
    session.close()
    assert (verified.env_reward, verified.metrics["truncated"], verified.metrics["steps"]) == (0.01, True, 4)


def test_the_tools_are_the_actions_and_none_that_a_harness_keeps_for_itself(factory: Any) -> None:
    session = factory.create(None)
    tools = session.list_tools()
    session.close()
    names = {each.name for each in tools}
    assert len(names) == 10
    assert not names & harness.RESERVED_TOOL_NAMES
    for each in tools:
        jsonschema.Draft202012Validator.check_schema(each.input_schema)
    (message,) = session.initial_messages()
    assert message["role"] == "user"
    assert "run_id" in message["content"] or "run-" in message["content"]
