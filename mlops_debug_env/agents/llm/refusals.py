"""What an endpoint's error means, read from status, `code` and `param` before its words.

Rule: words decide only where an endpoint gives nothing else, and only between meanings that the request makes possible.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from mlops_debug_env.agents.llm.json_text import UnreadableJsonError, read_json
from mlops_debug_env.transport.retry import read_retry_after

Json = Mapping[str, Any]

_MAX_TEXT = 300


class Meaning(Enum):
    """What follows from an error."""

    BUSY = "the same request may be answered later"
    KEY = "the key is refused"
    UNKNOWN_MODEL = "there is no such model or address"
    QUOTA = "nothing is answered before somebody pays"
    FILTERED = "the messages are refused for their content"
    TOO_LONG = "the messages do not fit the model"
    ANSWER_TOO_LONG = "the bound on an answer is more than the model can give"
    PARAMETER = "a parameter is not taken"
    MEMBER = "a member of a message is not taken"
    SYSTEM = "a system message is not taken"
    STREAM = "answers are given as streams only"
    NO_TOOLS = "tools are not taken"
    SCHEMA = "the schema of a tool is not taken"
    ONE_CALL = "a message with several calls is not taken back"
    BAD_OUTPUT = "the model wrote a call that the endpoint could not read"
    OTHER = "the request is refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What of the refused request may be what is refused."""

    parameters: Collection[str] = ()
    """Names of the parameters that may be left out."""
    members: Collection[str] = ()
    """Members of the model's messages that not every endpoint takes."""
    has_tools: bool = False
    has_full_schemas: bool = True
    has_several_calls: bool = False
    has_system: bool = True
    is_stream: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An endpoint's error."""

    status: int
    codes: frozenset[str] = frozenset()
    """Values of `code`, `type`, `status`, `reason` and the like, in lower case."""
    param: str = ""
    text: str = ""
    """In one line, for people."""
    wait_seconds: float | None = None
    """As `Retry-After` or the body says; None: neither does."""
    generation: str = ""
    """What the model had written, where the endpoint repeats it."""
    may_retry: bool | None = None
    """As the endpoint says; None: it does not."""


@dataclass(slots=True)
class _Found:
    """What the parts of an error's body say, the outermost first."""

    codes: set[str] = field(default_factory=set)
    status: int | None = None
    param: str = ""
    texts: list[str] = field(default_factory=list)
    wait_seconds: float | None = None
    generation: str = ""


def read_refusal(status: int, text: str, headers: Mapping[str, str]) -> Refusal:
    """The error of a response."""
    try:
        body: Any = read_json(text)
    except UnreadableJsonError:
        body = text if "<" not in text[:50] else ""  # a page of a proxy says nothing
    return refusal_of(status, body, headers)


def refusal_of(status: int, body: Any, headers: Mapping[str, str]) -> Refusal:
    """The error that a body describes."""
    found = _Found()
    for part in _parts(body):
        _take(found, part)
    if isinstance(body, str) and body.strip():
        found.texts.append(body)
    wait = _header_seconds(headers)
    if status < 400:
        status = found.status if found.status is not None and found.status >= 400 else 502
    told = headers.get("x-should-retry")
    words = "; ".join(dict.fromkeys(" ".join(each.split()) for each in found.texts))
    return Refusal(
        status=status,
        codes=frozenset(found.codes),
        param=found.param,
        text=f"status {status}: {words[:_MAX_TEXT] or 'no reason is given'}",
        wait_seconds=found.wait_seconds if wait is None else wait,
        generation=found.generation,
        may_retry=None if told not in ("true", "false") else told == "true",
    )


def meaning_of(refusal: Refusal, sent: Sent) -> tuple[Meaning, str]:
    """What an error means, and which parameter or member it is about; empty: none."""
    if refusal.status == 404 and sent.has_tools and _WORDS_OF_NO_TOOLS.search(refusal.text.lower()):
        return Meaning.NO_TOOLS, ""  # a router found no provider whose model takes them
    by_status = _by_status(refusal)
    if by_status is not None:
        return by_status, ""
    by_code = _by_code(refusal, sent)
    if by_code is not None:
        return by_code
    return _by_words(refusal, sent) if refusal.status in _FOR_REQUESTS else (Meaning.OTHER, "")


def blames_the_output(refusal: Refusal) -> bool:
    """Whether a server failed because it could not read the call that the model had written."""
    text = refusal.text.lower()
    return (
        refusal.status >= 500
        and re.search(r"pars.{0,80}(tool|function)[ _-]?call|(tool|function)[ _-]?call.{0,80}pars", text) is not None
    )


