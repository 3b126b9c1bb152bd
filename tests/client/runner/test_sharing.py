"""``--share-transcript``: what a model said is sent to the server before the last action, redacted and bounded, and only when asked for."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from mlops_debug_env.agents.llm.transcript import ModelReply
from mlops_debug_env.runner.redaction import REDACTED, Redactor
from mlops_debug_env.runner.sharing import MAX_BYTES, shared_transcript
from tests.client.runner.running import command_in_process, results
from tests.client.scripted_model import calls, says, serving_model
from tests.e2e.playing import open_client
from tests.e2e.running import ServerProcess

SECRET = "a-key-that-must-stay-secret"
PLAY = (
    calls(("read_config", {}), text=f"The config first, with {SECRET}."),
    says("Hm, no tool."),
    calls(("submit_diagnosis", {"failure_category": "config_error", "confidence": 0.3}), text="That is it."),
)


def replies(*messages: dict[str, Any]) -> list[tuple[int, ModelReply]]:
    return [(step, ModelReply(message=message)) for step, message in enumerate(messages, 1)]


def test_text_reasoning_calls_and_problems_are_shared_in_the_order_of_steps() -> None:
    call = {"function": {"name": "read_logs", "arguments": '{"log_filter": null}'}}
    said = [
        (2, ModelReply(message={"content": None, "tool_calls": [call]})),
        (1, ModelReply(message={"content": "So.", "reasoning_content": "Since."})),
        (1, ModelReply(error="429")),
    ]
    assert shared_transcript("m", said, {2: "unused", 3: "Said only."}, Redactor())["replies"] == [
        {"step": 1, "text": "So.", "reasoning": "Since."},
        {"step": 1, "problem": "429"},
        {"step": 2, "calls": ['read_logs({"log_filter": null})']},
        {"step": 3, "text": "Said only."},
    ]


def test_secrets_are_replaced_before_texts_are_shortened() -> None:
    long = "x" * 19_980 + SECRET + "y" * 1000
    (row,) = shared_transcript("m", replies({"content": long}), {}, Redactor((SECRET,)))["replies"]
    assert SECRET[:8] not in row["text"]
    assert row["text"].endswith(" … (shortened)")
    assert (
        REDACTED in shared_transcript("m", replies({"content": SECRET}), {}, Redactor((SECRET,)))["replies"][0]["text"]
    )


@pytest.mark.parametrize(("count", "length"), [(1, 10**6), (300, 5_000), (3000, 1_000)])
def test_a_transcript_fits_into_a_request_whatever_was_said(count: int, length: int) -> None:
    transcript = shared_transcript("m", replies(*[{"content": "ß" * length}] * count), {}, Redactor())
    assert len(json.dumps(transcript).encode()) <= MAX_BYTES
    assert transcript["replies"][-1]["step"] == count


async def play(server: ServerProcess, folder: Path, *more: str) -> str:
    """The page of the episode that was played."""
    arguments = ["run", "--agent", "llm", "--model", "scripted", "--entries", "1", "--url", server.url]
    async with serving_model(PLAY) as model:
        settings = {"OPENAI_API_KEY": SECRET, "API_BASE_URL": model.url}
        ended = await asyncio.to_thread(command_in_process, *arguments, "--out", str(folder), *more, settings=settings)
    assert ended.returncode == 0, ended.stderr
    (result,) = results(folder)
    with open_client(server.url) as http:
        return http.get(f"/episodes/{result['episode_id']}").text


async def test_the_page_of_an_episode_shows_what_the_model_said_beside_its_actions(
    server: ServerProcess, tmp_path: Path
) -> None:
    page = await play(server, tmp_path / "r", "--share-transcript")
    assert page.index(f"The config first, with {REDACTED}.") < page.index("Hm, no tool.") < page.index("That is it.")
    assert "Your answer holds no action" in page
    assert SECRET not in page


async def test_without_the_option_nothing_is_shared(server: ServerProcess, tmp_path: Path) -> None:
    page = await play(server, tmp_path / "r")
    assert "The config first" not in page
    assert "not part of the record" not in page
