"""The messages of an exported transcript are those that a scripted model received."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.client.runner.running import command_in_process
from tests.client.scripted_model import Answer, Json, ScriptedModel, calls, says, serving_model, status
from tests.e2e.running import ServerProcess

TASKS = ("easy", "medium", "hard", "expert")
ONE = {"failure_category": "config_error", "root_cause_file": "config.yaml", "confidence": 0.3}
LOOK = (
    calls(("read_config", {}), ("read_logs", {}), text="The config first."),
    calls(("inspect_preprocessing", {}), text="The code."),
    calls(("read_logs", {"log_filter": "epoch:1-2"})),
    says("Hm."),
)


def said(action_type: str, **beside: Any) -> Answer:
    return says(json.dumps({"action_type": action_type, **beside}))


def submitted(task_id: str) -> Json:
    return {"diagnoses": [ONE]} if task_id == "expert" else ONE


IN_TOOLS = tuple(answer for task_id in TASKS for answer in (*LOOK, calls(("submit_diagnosis", submitted(task_id)))))
IN_JSON = tuple(
    answer
    for task_id in TASKS
    for answer in (said("read_config"), says("Hm."), said("submit_diagnosis", **submitted(task_id)))
)


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """One entry for each task."""
    path = tmp_path / "four.json"
    entries = [{"task_id": task_id, "seed": 3} for task_id in TASKS]
    path.write_text(json.dumps({"name": "four", "generator_version": "5", "entries": entries}))
    return path


async def play(
    server: ServerProcess, suite: Path, folder: Path, script: tuple[Answer, ...], *more: str, code: int = 0
) -> ScriptedModel:
    arguments = ["run", "--agent", "llm", "--model", "scripted", "--concurrency", "1", "--url", server.url]
    async with serving_model(script) as model:
        settings = {"OPENAI_API_KEY": "k", "API_BASE_URL": model.url}
        asked = [*arguments, "--out", str(folder), *([] if "--resume" in more else ["--suite", str(suite)]), *more]
        ended = await asyncio.to_thread(command_in_process, *asked, settings=settings)
    assert ended.returncode == code, ended.stderr
    return model


async def chat(*folders: Path) -> dict[str, Json]:
    """Task to row."""
    ended = await asyncio.to_thread(command_in_process, "export", "--what", "chat", *map(str, folders))
    assert ended.returncode == 0, ended.stderr
    rows = [json.loads(line) for line in ended.stdout.splitlines()]
    return {row["task_id"]: row for row in rows}


def requests_by_episode(model: ScriptedModel) -> list[list[Json]]:
    """What was received, in the order of the suite: each briefing names another run."""
    found: dict[str, list[Json]] = {}
    for each in model.asked:
        found.setdefault(each["messages"][1]["content"], []).append(each)
    return list(found.values())


def as_sent(messages: list[Json]) -> list[Json]:
    """Without the columns that only a table has; a message without text has none here, and an empty one in a table."""
    return [{name: value for name, value in each.items() if value not in (None, "")} for each in messages]


def assert_is_what_was_sent(row: Json, requests: list[Json]) -> None:
    latest = requests[-1]
    messages = as_sent(row["messages"])
    assert messages[: len(latest["messages"])] == as_sent(latest["messages"])
    assert [each["role"] for each in messages[len(latest["messages"]) :]] in (
        ["assistant", "tool"],
        ["assistant", "user"],
    )
    assert json.loads(row["tools"]) == latest.get("tools", [])


async def test_a_conversation_with_tools_is_what_the_endpoint_received(
    server: ServerProcess, suite: Path, tmp_path: Path
) -> None:
    model = await play(server, suite, tmp_path / "r", IN_TOOLS)
    rows = await chat(tmp_path / "r")
    assert set(rows) == set(TASKS)
    for task_id, requests in zip(TASKS, requests_by_episode(model), strict=True):
        assert_is_what_was_sent(rows[task_id], requests)
        assert "Only the first of your 2 calls" in rows[task_id]["messages"][3]["content"]
        ((said,),) = (each["tool_calls"] for each in rows[task_id]["messages"][-2:-1])
        assert json.loads(said["function"]["arguments"]) == submitted(task_id)


async def test_a_conversation_in_json_is_what_the_endpoint_received(
    server: ServerProcess, suite: Path, tmp_path: Path
) -> None:
    model = await play(server, suite, tmp_path / "r", IN_JSON, "--tool-mode", "json")
    rows = await chat(tmp_path / "r")
    for task_id, requests in zip(TASKS, requests_by_episode(model), strict=True):
        assert "tools" not in requests[-1]
        assert_is_what_was_sent(rows[task_id], requests)


async def test_a_model_that_turned_out_to_take_no_tools_was_sent_none(
    server: ServerProcess, suite: Path, tmp_path: Path
) -> None:
    refuses = status(400, "this model does not support tools")
    script = tuple(answer for task in range(4) for answer in (refuses, *IN_JSON[3 * task : 3 * task + 3]))
    model = await play(server, suite, tmp_path / "r", script)
    rows = await chat(tmp_path / "r")
    for task_id, requests in zip(TASKS, requests_by_episode(model), strict=True):
        assert "tools" in requests[0]
        assert_is_what_was_sent(rows[task_id], requests)


async def test_a_conversation_that_went_on_in_another_run_is_what_the_endpoint_received_there(
    server: ServerProcess, suite: Path, tmp_path: Path
) -> None:
    first = await play(server, suite, tmp_path / "r", IN_TOOLS, "--entries", "1", "--budget-tokens", "300", code=4)
    assert len(first.asked) == 3
    later = await play(server, suite, tmp_path / "r", IN_TOOLS[3:5], "--resume", "--budget-tokens", "9000")
    rows = await chat(tmp_path / "r")
    (requests,) = requests_by_episode(later)
    assert_is_what_was_sent(rows["easy"], requests)
    assert requests[-1]["messages"][: len(first.asked[-1]["messages"])] == first.asked[-1]["messages"]


async def test_results_that_were_folded_for_the_model_are_folded_in_the_export(
    server: ServerProcess, suite: Path, tmp_path: Path
) -> None:
    model = await play(server, suite, tmp_path / "r", IN_TOOLS, "--context-tokens", "4000")
    rows = await chat(tmp_path / "r")
    for task_id, requests in zip(TASKS, requests_by_episode(model), strict=True):
        assert_is_what_was_sent(rows[task_id], requests)
    assert any('"folded":true' in each["content"] for row in rows.values() for each in row["messages"])


async def test_an_agent_without_a_model_has_the_prompt_and_the_tools_that_a_model_is_sent(
    server: ServerProcess, suite: Path, tmp_path: Path
) -> None:
    model = await play(server, suite, tmp_path / "r", IN_TOOLS)
    asked = ("--agent", "constant", "--suite", str(suite), "--url", server.url, "--out", str(tmp_path / "c"))
    assert (await asyncio.to_thread(command_in_process, "run", *asked)).returncode == 0
    rows = await chat(tmp_path / "c")
    for task_id, requests in zip(TASKS, requests_by_episode(model), strict=True):
        assert as_sent(rows[task_id]["messages"][:2]) == requests[0]["messages"]
        assert json.loads(rows[task_id]["tools"]) == requests[0]["tools"]


async def test_a_model_s_folder_without_requests_gives_what_was_sent(
    server: ServerProcess, suite: Path, tmp_path: Path
) -> None:
    model = await play(server, suite, tmp_path / "r", IN_TOOLS)
    turns = tmp_path / "r" / "turns.jsonl"
    lines = turns.read_text().splitlines(keepends=True)
    older = [line for line in lines if '"kind":"asked"' not in line]
    assert len(older) < len(lines)
    turns.write_text("".join(older))
    rows = await chat(tmp_path / "r")
    for task_id, requests in zip(TASKS, requests_by_episode(model), strict=True):
        # What was objected to an illegal answer was not on record.
        sent = requests[-2]["messages"]
        assert as_sent(rows[task_id]["messages"])[: len(sent)] == as_sent(sent)
        assert json.loads(rows[task_id]["tools"]) == requests[-1]["tools"]


async def test_a_pair_is_of_episodes_that_have_the_same_prompt_and_tools(
    server: ServerProcess, suite: Path, tmp_path: Path
) -> None:
    await play(server, suite, tmp_path / "json", IN_JSON, "--tool-mode", "json")
    for agent in ("heuristic", "constant"):
        asked = ("--agent", agent, "--suite", str(suite), "--url", server.url, "--out", str(tmp_path / agent))
        assert (await asyncio.to_thread(command_in_process, "run", *asked)).returncode == 0
    folders = [str(tmp_path / name) for name in ("json", "heuristic", "constant")]
    alone = await asyncio.to_thread(command_in_process, "export", "--what", "preference", *folders[:2])
    assert (alone.returncode, alone.stdout) == (0, "")
    both = await asyncio.to_thread(command_in_process, "export", "--what", "preference", *folders)
    rows = [json.loads(line) for line in both.stdout.splitlines()]
    assert {row["entry"] for row in rows} <= {f"{task_id}-3" for task_id in TASKS}
    assert rows
    for row in rows:
        assert row["rejected"][0]["tool_calls"] and json.loads(row["tools"])