_FOR_REQUESTS = (400, 413, 422)
_PASSING = (408, 409, 424, 425, 429)
_QUOTA = {
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "insufficient_balance",
    "insufficient_credits",
    "quota_exceeded_permanently",
    "exceeded_current_quota_error",
    "access_terminated",
}
_KEY = {"invalid_api_key", "api_key_invalid", "authentication_error", "unauthenticated"}
_MODEL = {"model_not_found", "model_not_available", "invalid_model", "deploymentnotfound"}
_CONTEXT = {
    "context_length_exceeded",
    "exceed_context_size_error",
    "string_above_max_length",
    "context_window_exceeded",
}
_FILTER = {
    "content_filter",
    "content_policy_violation",
    "responsibleaipolicyviolation",
    "data_inspection_failed",
    "datainspectionfailed",
    "invalid_prompt",
    "moderation",
}
_BAD_OUTPUT = {"tool_use_failed", "tool_call_parse_error", "output_parse_failed"}
_NOT_TAKEN = ("unsupported", "unknown", "unrecognized", "extra_forbidden", "not_supported")
_LIMITS = ("max_completion_tokens", "max_tokens")


def _by_status(refusal: Refusal) -> Meaning | None:
    status, codes = refusal.status, refusal.codes
    if codes & _FILTER:
        return Meaning.FILTERED
    if status == 402 or (
        status in (400, 403, 429) and (codes & _QUOTA or _WORDS_OF_BALANCE.search(refusal.text.lower()))
    ):
        return Meaning.QUOTA
    if status in (401, 403) or (status == 400 and codes & _KEY):
        return Meaning.KEY
    if status in (301, 302, 303, 404, 405) or (status == 400 and codes & _MODEL):
        return Meaning.UNKNOWN_MODEL
    if codes & _CONTEXT or status == 413:
        return Meaning.TOO_LONG
    if codes & _BAD_OUTPUT:
        return Meaning.BAD_OUTPUT
    if status in _PASSING or (status >= 500 and status not in (501, 505)):
        return Meaning.BUSY
    return None


def _by_code(refusal: Refusal, sent: Sent) -> tuple[Meaning, str] | None:
    """The meaning by `code` and `param`; None: they do not tell."""
    if refusal.param.startswith(("tools", "functions")) and len(refusal.param) > len("functions") and sent.has_tools:
        return (Meaning.SCHEMA if sent.has_full_schemas else Meaning.NO_TOOLS), ""
    if not refusal.param or not any(each.startswith(_NOT_TAKEN) for each in refusal.codes):
        return None
    names = re.findall(r"\w+", refusal.param) or [""]
    if names[0] in sent.parameters:
        return Meaning.PARAMETER, names[0]
    if names[-1] in sent.members and "messages" in names:
        return Meaning.MEMBER, names[-1]
    if "messages" in names and names[-1] == "role" and sent.has_system:
        return Meaning.SYSTEM, ""
    if names[0] in ("tools", "tool_choice", "functions") and sent.has_tools and len(names) == 1:
        return Meaning.NO_TOOLS, ""
    if names[0] == "stream" and not sent.is_stream:
        return Meaning.STREAM, ""
    return None


_WORDS_OF_CONTEXT = re.compile(
    r"context.{0,12}(length|window|size|limit)|maximum context|(prompt|input|request|messages?) (is|are|was) too (long|large)"
    r"|too many (input )?tokens|exceeds? the (model'?s )?(maximum|available|max).{0,30}(context|tokens|length)"
    r"|`?inputs`? (tokens|must have less)|input token count"
)
_WORDS_OF_FILTER = re.compile(
    r"content management policy|content[ _-]filter|content polic|usage polic|safety (system|filter|polic)"
    r"|inappropriate content|flagged (as|by|for)|prohibited"
)
_WORDS_OF_STREAM = re.compile(
    r"non-stream|only supports? stream|stream(ing)? (is required|only|must be)|stream\W{0,4}(to )?true|stream=`?f"
)
_WORDS_OF_NO_SYSTEM = re.compile(
    r"system (role|messages?) (is |are )?(not supported|unsupported)|not support.{0,20}system (role|message)"
)
_WORDS_OF_NO_TOOLS = re.compile(
    r"(not|n't) support.{0,30}\b(tools?|function)|(tools?|tool.use|tool.choice|function.call\w*) (is|are)? ?(not|un)[ -]?(supported|available|enabled)"
    r"|enable-auto-tool-choice|no endpoints found that support tool|(only|except) user and assistant|roles must alternate"
    r"|unsupported.{0,20}\btools?\b"
)
_WORDS_OF_SCHEMA = re.compile(
    r"\btools?\W{0,2}\d+\W|function_declarations?|(tool|function).{0,12}(schema|parameters)|invalid schema for"
)
_WORDS_OF_ONE_CALL = re.compile(r"(single|one|multiple|parallel) tool.?calls?")
_WORDS_OF_BALANCE = re.compile(
    r"credit balance is too low|insufficient (account )?(balance|credits?|funds)|out of credits"
)
_WORDS_OF_NOT_TAKEN = (
    "unsupported",
    "not support",
    "unrecognized",
    "unknown",
    "unexpected",
    "not permitted",
    "not allowed",
    "not implemented",
    "instead",
)
_WORDS_OF_TOO_MUCH = re.compile(
    r"too large|too big|at most|less than|less or equal|exceeds?|must be (<=|in|between)|maximum"
)


