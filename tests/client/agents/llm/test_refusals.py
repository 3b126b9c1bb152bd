"""What errors of endpoints mean: by status, code and param first, and by words only where there is nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlops_debug_env.agents.llm.refusals import Meaning, Sent, meaning_of, read_refusal

SENT = Sent(
    parameters=("max_tokens", "temperature", "reasoning_effort"),
    members=("reasoning_content", "reasoning"),
    has_tools=True,
)
CODED = {"code": "unsupported_parameter"}


def read(status: int, error: Any, sent: Sent = SENT, **headers: str) -> tuple[Meaning, str]:
    return meaning_of(read_refusal(status, json.dumps(error), headers), sent)


def error(message: str, **members: Any) -> dict[str, Any]:
    return {"error": {"message": message, **members}}


@pytest.mark.parametrize(
    ("status", "body", "meaning"),
    [
        (400, error("no", **CODED, param="max_tokens"), (Meaning.PARAMETER, "max_tokens")),
        (400, error("no", **CODED, param="seed"), (Meaning.OTHER, "")),
        (400, error("no", **CODED, param="max_completion_tokens"), (Meaning.OTHER, "")),
        (400, error("Use max_completion_tokens instead of max_tokens"), (Meaning.PARAMETER, "max_tokens")),
        (400, error("max_tokens is too large: 2048; the maximum context length is 6500"), (Meaning.TOO_LONG, "")),
        (400, error("max_tokens must be at most 512"), (Meaning.ANSWER_TOO_LONG, "")),
        (400, error("it does not support tools"), (Meaning.NO_TOOLS, "")),
        (400, error("the tool call lacks a thought signature"), (Meaning.OTHER, "")),
        (400, error("the function call_1 has an id of the wrong form"), (Meaning.OTHER, "")),
        (400, error("no", code="context_length_exceeded", param="messages"), (Meaning.TOO_LONG, "")),
        (500, error("no", type="exceed_context_size_error", n_ctx=256), (Meaning.TOO_LONG, "")),
        (400, error("no", code="content_filter"), (Meaning.FILTERED, "")),
        (400, error("no", innererror={"code": "ResponsibleAIPolicyViolation"}), (Meaning.FILTERED, "")),
        (403, error("no", metadata={"reasons": ["violence"], "flagged_input": "x"}), (Meaning.FILTERED, "")),
        (403, error("no"), (Meaning.KEY, "")),
        (401, error("content_filter in words, after a wrong key"), (Meaning.KEY, "")),
        (402, error("no"), (Meaning.QUOTA, "")),
        (429, error("no", code="insufficient_quota"), (Meaning.QUOTA, "")),
        (429, error("no", type="insufficient_quota", code=None), (Meaning.QUOTA, "")),
        (429, [error("You exceeded your current quota", code=429, status="RESOURCE_EXHAUSTED")], (Meaning.BUSY, "")),
        (404, error("no endpoints found that support tool use"), (Meaning.NO_TOOLS, "")),
        (404, error("no"), (Meaning.UNKNOWN_MODEL, "")),
        (400, error("System role not supported"), (Meaning.SYSTEM, "")),
        (400, error("no", code="unsupported_value", param="messages[0].role"), (Meaning.SYSTEM, "")),
        (400, error("this model only supports streaming"), (Meaning.STREAM, "")),
        (400, error("enable_thinking must be false for non-streaming calls"), (Meaning.STREAM, "")),
        (400, error("property 'reasoning' is unsupported"), (Meaning.MEMBER, "reasoning")),
        (
            422,
            {"detail": [{"type": "extra_forbidden", "loc": ["body", "messages", 2, "assistant", "reasoning_content"]}]},
            (Meaning.MEMBER, "reasoning_content"),
        ),
        (
            422,
            {"detail": [{"type": "extra_forbidden", "loc": ["body", "reasoning_effort"], "msg": "Extra"}]},
            (Meaning.PARAMETER, "reasoning_effort"),
        ),
        (400, error("no", code="tool_use_failed", failed_generation="x"), (Meaning.BAD_OUTPUT, "")),
        (413, error("no"), (Meaning.TOO_LONG, "")),
        (
            422,
            {"error": "`inputs` tokens + `max_new_tokens` must be <= 4096", "error_type": "x"},
            (Meaning.TOO_LONG, ""),
        ),
        (400, error("prompt is too long: 208310 tokens > 200000 maximum"), (Meaning.TOO_LONG, "")),
        (400, error("The input token count (9) exceeds the maximum number of tokens"), (Meaning.TOO_LONG, "")),
        (400, error("no", code="model_not_found"), (Meaning.UNKNOWN_MODEL, "")),
        (400, [error("no", status="INVALID_ARGUMENT", details=[{"reason": "API_KEY_INVALID"}])], (Meaning.KEY, "")),
        (
            400,
            error("no", code="invalid_function_parameters", param="tools[0].function.parameters"),
            (Meaning.SCHEMA, ""),
        ),
        (400, error("no", code="unsupported_parameter", param="tools"), (Meaning.NO_TOOLS, "")),
        (503, error("Loading model", code=503), (Meaning.BUSY, "")),
        (200, error("rate limited upstream", code=429), (Meaning.BUSY, "")),
        (200, error("no credits", code=402), (Meaning.QUOTA, "")),
        (502, "<html>Bad gateway</html>", (Meaning.BUSY, "")),
    ],
)
def test_an_error_means(status: int, body: Any, meaning: tuple[Meaning, str]) -> None:
    assert read(status, body) == meaning


def test_words_about_tools_mean_nothing_where_none_were_sent() -> None:
    assert read(400, error("it does not support tools"), Sent()) == (Meaning.OTHER, "")


def test_a_provider_s_error_inside_a_router_s_is_read_and_shown() -> None:
    raw = json.dumps(error("the prompt is too long", code="context_length_exceeded"))
    body = error("Provider returned error", code=400, metadata={"raw": raw, "provider_name": "x"})
    assert read(400, body) == (Meaning.TOO_LONG, "")
    assert "the prompt is too long" in read_refusal(400, json.dumps(body), {}).text


@pytest.mark.parametrize(
    ("body", "headers", "seconds"),
    [
        ({}, {}, None),
        ({}, {"retry-after": "7"}, 7.0),
        ({}, {"retry-after": "0.25"}, 0.25),
        ({}, {"retry-after-ms": "250"}, 0.25),
        ({}, {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({}, {"retry-after": "soon"}, None),
        ([error("busy", details=[{"@type": "x/RetryInfo", "retryDelay": "35s"}])], {}, 35.0),
        ({"error": "loading", "estimated_time": 20.5}, {}, 20.5),
    ],
)
def test_the_wait_that_an_endpoint_asks_for(body: Any, headers: dict[str, str], seconds: float | None) -> None:
    assert read_refusal(429, json.dumps(body), headers).wait_seconds == seconds
