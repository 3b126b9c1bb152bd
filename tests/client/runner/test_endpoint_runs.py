"""Runs against endpoints that have their own ways: every episode has a result, and the result says what was measured."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response

from mlops_debug_env.runner.run_folder import read_failures
from tests.client.agents.llm.endpoints import SUBMITTED, call, completion, next_call, playing, raw, refusal
from tests.client.runner.running import command_in_process, results
from tests.client.scripted_model import Answer, Json, ScriptedModel, calls, serving_model
from tests.e2e.running import ServerProcess

SUBMIT = calls(("submit_diagnosis", SUBMITTED))


async def run(
    server: ServerProcess, out: Path, *answers: Answer, more: tuple[str, ...] = (), base: str = "/v1", key: str = "k"
) -> tuple[Any, ScriptedModel]:
    arguments = ["run", "--url", server.url, "--out", str(out)]
    if "--resume" not in more:
        arguments += ["--agent", "llm", "--model", "m"]
    async with serving_model(answers) as model:
        settings = {"API_BASE_URL": model.url.removesuffix("/v1") + base} | ({"OPENAI_API_KEY": key} if key else {})
        ended = await asyncio.to_thread(command_in_process, *arguments, *more, settings=settings)
    return ended, model


async def test_64_episodes_at_once_on_an_endpoint_that_refuses_a_parameter_late_have_64_results(
    server: ServerProcess, tmp_path: Path
) -> None:
    """All calls that are under way together are refused together, when the last of them has come."""
    together = asyncio.Barrier(32)
    refused = 0

    async def answer(body: Json) -> Response:
        nonlocal refused
        if "max_tokens" in body:
            refused += 1
            await together.wait()
            return refusal(400, "no", code="unsupported_parameter", param="max_tokens")
        return completion({"tool_calls": [call("submit_diagnosis", SUBMITTED)]})

    more = ("--entries", "1", "--trials", "64", "--concurrency", "32")
    ended, model = await run(server, tmp_path / "r", answer, more=more)
    assert ended.returncode == 0, ended.stderr
    rows = results(tmp_path / "r")
    assert len({each["episode_id"] for each in rows}) == len(rows) == 64
    assert (refused, len(model.asked)) == (32, 96), "each call learns it once at most"
    assert Counter(each["retries"] for each in rows) == {0: 64}


async def test_episodes_that_a_filter_stops_keep_their_place_in_the_mean_and_the_table_warns(
    server: ServerProcess, tmp_path: Path
) -> None:
    def answer(body: Json) -> Response:
        return refusal(400, "filtered", code="content_filter")

    ended, _ = await run(server, tmp_path / "r", answer, more=("--entries", "2"))
    assert ended.returncode == 0, ended.stderr
    assert [each["score"] for each in results(tmp_path / "r")] == [0.01, 0.01]
    assert list(read_failures(tmp_path / "r")) == []
    assert "warning: 10 turns were stopped by the endpoint's content filter" in ended.stdout
    summary = json.loads((tmp_path / "r" / "summary.json").read_text())
    assert (summary["overall"]["episodes"], summary["model"]["filtered_turns"]) == (2, 10)


async def test_cut_off_answers_are_warned_of_beside_the_scores_as_json(server: ServerProcess, tmp_path: Path) -> None:
    def answer(body: Json) -> Response:
        return completion({"content": None}, finish_reason="length")

    ended, _ = await run(server, tmp_path / "r", answer, more=("--entries", "1", "--json"))
    assert set(json.loads(ended.stdout)) == {"tasks"}
    assert "warning: 15 of 15 answers were cut off at --max-output-tokens" in ended.stderr
    (row,) = results(tmp_path / "r")
    assert (row["cut_off_turns"], row["fallback_steps"], row["score"]) == (15, 5, 0.01)


async def test_an_exhausted_quota_ends_the_run_with_the_first_call_as_a_wrong_key_does(
    server: ServerProcess, tmp_path: Path
) -> None:
    def answer(body: Json) -> Response:
        return refusal(429, "You exceeded your current quota", code="insufficient_quota", type="insufficient_quota")

    ended, model = await run(server, tmp_path / "r", answer, more=("--entries", "30", "--concurrency", "1"))
    assert ended.returncode == 3
    assert "the quota or the balance of the key is used up" in ended.stderr
    assert len(model.asked) == 1
    assert list(read_failures(tmp_path / "r")) == []


async def test_a_lone_surrogate_loses_no_episode_at_a_resume_either(server: ServerProcess, tmp_path: Path) -> None:
    def looks(body: Json) -> Response:
        return raw(
            completion({"content": "I look @", "tool_calls": [next_call(body)]}).body.decode().replace("@", "\\ud83d")
        )

    more = ("--entries", "1", "--budget-tokens", "100")
    ended, _ = await run(server, tmp_path / "r", looks, more=more)
    assert ended.returncode == 4, ended.stderr
    ended, model = await run(server, tmp_path / "r", looks, more=("--resume",))
    assert ended.returncode == 0, ended.stderr
    assert len(results(tmp_path / "r")) == 1
    assert model.asked[0]["messages"][2]["content"] == "I look �"


async def test_a_resumed_run_sends_the_model_s_own_messages_back_as_they_came(
    server: ServerProcess, tmp_path: Path
) -> None:
    def answer(body: Json) -> Response:
        made = next_call(body, extra_content={"google": {"thought_signature": "c2ln"}}) | {"id": "aB3dE6gH9"}
        return completion({"content": None, "reasoning_content": "Hm.", "tool_calls": [made]})

    ended, first = await run(server, tmp_path / "r", answer, more=("--entries", "1", "--budget-tokens", "200"))
    assert ended.returncode == 4, ended.stderr
    ended, later = await run(server, tmp_path / "r", answer, more=("--resume",))
    assert ended.returncode == 0, ended.stderr
    sent = later.asked[0]["messages"]
    assert sent[: len(first.asked[-1]["messages"])] == first.asked[-1]["messages"]
    assert [each["reasoning_content"] for each in sent if each["role"] == "assistant"] == ["Hm.", "Hm."]


async def test_the_version_of_an_api_and_a_key_in_a_header_reach_each_request_and_no_file(
    server: ServerProcess, tmp_path: Path
) -> None:
    base = "/openai/deployments/d?api-version=2024-10-21"
    more = ("--entries", "1", "--header", "api-key: a-key-that-stays-secret", "--header", "X-Title: mine")
    ended, model = await run(server, tmp_path / "r", playing(), more=more, base=base, key="")
    assert ended.returncode == 0, ended.stderr
    for each in model.heard:
        assert each.query_params["api-version"] == "2024-10-21"
        assert (each.headers["api-key"], each.headers["x-title"]) == ("a-key-that-stays-secret", "mine")
        assert "authorization" not in each.headers
    assert "a-key-that-stays-secret" not in "".join(each.read_text() for each in (tmp_path / "r").iterdir())


async def test_an_api_with_versions_takes_the_key_of_the_environment_as_azure_does(
    server: ServerProcess, tmp_path: Path
) -> None:
    ended, model = await run(
        server, tmp_path / "r", SUBMIT, more=("--entries", "1"), base="/v1?api-version=1", key="the-key-itself"
    )
    assert ended.returncode == 0, ended.stderr
    assert model.heard[0].headers["api-key"] == "the-key-itself"


async def test_further_members_of_the_body_and_the_effort_are_sent_recorded_and_kept_at_a_resume(
    server: ServerProcess, tmp_path: Path
) -> None:
    given = ("--entries", "1", "--extra-body", '{"top_k": 5, "provider": {"only": ["x"]}}', "--reasoning-effort", "low")
    ended, model = await run(server, tmp_path / "r", playing(), more=(*given, "--budget-tokens", "100"))
    assert ended.returncode == 4, ended.stderr
    ended, later = await run(server, tmp_path / "r", playing(), more=("--resume",))
    assert ended.returncode == 0, ended.stderr
    for each in (*model.asked, *later.asked):
        assert (each["top_k"], each["provider"], each["reasoning_effort"]) == (5, {"only": ["x"]}, "low")


PRICES = ("--input-price", "10", "--output-price", "100", "--cached-input-price", "1")


@pytest.mark.parametrize(
    "table", [{}, {"m": {"input_usd_per_million": 5.0, "output_usd_per_million": 5.0}}], ids=["alone", "over a table"]
)
async def test_prices_on_the_command_line_come_first(table: Json, server: ServerProcess, tmp_path: Path) -> None:
    (tmp_path / "prices.json").write_text(json.dumps(table))
    usage = {"prompt_tokens": 10_000, "completion_tokens": 10, "prompt_tokens_details": {"cached_tokens": 9000}}
    usage |= {"completion_tokens_details": {"reasoning_tokens": 4}, "cost": 7.0}

    def answer(body: Json) -> Response:
        return completion({"tool_calls": [call("submit_diagnosis", SUBMITTED)]}, usage=usage)

    more = ("--entries", "1", "--prices", str(tmp_path / "prices.json"), *PRICES)
    ended, _ = await run(server, tmp_path / "r", answer, more=more)
    (row,) = results(tmp_path / "r")
    assert row["cost_usd"] == pytest.approx(1000 * 10e-6 + 9000 * 1e-6 + 10 * 100e-6)
    assert (row["cached_tokens"], row["reasoning_tokens"]) == (9000, 4)
    assert "(of them 9000 cached, 4 reasoning)" in ended.stdout


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--extra-body", "{"), "--extra-body is no JSON"),
        (("--extra-body", "[]"), "--extra-body must be a JSON object"),
        (("--extra-body", '{"messages": []}'), "--extra-body must not have messages"),
        (("--header", "no colon"), "--header must be like 'Name: value'"),
        (("--input-price", "1"), "a price needs both --input-price and --output-price"),
        (("--base-url", "localhost:8000"), "must begin with http:// or https://"),
    ],
)
def test_an_option_that_cannot_be_used_is_reported_in_one_line(
    options: tuple[str, str], reason: str, server: ServerProcess, tmp_path: Path
) -> None:
    arguments = ("run", "--agent", "llm", "--model", "m", "--url", server.url, "--out", str(tmp_path / "r"), *options)
    ended = command_in_process(*arguments, settings={"OPENAI_API_KEY": "k"})
    assert ended.returncode == 2
    assert reason in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_key_that_no_header_takes_is_reported_before_anything_is_played(
    server: ServerProcess, tmp_path: Path
) -> None:
    arguments = ("run", "--agent", "llm", "--model", "m", "--url", server.url, "--out", str(tmp_path / "r"))
    ended = command_in_process(*arguments, settings={"OPENAI_API_KEY": "kéy"})
    assert ended.returncode == 2
    assert "OPENAI_API_KEY has characters that no header takes" in ended.stderr


async def test_a_line_break_after_the_key_is_not_part_of_it(server: ServerProcess, tmp_path: Path) -> None:
    ended, model = await run(server, tmp_path / "r", SUBMIT, more=("--entries", "1"), key="the-key\n")
    assert ended.returncode == 0, ended.stderr
    assert model.heard[0].headers["authorization"] == "Bearer the-key"


def test_run_and_compete_take_the_same_options_of_the_model() -> None:
    shown = [
        command_in_process(each, "--help").stdout.partition("Options of the agent llm")[2]
        for each in ("run", "compete")
    ]
    assert shown[0] == shown[1]
    assert "--reasoning-effort" in shown[0]
