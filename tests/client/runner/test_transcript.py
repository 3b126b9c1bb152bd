"""Every request and reply of a model is in the run's folder, also where the endpoint misbehaves, and no secret is."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mlops_debug_env.exports.transcripts import read_exchanges
from mlops_debug_env.runner.run_folder import RunFolder, read_header
from tests.client.misbehaving_model import KEY, WAYS, serving_misbehaving_model
from tests.client.runner.running import command_in_process, results
from tests.client.scripted_model import calls, says, serving_model, status
from tests.e2e.running import ServerProcess

Json = dict[str, Any]
SECRET = "a-key-that-must-stay-secret"


def turns(folder: Path, kind: str) -> list[Json]:
    lines = (folder / "turns.jsonl").read_text().splitlines()
    return [each for line in lines if (each := json.loads(line))["kind"] == kind]


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_an_endpoint_that_misbehaves_in_ten_ways_is_played_to_the_end_with_each_turn_in_the_transcript(
    concurrency: int, server: ServerProcess, tmp_path: Path
) -> None:
    arguments = ("run", "--agent", "llm", "--model", "m", "--entries", "4", "--url", server.url, "--json")
    arguments += ("--out", str(tmp_path / "r"), "--concurrency", str(concurrency))
    arguments += ("--request-timeout", "1", "--temperature", "0.5")
    async with serving_misbehaving_model() as model:
        settings = {"OPENAI_API_KEY": KEY, "API_BASE_URL": model.url}
        ended = await asyncio.to_thread(command_in_process, *arguments, settings=settings)
    assert ended.returncode == 0, ended.stderr
    rows = results(tmp_path / "r")
    assert len(rows) == 4
    assert set(model.done) == {*WAYS, "answers"}
    assert {way: model.done[way] for way in WAYS[2:]} == dict.fromkeys(WAYS[2:], 4)
    # Calls that were under way together may each learn what the endpoint refuses; nothing refused is sent after that.
    assert 1 <= model.done["refuses temperature"] <= concurrency

    answered = [each["reply"] for each in turns(tmp_path / "r", "answered")]
    assert len(answered) == len(turns(tmp_path / "r", "asked"))
    refused = [each["error"] for each in answered if each["message"] is None]
    assert len(refused) == model.done["refuses max_tokens"] + model.done["refuses temperature"]
    legal = [each for each in answered if each["message"] is not None and each["problem"] is None]
    assert Counter(each["finish_reason"] for each in legal) == {"tool_calls": 8}
    assert sum(each["usage"]["retries"] for each in answered) == 5 * 4
    assert {each["problem"].split(".")[0] for each in answered if each["problem"]} == {
        "Your answer holds no action",
        "The arguments of read_logs are not valid JSON: Unterminated string starting at: line 1 column 16 (char 15)",
        "Your answer was cut off after 10 tokens; keep it short",
    }
    for row in rows:
        own = [
            each["reply"]["usage"]
            for each in turns(tmp_path / "r", "answered")
            if each["episode_id"] == row["episode_id"]
        ]
        for name in ("calls", "input_tokens", "output_tokens", "retries", "invalid_replies"):
            assert sum(each[name] for each in own) == row[name], name
    assert {each["kind"] for each in map(json.loads, (tmp_path / "r" / "turns.jsonl").read_text().splitlines())} == {
        "began",
        "asked",
        "answered",
        "acted",
        "showed",
    }


async def play(server: ServerProcess, folder: Path, script: Any, *more: str, code: int = 0, key: str = SECRET) -> Any:
    arguments = ["run", "--agent", "llm", "--model", "scripted", "--concurrency", "1", "--url", server.url]
    async with serving_model(script) as model:
        settings = {"OPENAI_API_KEY": key, "API_BASE_URL": model.url.replace("://", "://ops:hunter2hunter2@")}
        ended = await asyncio.to_thread(command_in_process, *arguments, "--out", str(folder), *more, settings=settings)
    assert ended.returncode == code, ended.stderr
    return ended, model


async def test_the_requests_of_the_transcript_are_those_that_were_received(
    server: ServerProcess, tmp_path: Path
) -> None:
    script = (
        calls(("read_config", {}), text="The config first."),
        says("Hm."),
        calls(("open_file", {})),
        calls(("submit_diagnosis", {"confidence": 0.2})),
    )
    _, model = await play(server, tmp_path / "r", script, "--entries", "1", "--temperature", "0.5")
    (episode_id,) = [each["episode_id"] for each in results(tmp_path / "r")]
    exchanges = read_exchanges(tmp_path / "r", episode_id)
    sent = [
        {**each.request.parameters, "messages": each.request.messages, "tools": each.request.tools}
        for each in exchanges
    ]
    assert sent == model.asked
    assert [each.request.turn for each in exchanges] == [1, 2, 2, 2]
    replies = [each.reply for each in exchanges if each.reply is not None]
    assert [each.problem is None for each in replies] == [True, False, False, True]
    assert replies[1].message == {"role": "assistant", "content": "Hm."}
    assert replies[2].message is not None
    assert replies[2].message["tool_calls"][0]["function"]["name"] == "open_file"


async def test_what_a_killed_run_had_asked_is_paid_for_and_kept(server: ServerProcess, tmp_path: Path) -> None:
    script = (calls(("read_config", {})), says("Hm."), says("Well."), calls(("submit_diagnosis", {})))
    await play(server, tmp_path / "r", script, "--entries", "1", "--budget-tokens", "300", code=4)
    turns_before = (tmp_path / "r" / "turns.jsonl").read_text()
    with RunFolder(tmp_path / "r", read_header(tmp_path / "r")) as folder:
        assert folder.used_before.calls == 3, "the two invalid replies led to no action"
    await play(server, tmp_path / "r", script[-1:], "--resume")
    (result,) = results(tmp_path / "r")
    assert (result["calls"], result["input_tokens"], result["invalid_replies"]) == (4, 400, 2)
    assert (tmp_path / "r" / "turns.jsonl").read_text().startswith(turns_before), "what was written stays"


async def test_no_secret_is_in_the_folder_or_printed(server: ServerProcess, tmp_path: Path) -> None:
    leaks = (
        calls(("read_config", {}), text=f"The key is {SECRET}."),
        status(400, f"bad request by {SECRET} to http://ops:hunter2hunter2@host, Authorization: Bearer abc.def"),
    )
    ended, model = await play(server, tmp_path / "r", leaks, "--entries", "1", code=1)
    assert len(model.asked) == 2
    written = "".join(each.read_text() for each in (tmp_path / "r").iterdir()) + ended.stdout + ended.stderr
    for secret in (SECRET, "hunter2", "abc.def"):
        assert secret not in written
    assert "The key is [redacted]." in written
    assert "bad request by [redacted] to http://[redacted]@host" in written


async def test_a_key_that_the_endpoint_repeats_is_not_printed(server: ServerProcess, tmp_path: Path) -> None:
    ended, _ = await play(server, tmp_path / "r", (status(401, f"no such key: {SECRET}"),), "--entries", "1", code=3)
    assert "no such key: [redacted]" in ended.stderr
    assert SECRET not in ended.stderr


AGENT_WITH_A_MODEL = '''
from mlops_debug_env import ModelReply, ModelTranscript, ModelUsage, ReadConfig, submission

class Own:
    """Asks a model of its own, here none."""

    name = "own"
    transcript: ModelTranscript
    usage = ModelUsage()
    said = ""

    def __init__(self):
        self.transcript = None
        self.messages = []

    async def act(self, observation):
        self.messages = [*self.messages, {"role": "user", "content": f"step {observation.step_count}"}]
        self.transcript.asked(self.messages, None, {"model": "own-1"})
        used = ModelUsage(calls=1, input_tokens=7, output_tokens=3)
        self.transcript.answered(ModelReply(message={"role": "assistant", "content": "I think."}, usage=used))
        self.said, self.usage = "I think.", self.usage + used
        return ReadConfig() if observation.step_count == 0 else submission(observation.task_id)
'''


def test_an_agent_of_the_user_may_keep_a_transcript_and_is_exported_as_it_asked(
    server: ServerProcess, tmp_path: Path
) -> None:
    (tmp_path / "own.py").write_text(AGENT_WITH_A_MODEL)
    arguments = ("run", "--agent", str(tmp_path / "own.py:Own"), "--entries", "1", "--url", server.url)
    ended = command_in_process(*arguments, "--out", str(tmp_path / "r"))
    assert ended.returncode == 0, ended.stderr
    (result,) = results(tmp_path / "r")
    assert (result["calls"], result["input_tokens"]) == (2, 14)
    exchanges = read_exchanges(tmp_path / "r", result["episode_id"])
    assert [len(each.request.messages) for each in exchanges] == [1, 2]
    exported = command_in_process("export", str(tmp_path / "r"), "--what", "chat")
    (row,) = [json.loads(line) for line in exported.stdout.splitlines()]
    assert [each["content"] for each in row["messages"][:2]] == ["step 0", "step 1"]
    assert row["tools"] == "[]"
