"""A budget finishes what it began before it begins new episodes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from mlops_debug_env import DebugClient
from mlops_debug_env.agents.llm.limits import Budget, Spending
from mlops_debug_env.agents.llm.usage import NOTHING_USED, ModelUsage
from mlops_debug_env.runner.admission import Admission
from tests.client.runner.running import command_in_process, results
from tests.client.runner.test_transcript import turns
from tests.client.scripted_model import calls, serving_model
from tests.e2e.running import ServerProcess

CALL_TOKENS = 110
ABANDONED = "{} ended on the server; --resume picks their results up and plays the rest\n"


def reads_three_times(body: dict[str, Any]) -> Any:
    """A model whose episodes take four calls each."""
    shown = sum(each["role"] == "tool" for each in body["messages"])
    looks = [calls(("read_config", {})), calls(("read_logs", {})), calls(("inspect_preprocessing", {}))]
    submit = next(each for each in body["tools"] if each["function"]["name"] == "submit_diagnosis")
    is_list = "diagnoses" in submit["function"]["parameters"]["properties"]
    return [*looks, calls(("submit_diagnosis", {"diagnoses": []} if is_list else {}))][min(shown, 3)](body)


async def test_a_small_budget_ends_with_finished_episodes_and_one_that_goes_on_first(
    server: ServerProcess, tmp_path: Path
) -> None:
    begun = ["run", "--agent", "llm", "--model", "m", "--entries", "12", "--concurrency", "8", "--url", server.url]
    out = ["--out", str(tmp_path / "r")]

    async def play(*arguments: str) -> int:
        async with serving_model((reads_three_times,)) as model:
            settings = {"OPENAI_API_KEY": "k", "API_BASE_URL": model.url}
            return (await asyncio.to_thread(command_in_process, *arguments, settings=settings)).returncode

    spent = 18 * CALL_TOKENS
    assert await play(*begun, *out, "--budget-tokens", str(spent)) == 4
    finished = {each["episode_id"] for each in results(tmp_path / "r")}
    left = {each["episode_id"] for each in turns(tmp_path / "r", "acted")} - finished
    assert (len(finished), len(left)) == (4, 1), "18 calls are four episodes and the half of a fifth"
    assert await play("run", "--resume", "--url", server.url, *out, "--budget-tokens", str(20 * CALL_TOKENS)) == 4
    assert {each["episode_id"] for each in results(tmp_path / "r")} == finished | left


async def test_what_a_run_has_left_open_can_be_ended_on_the_server(server: ServerProcess, tmp_path: Path) -> None:
    out = ["--url", server.url, "--out", str(tmp_path / "r")]

    async def play(*arguments: str) -> tuple[int, str]:
        async with serving_model((reads_three_times,)) as model:
            settings = {"OPENAI_API_KEY": "k", "API_BASE_URL": model.url}
            ended = await asyncio.to_thread(command_in_process, *arguments, *out, settings=settings)
            return ended.returncode, ended.stdout

    begun = ("run", "--agent", "llm", "--model", "m", "--entries", "3", "--concurrency", "1")
    assert (await play(*begun, "--budget-tokens", str(6 * CALL_TOKENS)))[0] == 4
    (finished,) = results(tmp_path / "r")
    (left,) = {each["episode_id"] for each in turns(tmp_path / "r", "acted")} - {finished["episode_id"]}
    async with DebugClient(server.url, session_key=left) as client:
        assert not (await client.state()).done
        assert await play("run", "--abandon") == (0, ABANDONED.format("1 episode"))
        assert (await play("run", "--abandon"))[1] == ABANDONED.format("0 episodes"), "sent again, it changes nothing"
    async with DebugClient(server.url, session_key=left) as client:
        state = await client.state()
        assert (state.done, state.truncated, state.score) == (True, True, 0.01)
    assert (await play("run", "--resume"))[0] == 0
    rows = {each["episode_id"]: each for each in results(tmp_path / "r")}
    assert len(rows) == 3
    assert (rows[left]["truncated"], rows[left]["score"]) == (True, 0.01)


def admission(budget: Budget, *, most: int = 1000, now: list[float] | None = None) -> tuple[Admission, Spending]:
    clock = now if now is not None else [0.0]
    spending = Spending(budget, monotonic=lambda: clock[0], before=NOTHING_USED)
    usage = ModelUsage(input_tokens=most, cost_usd=most / 100)
    return Admission(spending, most=usage, monotonic=lambda: clock[0]), spending


async def test_before_any_episode_has_ended_as_many_begin_as_could_take_all_they_can() -> None:
    admitting, _ = admission(Budget(tokens=2500))
    async with admitting.episode():
        assert admitting.may_begin()
        async with admitting.episode():
            assert not admitting.may_begin()


async def test_what_episodes_in_flight_have_used_is_not_expected_again() -> None:
    admitting, spending = admission(Budget(usd=25.0))
    async with admitting.episode() as first, admitting.episode():
        used = ModelUsage(input_tokens=600, cost_usd=6.0)
        spending.add(used)
        first.usage = lambda: used
        assert not admitting.may_begin(), "6 + (10 - 6) + 10 + 10 are more than 25"


async def test_episodes_that_ended_tell_what_the_next_will_use() -> None:
    admitting, spending = admission(Budget(tokens=1000))
    async with admitting.episode() as first:
        assert not admitting.may_begin()
        used = ModelUsage(input_tokens=100)
        spending.add(used)
        first.usage, first.has_result = lambda: used, True
    async with admitting.episode(), admitting.episode():
        assert admitting.may_begin()


async def test_an_episode_waits_until_another_has_ended() -> None:
    admitting, _ = admission(Budget(tokens=1500))
    async with admitting.episode():
        waiting = asyncio.create_task(admitting.episode().__aenter__())
        await asyncio.sleep(0)
        assert not waiting.done()
    await waiting


async def test_none_begins_beside_others_that_would_not_end_in_time() -> None:
    now = [0.0]
    admitting, _ = admission(Budget(seconds=30), now=now)
    async with admitting.episode() as first:
        now[0], first.has_result = 20.0, True
    async with admitting.episode():
        assert not admitting.may_begin()


async def test_without_a_limit_all_may_begin() -> None:
    admitting, _ = admission(Budget(seconds=30))
    async with admitting.episode(), admitting.episode():
        assert admitting.may_begin()
