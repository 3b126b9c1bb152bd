"""``mlops-debug run --agent llm`` against a server process and a scripted model, both on real sockets."""

from __future__ import annotations

import asyncio
import json
import random
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from mlops_debug_env.runner.run_folder import read_failures
from tests.client.runner.running import command, command_in_process, ended_while_playing, results, without_names
from tests.client.scripted_model import Answer, calls, says, serving_model, status
from tests.e2e.running import ServerProcess

PLAY = (
    calls(("read_config", {}), text="The config first."),
    says("Hm."),
    calls(("read_logs", {"log_filter": "epoch:1-2"})),
    calls(
        ("submit_diagnosis", {"failure_category": "config_error", "root_cause_file": "config.yaml", "confidence": 0.3})
    ),
)
PRICES = {"scripted": {"input_usd_per_million": 1.0, "output_usd_per_million": 2.0}}


async def evaluate(
    server: ServerProcess, folder: Path, script: tuple[Answer, ...], *more: str, run: Any = command_in_process
) -> Any:
    """Run one agent against the script; how the run ended."""
    (folder / "prices.json").write_text(json.dumps(PRICES))
    arguments = ["run", "--agent", "llm", "--model", "scripted", "--concurrency", "1", "--url", server.url]
    arguments += ["--out", str(folder / "r"), "--prices", str(folder / "prices.json"), *more]
    async with serving_model(script) as model:
        settings = {"OPENAI_API_KEY": "k", "API_BASE_URL": model.url}
        ended = await asyncio.to_thread(run, *arguments, settings=settings)
    return ended, model


async def test_a_model_is_evaluated_with_its_costs(server: ServerProcess, tmp_path: Path) -> None:
    ended, _ = await evaluate(server, tmp_path, PLAY, "--entries", "1", run=command)
    assert ended.returncode == 0, ended.stderr
    (result,) = results(tmp_path / "r")
    assert (result["steps"], result["confidence"], result["agent"], result["model"]) == (3, 0.3, "llm", "scripted")
    assert (result["calls"], result["invalid_replies"], result["fallback_steps"]) == (4, 1, 0)
    assert result["cost_usd"] == pytest.approx(4 * (100 * 1e-6 + 10 * 2e-6))
    assert "1 invalid reply, " in ended.stdout


async def test_the_lines_of_the_hackathon(server: ServerProcess, tmp_path: Path) -> None:
    ended, _ = await evaluate(server, tmp_path, PLAY, "--entries", "1", "--log-format", "openenv")
    lines = ended.stdout.splitlines()
    assert lines[0] == "[START] task=easy env=mlops-debug model=scripted"
    assert lines[1] == "[STEP] step=1 action=read_config() reward=0.02 done=false error=null"
    assert lines[2] == '[STEP] step=2 action=read_logs(log_filter="epoch:1-2") reward=0.02 done=false error=null'
    assert lines[3].startswith('[STEP] step=3 action=submit_diagnosis(failure_category="config_error",')
    assert re.fullmatch(
        r"\[END\] success=(true|false) steps=3 score=\d\.\d\d rewards=0\.02,0\.02,\d\.\d\d", lines[-1]
    ), lines[-1]
    assert len(lines) == 5


async def test_a_call_that_is_refused_fails_episodes_apart_from_scores_and_they_are_retried_on_resume(
    server: ServerProcess, tmp_path: Path
) -> None:
    ended, _ = await evaluate(server, tmp_path, (status(400, "no such engine"),), "--entries", "3")
    assert ended.returncode == 1
    assert "3 episodes failed" in ended.stderr
    assert results(tmp_path / "r") == []
    failures = list(read_failures(tmp_path / "r"))
    assert {each.kind for each in failures} == {"ModelUnavailableError"}
    assert "no such engine" in failures[0].message

    ended, _ = await evaluate(server, tmp_path, PLAY[-1:], "--resume")
    assert ended.returncode == 0, ended.stderr
    assert {each["episode_id"] for each in results(tmp_path / "r")} == {each.episode_id for each in failures}


async def test_a_run_whose_budget_is_spent_goes_on_with_more_and_asks_nothing_twice(
    server: ServerProcess, tmp_path: Path
) -> None:
    ended, first = await evaluate(server, tmp_path, PLAY, "--entries", "1", "--budget-tokens", "300")
    assert ended.returncode == 4, ended.stderr
    assert "the budget of 300 tokens is spent" in ended.stderr
    assert len(first.asked) == 3

    ended, second = await evaluate(server, tmp_path, PLAY[-1:], "--resume", "--budget-tokens", "1000")
    assert ended.returncode == 0, ended.stderr
    (result,) = results(tmp_path / "r")
    assert len(second.asked) == 1, "what the model decided before is not asked again"
    assert result["calls"] == 4, "and is still paid for"
    assert result["steps"] == 3
    roles = [each["role"] for each in second.asked[0]["messages"]]
    assert roles == ["system", "user", "assistant", "tool", "assistant", "tool"]
    assert second.asked[0]["messages"][2]["content"] == "The config first."