def _by_words(refusal: Refusal, sent: Sent) -> tuple[Meaning, str]:
    text = refusal.text.lower()
    if _WORDS_OF_CONTEXT.search(text):
        return Meaning.TOO_LONG, ""
    if _WORDS_OF_FILTER.search(text):
        return Meaning.FILTERED, ""
    if not sent.is_stream and _WORDS_OF_STREAM.search(text):
        return Meaning.STREAM, ""
    if sent.has_system and _WORDS_OF_NO_SYSTEM.search(text):
        return Meaning.SYSTEM, ""
    if sent.has_several_calls and _WORDS_OF_ONE_CALL.search(text):
        return Meaning.ONE_CALL, ""
    if sent.has_tools and _WORDS_OF_SCHEMA.search(text):
        return (Meaning.SCHEMA if sent.has_full_schemas else Meaning.NO_TOOLS), ""
    if any(each in text for each in _WORDS_OF_NOT_TAKEN):
        found = _first_named(text, sent.parameters)
        if found:
            return Meaning.PARAMETER, found
        found = _first_named(text, sent.members)
        if found:
            return Meaning.MEMBER, found
    if sent.has_tools and _WORDS_OF_NO_TOOLS.search(text):
        return Meaning.NO_TOOLS, ""
    if _first_named(text, [each for each in _LIMITS if each in sent.parameters]) and _WORDS_OF_TOO_MUCH.search(text):
        return Meaning.ANSWER_TOO_LONG, ""
    return Meaning.OTHER, ""


def _first_named(text: str, names: Collection[str]) -> str:
    """The name that comes first in a text: "'max_tokens' is not supported, use 'max_completion_tokens'"; empty: none does."""
    named = [each for each in names if re.search(rf"\b{re.escape(each)}\b", text)]
    return min(named, key=text.index, default="")


def _parts(body: Any) -> Iterator[Json]:
    """The objects of an error's body that may describe it, the outermost first."""
    if isinstance(body, list):
        for each in body[:3]:
            yield from _parts(each)
    if not isinstance(body, Mapping):
        return
    yield body
    for name in ("error", "innererror", "metadata", "detail", "details", "message", "raw", "errors"):
        inner = body.get(name)
        if isinstance(inner, str) and name == "raw":
            try:
                inner = read_json(inner)
            except UnreadableJsonError:
                inner = {"message": inner}
        yield from _parts(inner)


def _take(found: _Found, part: Json) -> None:
    for name in ("code", "type", "status", "reason"):
        value = part.get(name)
        if isinstance(value, str) and value and not value.isdigit():
            found.codes.add(value.lower())
        elif isinstance(value, int | str) and not isinstance(value, bool) and str(value).isdigit() and name != "type":
            found.status = found.status or int(str(value)[:6])
    for name in ("message", "msg", "error", "detail"):
        if isinstance(part.get(name), str):
            found.texts.append(part[name])
    if isinstance(part.get("reasons"), list) or part.get("flagged_input"):
        found.codes.add("moderation")
    where = part.get("loc")
    if isinstance(where, list | tuple):
        found.param = found.param or ".".join(str(each) for each in where if each != "body")
    if isinstance(part.get("param"), str):
        found.param = found.param or part["param"]
    if isinstance(part.get("failed_generation"), str):
        found.generation = part["failed_generation"]
    delay = part.get("retryDelay")
    if isinstance(delay, str) and re.fullmatch(r"\d+(\.\d+)?s", delay):
        found.wait_seconds = float(delay[:-1])
    if isinstance(part.get("estimated_time"), int | float):
        found.wait_seconds = float(part["estimated_time"])


def _header_seconds(headers: Mapping[str, str]) -> float | None:
    milliseconds = headers.get("retry-after-ms")
    if milliseconds is not None and re.fullmatch(r"\d+(\.\d+)?", milliseconds):
        return float(milliseconds) / 1000
    given = headers.get("retry-after")
    if given is not None and re.fullmatch(r"\d+\.\d+", given.strip()):
        return float(given)
    return read_retry_after(given, now=datetime.now(UTC))
