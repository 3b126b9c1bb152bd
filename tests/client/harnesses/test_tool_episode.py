"""An episode as tools: every mistake is an answer, and a model is shown neither seed nor truth."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from mlops_debug_env.harnesses.tool_episode import IS_OVER, ToolEpisode
from mlops_debug_env.protocol.actions import action_schema
from mlops_debug_env.transport.async_client import DebugClient
from tests.e2e.running import ServerProcess

RIGHT: dict[str, Any] = {
    "failure_category": "data_leakage",
    "root_cause_file": "preprocessing.py",
    "root_cause_field": "StandardScaler.fit_transform",
    "patch": [{"file": "preprocessing.py", "field": "StandardScaler.fit_transform", "value": "train"}],
    "confidence": 0.9,
}
"""The answer to medium, seed 5."""


@pytest.fixture
async def client(server: ServerProcess) -> AsyncIterator[DebugClient]:
    async with DebugClient(server.url) as client:
        yield client


@pytest.fixture
async def episode(client: DebugClient) -> ToolEpisode:
    return await ToolEpisode.begin(client, task_id="medium", seed=5, agent="test")


async def test_the_tools_are_the_actions_and_no_lifecycle(episode: ToolEpisode) -> None:
    assert {tool.name for tool in episode.tools} == set(action_schema()["discriminator"]["mapping"])


async def test_an_episode_earns_and_ends_with_its_score(episode: ToolEpisode) -> None:
    read = await episode.call("inspect_preprocessing", {})
    assert (read.is_error, read.is_done, episode.score) == (False, False, None)
    assert "import numpy" in read.text
    await episode.call("read_logs", '{"log_filter": "epoch:2"}')
    await episode.call("run_sanity_check", {"sanity_check_type": "data_leakage"})
    ended = await episode.call("submit_diagnosis", RIGHT)
    assert (ended.is_error, ended.is_done, episode.score) == (False, True, 0.95)
    assert episode.total_reward == pytest.approx(0.95 + 2 * 0.02 + 0.01)


MISTAKES = (
    ("drop_tables", {}, "There is no tool 'drop_tables'"),
    ("reset", {}, "There is no tool 'reset'"),
    ("read_logs", {"log_filter": 3}, "log_filter"),
    ("read_logs", "{", "not valid JSON"),
    ("read_config", "[]", "must be a JSON object"),
    ("submit_diagnosis", {"diagnoses": []}, "takes one diagnosis"),
)


@pytest.mark.parametrize(("name", "arguments", "said"), MISTAKES, ids=lambda each: str(each)[:20])
async def test_a_mistaken_call_is_answered_with_what_is_wrong_and_costs_nothing(
    name: str, arguments: Any, said: str, episode: ToolEpisode, client: DebugClient
) -> None:
    answered = await episode.call(name, arguments)
    assert answered.is_error
    assert said in answered.text
    assert (await client.state()).step_count == 0


async def test_a_refused_call_costs_a_step_and_says_why(episode: ToolEpisode, client: DebugClient) -> None:
    answered = await episode.call("query_artifact", {"artifact_name": "config.yaml", "field_path": "no.such"})
    assert answered.is_error
    assert "no.such" in answered.text
    assert (await client.state()).step_count == 1


async def test_parameters_that_a_harness_fills_in_with_none_count_as_left_out(episode: ToolEpisode) -> None:
    assert not (await episode.call("read_logs", {"log_filter": None})).is_error
    assert not (await episode.call("read_config", None)).is_error


async def test_nothing_that_a_model_is_sent_names_seed_or_truth(episode: ToolEpisode) -> None:
    sent = [episode.instructions, episode.briefing, (await episode.call("submit_diagnosis", {})).text]
    assert "ground_truth" not in "".join(sent)
    assert "fault_id" not in "".join(sent)
    assert "seed" not in sent[2]
    assert (await episode.call("read_config", {})).text == IS_OVER


async def test_an_episode_that_is_left_scores_least(episode: ToolEpisode) -> None:
    await episode.call("read_config", {})
    state = await episode.finish()
    assert (episode.score, state.truncated, episode.is_done) == (0.01, True, True)
    assert (await episode.finish()).score == 0.01
