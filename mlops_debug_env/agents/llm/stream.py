"""Puts a streamed answer together: server-sent events with parts of a Chat Completions message.

Rule: parts are joined as servers send them, not only as documented: without indexes, with one index for several calls, with repeated
names, with the whole message at the end, without a last event.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlops_debug_env.agents.llm.json_text import UnreadableJsonError, read_json, with_encodable_text

Json = dict[str, Any]
_END = "[DONE]"


def is_stream(text: str) -> bool:
    """Whether a body is a stream of events."""
    return text.lstrip("\ufeff \r\n").startswith(("data:", "event:", "id:", ":"))


def joined(text: str) -> Json:
    """The body that the same answer would have had in one piece.

    Raises:
        UnreadableJsonError: an event is no JSON, or the stream was cut.
    """
    choice: Json = {}
    body: Json = {"choices": []}
    has_ended = False
    for data in _events(text):
        if data == _END:
            has_ended = True
            break
        event = read_json(data, cleans=False)  # the halves of a character may come in two events
        if not isinstance(event, dict):
            continue
        body |= {name: each for name, each in event.items() if name != "choices" and each is not None}
        part = next((each for each in event.get("choices") or [] if isinstance(each, dict)), None)
        if part is not None:
            body["choices"] = [choice]
            _add(choice, part)
    if not has_ended and not choice.get("finish_reason") and "error" not in body:
        raise UnreadableJsonError("the stream ends in the middle")
    joined_body: Json = with_encodable_text(body)
    return joined_body


def _events(text: str) -> Iterator[str]:
    """The data of each event; comments, which keep a connection open, are left out."""
    lines: list[str] = []
    for line in [*text.lstrip("\ufeff").splitlines(), ""]:
        if line.startswith("data:"):
            lines.append(line.removeprefix("data:").strip())
        elif not line.strip() and lines:
            yield "\n".join(lines)
            lines = []


def _add(choice: Json, part: Json) -> None:
    for name in ("finish_reason", "error"):
        if part.get(name):
            choice[name] = part[name]
    whole, delta = part.get("message"), part.get("delta")
    message: Json = choice.setdefault("message", {"role": "assistant", "content": None})
    if isinstance(whole, dict):
        message |= whole
    if not isinstance(delta, dict):
        return
    for name, each in delta.items():
        if name == "tool_calls":
            for call in each if isinstance(each, list) else ():
                if isinstance(call, dict):
                    _add_call(message, call)
        elif name != "role":
            _extend(message, name, each)


def _add_call(message: Json, part: Json) -> None:
    calls: list[Json] = message.get("tool_calls") or []
    message["tool_calls"] = calls
    call = _same_call(calls, part)
    if call is None:
        call = {"index": part.get("index"), "type": "function", "function": {"name": "", "arguments": ""}}
        calls.append(call)
    function = part.get("function")
    for name, each in part.items():
        if name not in ("index", "function") and each:
            call[name] = each
    if isinstance(function, dict):
        call["function"]["name"] = call["function"]["name"] or function.get("name") or ""
        arguments = function.get("arguments")
        if isinstance(arguments, dict):
            call["function"]["arguments"] = arguments
        elif isinstance(arguments, str) and isinstance(call["function"]["arguments"], str):
            call["function"]["arguments"] += arguments


def _same_call(calls: list[Json], part: Json) -> Json | None:
    """The call that a part continues; None: it begins one."""
    identity, index = part.get("id"), part.get("index")
    if identity:
        return next((each for each in calls if each.get("id") == identity), None)
    alike = [each for each in calls if index is None or each.get("index") == index]
    return alike[-1] if alike else None


def _extend(message: Json, name: str, part: Any) -> None:
    before = message.get(name)
    if isinstance(before, str) and isinstance(part, str) or isinstance(before, list) and isinstance(part, list):
        message[name] = before + part  # type: ignore[operator]
    elif isinstance(before, dict) and isinstance(part, dict):
        message[name] = before | part
    elif part is not None:
        message[name] = part
