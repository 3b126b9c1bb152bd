"""A model's own message: its text and its calls, and the form in which it is sent back.

Rule: a message is sent back as it came, with ids, reasoning and whatever else the endpoint put into it. Only what a request may not hold
is set right: members without a value, empty text beside calls, a call without an id, arguments that are no text.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

Message = dict[str, Any]

_OWN = ("role", "content", "tool_calls")
"""The members that every endpoint takes."""


class Call(NamedTuple):
    """One call of a tool."""

    identity: str
    name: str
    arguments: Any
    """JSON text as a rule, an object from some servers."""


def text_of(message: Mapping[str, Any]) -> str:
    """The text of a message, which may come in parts; without reasoning that is marked as such."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = [
        each.get("text") if isinstance(each, dict) and each.get("type") in ("text", None) else each for each in content
    ]
    return "".join(each for each in parts if isinstance(each, str))


def refusal_of(message: Mapping[str, Any]) -> str:
    """The text of a model's refusal; empty: it refused nothing."""
    refusal = message.get("refusal")
    return refusal if isinstance(refusal, str) else ""


def calls_of(message: Mapping[str, Any]) -> list[Call]:
    """The calls of a message, in either form of the API; what is no call of a function is left out."""
    return [
        Call(each["id"], each["function"]["name"], each["function"]["arguments"]) for each in _calls(message, number=0)
    ]


def has_calls(message: Mapping[str, Any]) -> bool:
    """Whether a message calls any tool, of whatever kind."""
    return bool(message.get("tool_calls") or message.get("function_call"))


def sendable(message: Mapping[str, Any], *, number: int) -> Message:
    """The message as a request takes it.

    Args:
        message: as it came.
        number: of the message, for the ids of calls that came without one.
    """
    kept = {name: each for name, each in message.items() if not _is_empty(each)}
    kept.pop("function_call", None)
    kept.pop("tool_calls", None)
    calls = _calls(message, number=number)
    content = message.get("content")
    is_blank = content is None or (isinstance(content, str) and not content.strip())
    kept |= {"role": "assistant", "content": (None if calls else "") if is_blank else content}
    return kept | ({"tool_calls": calls} if calls else {})


def quoted(message: Mapping[str, Any], text: str) -> Message:
    """The message with text in the place of its calls and content."""
    kept = {name: each for name, each in message.items() if name not in ("tool_calls", "function_call")}
    return {**{name: each for name, each in kept.items() if not _is_empty(each)}, "role": "assistant", "content": text}


def further_members(messages: Collection[Mapping[str, Any]]) -> set[str]:
    """The members of a model's messages that not every endpoint takes."""
    return {name for each in messages if each.get("role") == "assistant" for name in each if name not in _OWN}


def _calls(message: Mapping[str, Any], *, number: int) -> list[dict[str, Any]]:
    given = message.get("tool_calls")
    if not given and isinstance(message.get("function_call"), dict):  # the older form
        given = [{"function": message["function_call"]}]
    if isinstance(given, dict):
        given = [given]
    calls: list[dict[str, Any]] = []
    for each in given if isinstance(given, list) else ():
        function = each.get("function") if isinstance(each, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            continue
        if each.get("type") not in ("function", None, ""):
            continue
        taken = {call["id"] for call in calls}
        identity = each.get("id")
        if not isinstance(identity, str) or not identity or identity in taken:
            identity = made_id(number, len(calls))
        arguments = function.get("arguments")
        kept = {name: part for name, part in each.items() if name != "index" and not _is_empty(part)}
        text = arguments if isinstance(arguments, str) else json.dumps(arguments or {}, ensure_ascii=False)
        calls.append({**kept, "id": identity, "type": "function", "function": {**function, "arguments": text or "{}"}})
    return calls


def made_id(number: int, place: int = 0) -> str:
    """An id of nine letters and digits, which is what the strictest servers take."""
    return f"call{number % 1000:03d}{place % 100:02d}"


def _is_empty(value: Any) -> bool:
    return value is None or value == []