async def test_ten_failures_in_a_row_end_the_run(server: ServerProcess, tmp_path: Path) -> None:
    ended, model = await evaluate(server, tmp_path, (status(400, "no such engine"),), "--entries", "30")
    assert ended.returncode == 3
    assert "10 episodes in a row failed" in ended.stderr
    assert len(model.asked) == 10


@pytest.mark.parametrize(
    ("code", "message"), [(401, "refuses the key in OPENAI_API_KEY"), (404, "does not know the model")]
)
async def test_a_wrong_key_or_model_ends_the_run_with_the_first_call(
    code: int, message: str, server: ServerProcess, tmp_path: Path
) -> None:
    script = (status(code, "not for you"),)
    ended, model = await evaluate(server, tmp_path, script, "--entries", "30", "--log-format", "openenv")
    assert ended.returncode == 3
    assert message in ended.stderr
    assert ended.stderr.splitlines()[-1].startswith("error: ")
    assert (len(model.asked), list(read_failures(tmp_path / "r"))) == (1, [])
    assert ended.stdout.splitlines()[-1] == "[END] success=false steps=0 score=0.00 rewards="


def plays_by_the_book(body: dict[str, Any]) -> Any:
    """A model whose answer follows from what it was shown, as a real one's with temperature 0 does."""
    shown = sum(each["role"] == "tool" for each in body["messages"])
    confidence = len(body["messages"][1]["content"]) % 100 / 100
    submit = calls(("submit_diagnosis", {"root_cause_file": "config.yaml", "confidence": confidence}))
    return (*([calls(("read_config", {})), calls(("read_logs", {}))]), submit)[min(shown, 2)](body)


@pytest.mark.slow
async def test_a_model_killed_at_random_and_resumed_gives_the_same_results_and_is_not_asked_again(
    server: ServerProcess, tmp_path: Path
) -> None:
    asked = ("run", "--agent", "llm", "--model", "scripted", "--entries", "9", "--trials", "2", "--concurrency", "4")
    draw = random.Random(3)
    kills = 0
    async with serving_model((plays_by_the_book,)) as model:
        settings = {"OPENAI_API_KEY": "k", "API_BASE_URL": model.url}
        whole, killed = tmp_path / "whole", tmp_path / "killed"
        ended = await asyncio.to_thread(
            command, *asked, "--url", server.url, "--out", str(whole), "--json", settings=settings
        )
        assert ended.returncode == 0, ended.stderr
        calls_undisturbed = len(model.asked)
        begun = (*asked, "--url", server.url, "--out", str(killed))
        resumed = (*begun, "--resume")
        for go in range(5):
            arguments = resumed if go else begun
            was_running, _ = await asyncio.to_thread(ended_while_playing, killed, draw, *arguments, settings=settings)
            kills += was_running
        last = await asyncio.to_thread(command, *resumed, "--json", settings=settings)
    assert last.stdout == ended.stdout
    plain, rows = results(whole), results(killed)
    assert len({each["episode_id"] for each in rows}) == len(rows) == 18
    ticking = ("latency_seconds", "retries")
    for each in (*plain, *rows):
        for name in ticking:
            each.pop(name)
    assert without_names(rows) == without_names(plain)
    more = len(model.asked) - 2 * calls_undisturbed
    print(f"{kills} kills, {calls_undisturbed} calls undisturbed, {more} more with kills")
    assert more <= kills * 4, "only calls that were under way when the run was killed are made again"


async def test_a_folder_of_version_0_1_0_is_resumed_and_exported(server: ServerProcess, tmp_path: Path) -> None:
    """It holds one finished episode, and one in which the model had used 300 tokens for two actions; no request is recorded."""
    shutil.copytree(Path(__file__).parent / "run-of-0.1.0", tmp_path / "r")
    (before,) = results(tmp_path / "r")
    ended, model = await evaluate_again(server, tmp_path, PLAY[-1:])
    assert ended.returncode == 0, ended.stderr
    assert len(model.asked) == 1, "what the model decided before is not asked again"
    first, second = results(tmp_path / "r")
    assert first == before
    assert (second["steps"], second["calls"], second["invalid_replies"]) == (3, 4, 1)
    exported = await asyncio.to_thread(command_in_process, "export", str(tmp_path / "r"), "--what", "chat")
    rows = [json.loads(line) for line in exported.stdout.splitlines()]
    assert [row["messages"][2]["content"] for row in rows] == ["The config first.", "Again the config."]


async def evaluate_again(server: ServerProcess, folder: Path, script: tuple[Answer, ...]) -> Any:
    async with serving_model(script) as model:
        settings = {"OPENAI_API_KEY": "k", "API_BASE_URL": model.url}
        arguments = ("run", "--resume", "--url", server.url, "--out", str(folder / "r"))
        ended = await asyncio.to_thread(command_in_process, *arguments, settings=settings)
    return ended, model
