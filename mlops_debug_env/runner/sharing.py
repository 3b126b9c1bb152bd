"""Makes the transcript of one episode that a run shares with the server: the replies of the model.

Rules: 1. Secrets are replaced before anything is shortened. 2. It is bounded: texts are shortened until all of it fits into a request; of very many replies the last are kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mlops_debug_env.agents.llm.transcript import ModelReply
from mlops_debug_env.runner.redaction import Redactor

MAX_BYTES = 200_000
MAX_REPLIES = 1000
_NAMES = 2_000
"""Bytes for what stands around the replies."""
_LIMITS = (20_000, 8_000, 3_000, 1_000, 300, 100)
"""Characters of a text; the first with which the transcript fits is taken."""
_SHORTENED = " … (shortened)"
_REASONING = ("reasoning_content", "reasoning")
"""Where endpoints put what a model thought."""
_MAX_CALLS = 16


class TranscriptNotSharedError(Exception):
    """The server did not take a transcript."""


def shared_transcript(
    model: str, replies: Iterable[tuple[int, ModelReply]], said: Mapping[int, str], redactor: Redactor
) -> dict[str, Any]:
    """The transcript of an episode.

    Args:
        model: its name, or that of the agent.
        replies: each with the number of the step that it was asked for.
        said: by step, the text with an action; used for steps without replies.
        redactor: replaces secrets.
    """
    rows = [_row(step, reply) for step, reply in replies]
    replied = {each["step"] for each in rows}
    rows += [{"step": step, "text": text} for step, text in said.items() if text and step not in replied]
    rows = redactor.value(sorted(rows, key=lambda each: each["step"])[-MAX_REPLIES:])
    return {"model": model[:200], "replies": _that_fit(rows)}


def _that_fit(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with their texts shortened, and where that is not enough, the last ones."""
    for limit in _LIMITS:
        shortened = [_shortened(each, limit) for each in rows]
        if len(json.dumps(shortened)) <= MAX_BYTES - _NAMES:
            return shortened
    return _that_fit(rows[-(len(rows) // 2) :])


def _row(step: int, reply: ModelReply) -> dict[str, Any]:
    message = reply.message or {}
    calls = [each.get("function") or {} for each in message.get("tool_calls") or ()]
    row = {
        "text": _text(message.get("content")),
        "reasoning": next((text for name in _REASONING if (text := _text(message.get(name)))), ""),
        "calls": [f"{each.get('name')}({_text(each.get('arguments'))})" for each in calls[:_MAX_CALLS]],
        "problem": reply.error or reply.problem or "",
    }
    return {"step": step, **{name: value for name, value in row.items() if value}}


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _shortened(row: dict[str, Any], limit: int) -> dict[str, Any]:
    return {name: _cut(value, limit) for name, value in row.items()}


def _cut(value: Any, limit: int) -> Any:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_cut(each, limit) for each in value]
    if not isinstance(value, str) or len(value) <= limit:
        return value
    return value[: limit - len(_SHORTENED)] + _SHORTENED
