"""``mlops-debug compete``: a round is played by the runner of ``run``, with its folder, budget and resume."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mlops_debug_env import ReadLogs, SyncDebugClient
from tests.client.runner.ranked import RankedServer, serving_round
from tests.client.runner.running import command_in_process, results
from tests.client.scripted_model import Answer, Json, ScriptedModel, calls, serving_model
from tests.e2e.playing import open_client

DIAGNOSIS = {"failure_category": "config_error", "root_cause_file": "config.yaml", "confidence": 0.3}


def looks_once(body: Json, *, looks: int = 1) -> Any:
    """A model that reads the config and submits, on the expert task a list."""
    if sum(each["role"] == "tool" for each in body["messages"]) < looks:
        return calls(("read_config", {}), text="The config first.")(body)
    submit = next(each for each in body["tools"] if each["function"]["name"] == "submit_diagnosis")
    is_list = "diagnoses" in submit["function"]["parameters"]["properties"]
    return calls(("submit_diagnosis", {"diagnoses": [DIAGNOSIS]} if is_list else DIAGNOSIS))(body)


async def compete(
    ranked: RankedServer, key: str, *more: str, code: int = 0, script: Answer = looks_once
) -> tuple[str, ScriptedModel]:
    arguments = ["compete", "--url", ranked.url, "--api-key", key, "--concurrency", "1", *more]
    async with serving_model((script,)) as model:
        settings = {"OPENAI_API_KEY": "k", "API_BASE_URL": model.url}
        ended = await asyncio.to_thread(command_in_process, *arguments, settings=settings)
    assert ended.returncode == code, ended.stderr
    return ended.stdout + ended.stderr, model


async def test_a_model_plays_a_round_within_its_budget_and_is_resumed(ranked: RankedServer, tmp_path: Path) -> None:
    key, out = ranked.key("model"), str(tmp_path / "r")
    begun = ("--round", ranked.round, "--agent", "llm", "--model", "scripted", "--out", out)
    said, first = await compete(ranked, key, *begun, "--budget-tokens", "550", code=4)
    assert "the budget of 550 tokens is spent" in said
    assert f"go on with: mlops-debug compete --resume --out {out}" in said
    assert (len(first.asked), len(results(tmp_path / "r"))) == (5, 2)

    said, second = await compete(ranked, key, "--resume", "--out", out)
    assert said.startswith(f"{ranked.entries - 2} attempts played, 2 had been played before")
    assert len(second.asked) == 2 * ranked.entries - 5, "what the model decided before is not asked again"
    assert second.asked[0]["messages"][2]["content"] == "The config first."
    rows = results(tmp_path / "r")
    assert {each["entry"] for each in rows} == {f"{ranked.round}:{n}:1" for n in range(1, ranked.entries + 1)}
    assert {each["seed"] for each in rows} == {None}
    assert {each["calls"] for each in rows} == {2}
    (row,) = [row for row in ranked.board() if row["agent"] == "model"]
    assert (row["attempts"]["used"], row["complete"]) == (ranked.entries, True)
    assert row["score"] == pytest.approx(sum(each["score"] for each in rows) / len(rows), abs=0.2)

    exported = await asyncio.to_thread(command_in_process, "export", out, "--what", "chat")
    chats = [json.loads(line) for line in exported.stdout.splitlines()]
    assert {each["episode_id"] for each in chats} == {each["episode_id"] for each in rows}
    assert all(each["messages"][2]["content"] == "The config first." for each in chats)


def panel_of(page: str, step: int) -> str:
    """What the page of an episode shows beside one step."""
    return page.split(f'data-panel="{step}"')[1].split("</article>")[0]


async def test_what_a_model_said_stands_beside_its_actions_when_the_round_has_closed_and_not_before(
    tmp_path: Path,
) -> None:
    thought = "The config first."
    with serving_round(tmp_path) as ranked:
        key, viewer = ranked.key("model"), ranked.viewer_key()
        begun = ("--round", ranked.round, "--agent", "llm", "--model", "scripted", "--out", str(tmp_path / "r"))
        await compete(ranked, key, *begun, "--share-transcript", "--budget-tokens", "150", code=4)
        (row,) = results(tmp_path / "r")
        path = f"/episodes/{row['episode_id']}"
        rival = ranked.key("rival")
        for other in (viewer, rival):
            assert thought not in await asyncio.to_thread(ranked.page, path, other)
        assert thought in panel_of(await asyncio.to_thread(ranked.page, path, key), 1), "its player sees its own"
        await asyncio.to_thread(ranked.close_round)
        for other in (viewer, rival):
            page = await asyncio.to_thread(ranked.page, path, other)
            assert thought in panel_of(page, 1), "beside the step that it led to"
            assert thought not in panel_of(page, 2)
            assert "not part of the record" in page


def begin_with_request_ids(ranked: RankedServer, key: str) -> None:
    with SyncDebugClient(ranked.url, api_key=key) as client:
        client.reset(round=ranked.round, entry=1, attempt=1)
        client.step(ReadLogs())


def begin_without_request_ids(ranked: RankedServer, key: str) -> None:
    with open_client(ranked.url) as http:
        http.headers["Authorization"] = f"Bearer {key}"
        begun = http.post("/reset", json={"round": ranked.round, "entry": 1, "attempt": 1}).json()
        episode_id = begun["info"]["episode_id"] if "info" in begun else begun["metadata"]["episode_id"]
        stepped = http.post(f"/episodes/{episode_id}/step", json={"action": {"action_type": "read_logs"}})
        assert stepped.status_code == 200, stepped.text


@pytest.mark.parametrize("begin", [begin_with_request_ids, begin_without_request_ids])
async def test_what_another_client_has_done_of_an_attempt_is_not_done_again(
    begin: Callable[[RankedServer, str], None], ranked: RankedServer, tmp_path: Path
) -> None:
    key = ranked.key(begin.__name__.replace("_", "-"))
    await asyncio.to_thread(begin, ranked, key)
    for folder in ("first", "second"):
        arguments = ("compete", "--url", ranked.url, "--api-key", key, "--round", ranked.round, "--agent", "nop")
        ended = await asyncio.to_thread(command_in_process, *arguments, "--out", str(tmp_path / folder))
        assert ended.returncode == 0, ended.stderr
    rows = {each["entry"]: each for each in results(tmp_path / "second")}
    assert rows[f"{ranked.round}:1:1"]["steps"] == 2, "the read of the other client, and the diagnosis"
    assert ended.stdout.startswith(f"0 attempts played, {ranked.entries} had been played before")
    first = {each["entry"]: each for each in results(tmp_path / "first")}
    for name in ("score", "steps", "total_reward", "artifacts_read"):
        assert {key: row[name] for key, row in rows.items()} == {key: row[name] for key, row in first.items()}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--round", "autumn"], "has no open round 'autumn'; GET /rounds lists them"),
        (["--round", "spring", "--agent", "llm"], "no model is named; give --model or set MODEL_NAME"),
        (["--round", "spring", "--agent", "nowhere.py:Agent"], "there is no file nowhere.py"),
        (["--round", "spring", "--resume"], "--resume needs --out"),
        (["--resume", "--out", "typo"], "typo contains no run to go on with"),
        ([], "name the round with --round"),
    ],
)
def test_what_cannot_be_used_is_reported_in_one_line_and_no_attempt_begins(
    arguments: list[str], message: str, ranked: RankedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = command_in_process("compete", "--url", ranked.url, "--api-key", ranked.key("unused"), *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert message in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


async def test_a_ranked_run_is_resumed_by_compete_alone(ranked: RankedServer, tmp_path: Path) -> None:
    key, out = ranked.key("resumed"), str(tmp_path / "r")
    begun = ("--round", ranked.round, "--agent", "llm", "--model", "scripted", "--out", out)
    await compete(ranked, key, *begun, "--budget-tokens", "100", code=4)
    ended = await asyncio.to_thread(command_in_process, "run", "--url", ranked.url, "--resume", "--out", out)
    assert (ended.returncode, "was begun with mlops-debug compete" in ended.stderr) == (2, True)
    other = await asyncio.to_thread(command_in_process, "compare", out, out)
    assert (other.returncode, "ranked" in other.stderr) == (2, True)


async def test_steps_of_another_client_are_not_done_again_by_a_run_that_is_resumed(
    ranked: RankedServer, tmp_path: Path
) -> None:
    key, out = ranked.key("killed"), tmp_path / "r"
    await asyncio.to_thread(begin_with_request_ids, ranked, key)
    begun = ("--round", ranked.round, "--agent", "llm", "--model", "scripted", "--out", str(out))
    script = partial(looks_once, looks=2)
    await compete(ranked, key, *begun, "--budget-tokens", "100", code=4, script=script)
    assert results(out) == []
    await compete(ranked, key, "--resume", "--out", str(out), "--budget-tokens", "250", code=4, script=script)
    (first,) = results(out)
    assert (first["entry"], first["steps"]) == (f"{ranked.round}:1:1", 3)
    assert first["duplicate_reads"] == 0
