"""The model as an agent, over a real socket, with a model that may misbehave."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mlops_debug_env.agents.llm.agent import LlmAgent, LlmSettings
from mlops_debug_env.agents.llm.endpoint import Endpoint, ModelSettings, ModelUnavailableError
from mlops_debug_env.agents.llm.limits import Budget, BudgetSpentError, ModelRateLimiter, Spending
from mlops_debug_env.agents.llm.prices import Price
from mlops_debug_env.agents.llm.tools import tools_of
from mlops_debug_env.agents.llm.transcript import ModelReply, NoTranscript
from mlops_debug_env.agents.llm.usage import NOTHING_USED
from mlops_debug_env.protocol.actions import (
    Action,
    Diagnosis,
    ReadConfig,
    ReadLogs,
    RunSanityCheck,
    SubmitDiagnosis,
    action_schema,
)
from mlops_debug_env.protocol.observations import Observation, parse_result
from tests.client.scripted_model import (
    Answer,
    ScriptedModel,
    broken_body,
    calls,
    hangs,
    says,
    serving_model,
    status,
    without_usage,
)
from tests.served import Served

READ = calls(("read_config", {}))
SUBMIT = calls(("submit_diagnosis", {"root_cause_file": "config.yaml", "confidence": 0.4}))
PRICE = Price(input_usd_per_million=10.0, output_usd_per_million=100.0)


@asynccontextmanager
async def playing(*script: Answer, budget: Budget | None = None, **settings: Any) -> AsyncIterator[Player]:
    async with serving_model(script) as model:
        of_endpoint = {"timeout_seconds": 5.0, "max_retries": 2} | {
            name: settings.pop(name) for name in ("timeout_seconds", "max_retries") if name in settings
        }
        endpoint = Endpoint(
            ModelSettings(model="scripted", base_url=model.url, api_key="k", **of_endpoint),
            rate_limiter=ModelRateLimiter(requests_per_minute=None, tokens_per_minute=None),
            spending=Spending(budget or Budget(), monotonic=lambda: 0.0, before=NOTHING_USED),
            price=PRICE,
        )
        agent = LlmAgent(endpoint=endpoint, tools=tools_of(action_schema()), settings=LlmSettings(**settings))
        try:
            yield Player(agent, model)
        finally:
            await endpoint.close()


class Player:
    """Steps an agent through an episode of the served application."""

    def __init__(self, agent: LlmAgent, model: ScriptedModel) -> None:
        self.agent = agent
        self.model = model
        self.observation: Observation | None = None

    async def begin(self, served: Served, task_id: str = "easy") -> None:
        began = await served.reset(episode_id="e", task_id=task_id, seed=1)
        self.observation = parse_result(began).observation

    async def act(self) -> Action:
        assert self.observation is not None
        return await self.agent.act(self.observation)

    async def step(self, served: Served) -> Action:
        action = await self.act()
        self.observation = parse_result(await served.step("e", action.to_wire())).observation
        return action


class KeptReplies(NoTranscript):
    def __init__(self) -> None:
        self.kept: list[ModelReply] = []

    def answered(self, reply: ModelReply) -> None:
        self.kept.append(reply)


async def test_a_model_plays_with_tools(served: Served) -> None:
    read = calls(("read_logs", {"log_filter": "epoch:1"}), text="Logs first.")
    async with playing(read, SUBMIT) as player:
        await player.begin(served)
        assert await player.step(served) == ReadLogs(log_filter="epoch:1")
        assert player.agent.said == "Logs first."
        assert await player.step(served) == SubmitDiagnosis(root_cause_file="config.yaml", confidence=0.4)
    first, second = player.model.asked
    assert {tool["function"]["name"] for tool in first["tools"]} >= {"read_logs", "submit_diagnosis"}
    assert "$ref" not in json.dumps(first["tools"])
    assert [each["role"] for each in second["messages"]] == ["system", "user", "assistant", "tool"]
    assert second["messages"][3]["tool_call_id"] == second["messages"][2]["tool_calls"][0]["id"]
    used = player.agent.usage
    assert (used.calls, used.input_tokens, used.output_tokens, used.invalid_replies) == (2, 200, 20, 0)
    assert used.cost_usd == pytest.approx(200 * 10e-6 + 20 * 100e-6)


async def test_a_model_without_tools_plays_in_json(served: Served) -> None:
    text = '<think>{"action_type": "nonsense"}</think>Let me see.\n```json\n{"action_type": "read_config"}\n```'
    async with playing(says(text), mode="json") as player:
        await player.begin(served)
        assert await player.act() == ReadConfig()
        assert player.agent.said == "Let me see."
    assert "tools" not in player.model.asked[0]
    assert "run_sanity_check" in player.model.asked[0]["messages"][0]["content"]


async def test_on_the_expert_task_the_diagnosis_is_a_list_and_another_shape_is_reported(served: Served) -> None:
    entry = {"root_cause_file": "config.yaml", "confidence": 0.4}
    async with playing(SUBMIT, calls(("submit_diagnosis", {"diagnoses": [entry]}))) as player:
        await player.begin(served, "expert")
        assert await player.act() == SubmitDiagnosis(diagnoses=(Diagnosis(**entry),))
    first, second = player.model.asked
    (submit,) = [tool["function"] for tool in first["tools"] if tool["function"]["name"] == "submit_diagnosis"]
    assert set(submit["parameters"]["properties"]) == {"diagnoses"}
    assert "nothing was changed for the worse, or one thing, or two" in first["messages"][0]["content"]
    assert "a list of 0 to 2 entries" in json.dumps(second["messages"][-1])


async def test_elsewhere_a_list_is_not_offered_and_is_reported(served: Served) -> None:
    async with playing(calls(("submit_diagnosis", {"diagnoses": []})), SUBMIT) as player:
        await player.begin(served)
        assert await player.act() == SubmitDiagnosis(root_cause_file="config.yaml", confidence=0.4)
    (submit,) = [t["function"] for t in player.model.asked[0]["tools"] if t["function"]["name"] == "submit_diagnosis"]
    assert "diagnoses" not in submit["parameters"]["properties"]
    assert "one diagnosis, not diagnoses" in json.dumps(player.model.asked[1]["messages"][-1])


async def test_an_endpoint_that_refuses_tools_is_asked_in_json_from_then_on(served: Served) -> None:
    async with playing(
        status(400, "this model does not support tools"), says('{"action_type": "read_config"}')
    ) as player:
        await player.begin(served)
        await player.step(served)
        await player.step(served)
    assert ["tools" in each for each in player.model.asked] == [True, False, False]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (calls(("read_config", '{"a": [1, 2')), "not valid JSON"),
        (calls(("open_file", {"name": "x"})), "no tool 'open_file'"),
        (calls(("read_config", {"path": "x"})), "read_config was not carried out: "),
        (calls(("run_sanity_check", {"sanity_check_type": "vibes"})), "sanity_check_type"),
        (calls(("submit_diagnosis", {"confidence": 7})), "confidence"),
        (says("I would look at the logs."), "Call one of the tools"),
        (says('{"action_type": "read_config"'), "no complete JSON object"),
        (says(""), "holds no action"),
    ],
)
async def test_an_illegal_reply_is_sent_back_to_the_model_and_dropped_after_a_legal_one(
    bad: Answer, message: str, served: Served
) -> None:
    async with playing(bad, READ, SUBMIT) as player:
        await player.begin(served)
        assert await player.step(served) == ReadConfig()
        assert player.agent.usage.invalid_replies == 1
        await player.act()
    assert message in player.model.asked[1]["messages"][-1]["content"]
    assert [each["role"] for each in player.model.asked[2]["messages"]] == ["system", "user", "assistant", "tool"]


async def test_of_two_calls_at_once_the_first_is_carried_out_and_the_other_reported(served: Served) -> None:
    async with playing(calls(("read_config", {}), ("read_logs", {})), SUBMIT) as player:
        await player.begin(served)
        assert await player.step(served) == ReadConfig()
        await player.act()
    assert player.agent.usage.ignored_calls == 1
    assert "Only the first of your 2 calls" in player.model.asked[1]["messages"][3]["content"]
    called, *answered = player.model.asked[1]["messages"][2:]
    assert [each["tool_call_id"] for each in answered] == [each["id"] for each in called["tool_calls"]]
    assert "Not carried out" in answered[1]["content"]


async def test_endless_chatter_leads_to_investigative_steps_then_to_an_empty_diagnosis(served: Served) -> None:
    async with playing(says("Well, " * 5000), max_corrections=1, max_consecutive_fallbacks=2) as player:
        await player.begin(served)
        steps = [await player.step(served) for _ in range(3)]
    assert steps[0] != steps[1]
    assert steps[2] == SubmitDiagnosis(), "the heuristic never diagnoses in the model's name"
    used = player.agent.usage
    assert (used.fallback_steps, used.invalid_replies, used.calls) == (3, 6, 6)
    longest = max(len(json.dumps(each["messages"])) for each in player.model.asked)
    shortest = min(len(json.dumps(each["messages"])) for each in player.model.asked)
    assert longest < shortest + 20_000, "chatter is not carried along"


@pytest.mark.parametrize("refusal", [status(429, retry_after="0.01"), status(429), status(500), broken_body()])
async def test_a_refusal_is_retried(refusal: Answer, served: Served) -> None:
    async with playing(refusal, READ) as player:
        await player.begin(served)
        assert await player.step(served) == ReadConfig()
    assert player.agent.usage.retries == 1


async def test_a_server_that_only_refuses_is_reported_in_one_line(served: Served) -> None:
    async with playing(status(500, "out of order"), max_retries=1) as player:
        await player.begin(served)
        with pytest.raises(ModelUnavailableError, match="out of order"):
            await player.act()
    assert len(player.model.asked) == 2


async def test_a_model_that_does_not_answer_in_time_is_reported(served: Served) -> None:
    async with playing(hangs(), timeout_seconds=0.2, max_retries=0) as player:
        await player.begin(served)
        with pytest.raises(ModelUnavailableError, match="did not answer in time"):
            await player.act()


async def test_a_body_that_is_no_completion_is_reported(served: Served) -> None:
    async with playing(broken_body()) as player:
        await player.begin(served)
        with pytest.raises(ModelUnavailableError):
            await player.act()


async def test_a_wrong_key_is_reported_with_the_name_of_its_variable(served: Served) -> None:
    async with playing(status(401, "bad key")) as player:
        await player.begin(served)
        with pytest.raises(ModelUnavailableError, match="OPENAI_API_KEY"):
            await player.act()


async def test_tokens_that_the_endpoint_does_not_count_are_estimated_and_marked(served: Served) -> None:
    async with playing(without_usage('{"action_type": "read_config"}')) as player:
        await player.begin(served)
        await player.act()
    used = player.agent.usage
    assert used.estimated_tokens == used.input_tokens + used.output_tokens > 0


async def test_a_spent_budget_stops_before_the_next_call(served: Served) -> None:
    async with playing(READ, budget=Budget(tokens=150)) as player:
        await player.begin(served)
        await player.step(served)
        await player.step(served)
        with pytest.raises(BudgetSpentError, match="150 tokens"):
            await player.act()
    assert len(player.model.asked) == 2


async def test_a_context_that_is_too_long_for_the_model_is_halved(served: Served) -> None:
    too_long = status(400, "maximum context length is 4096 tokens")
    async with playing(too_long, READ) as player:
        await player.begin(served)
        assert await player.act() == ReadConfig()


@pytest.mark.parametrize(
    "first_answer",
    [READ, calls(("read_config", {}), ("read_logs", {})), says("Well.")],
    ids=["legal", "two calls", "taken for it"],
)
async def test_an_episode_is_recalled_without_asking_the_model(first_answer: Answer, served: Served) -> None:
    async with playing(first_answer, SUBMIT, max_corrections=0) as player:
        await player.begin(served)
        first = player.observation
        replies = KeptReplies()
        player.agent.transcript = replies
        action = await player.step(served)
        used = player.agent.usage
        async with playing(SUBMIT, max_corrections=0) as later:
            assert first is not None
            later.agent.restore(first, action, said="", usage=used, replies=replies.kept)
            later.observation = player.observation
            assert isinstance(await later.act(), SubmitDiagnosis)
            await player.act()
        assert later.model.asked[0]["messages"] == player.model.asked[-1]["messages"]
        assert later.agent.usage.model_dump(exclude={"latency_seconds"}) == player.agent.usage.model_dump(
            exclude={"latency_seconds"}
        )


async def test_a_check_is_run(served: Served) -> None:
    async with playing(
        calls(("run_sanity_check", {"sanity_check_type": "data_leakage", "metadata": {"a": 1}}))
    ) as player:
        await player.begin(served)
        assert await player.act() == RunSanityCheck(sanity_check_type="data_leakage")
