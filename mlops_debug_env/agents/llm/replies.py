"""Parses a model's reply into one action, or raises an error with a correction for the model."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Iterator

from pydantic import ValidationError

from mlops_debug_env.agents.llm.json_text import UnreadableJsonError, read_json
from mlops_debug_env.agents.llm.messages import Call, calls_of, has_calls, refusal_of, text_of
from mlops_debug_env.protocol.actions import Action, SubmitDiagnosis, parse_action
from mlops_debug_env.protocol.types import COMPOSED_TASK, TaskId

_THINKING = re.compile(r"<think>.*?(</think>|\Z)", re.DOTALL)
_MAX_PROBLEMS = 4
_MAX_ARGUMENTS = 4000
"""Characters of arguments that are sent back as they came where they are illegal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A legal action that a model chose."""

    action: Action
    said: str
    """The text of the reply without the action."""
    ignored_calls: int = 0
    """Further tool calls of the same answer."""


class IllegalReplyError(ValueError):
    """The reply has no legal action. The message is sent to the model."""


def read_tool_reply(message: Mapping[str, Any], names: frozenset[str]) -> Proposal:
    """The first tool call of an answer; without one, a JSON object in its text.

    Raises:
        IllegalReplyError: neither is there, or it is not legal.
    """
    calls = calls_of(message)
    if not calls and has_calls(message):
        raise IllegalReplyError("Your call is no call of a function. Call one of the functions.")
    if not calls:
        try:
            return read_json_reply(text_of(message), names)
        except IllegalReplyError as error:
            raise IllegalReplyError(f"{error} Call one of the tools: {', '.join(sorted(names))}.") from error
    action = read_call(calls[0], names)
    return Proposal(action=action, said=_without_thinking(text_of(message)), ignored_calls=len(calls) - 1)


def read_call(call: Call, names: frozenset[str]) -> Action:
    """The action that a tool call means.

    Raises:
        IllegalReplyError: it means none.
    """
    return _parse_legal({**_arguments(call, names), "action_type": call.name})


def read_json_reply(text: str, names: frozenset[str]) -> Proposal:
    """The JSON object of a plain answer that names an action.

    Raises:
        IllegalReplyError: there is none, or it is not legal.
    """
    spoken = _without_thinking(text)
    for start, end, found in _objects(spoken):
        if "action_type" in found:
            name = found["action_type"]
            if not isinstance(name, str) or name not in names:
                raise IllegalReplyError(f"There is no action {name!r}. There are {', '.join(sorted(names))}.")
            said = _without_fence(spoken[:start], spoken[end:])
            return Proposal(action=_parse_legal(found), said=said)
    if "{" in spoken:
        raise IllegalReplyError("Your answer holds no complete JSON object with an action_type.")
    raise IllegalReplyError("Your answer holds no action.")


def check_shape(action: Action, task_id: TaskId) -> None:
    """Refuse a diagnosis in the shape of another task.

    Raises:
        IllegalReplyError: it is one.
    """
    if isinstance(action, SubmitDiagnosis) and (action.diagnoses is not None) != (task_id == COMPOSED_TASK):
        shape = "diagnoses, a list of 0 to 2 entries" if task_id == COMPOSED_TASK else "one diagnosis, not diagnoses"
        raise IllegalReplyError(f"submit_diagnosis was not carried out: on this task it takes {shape}. Correct it.")


def reply_text(message: Mapping[str, Any]) -> str:
    """A reply as text, calls included, to be quoted in a correction."""
    return "\n".join(
        [
            _without_thinking(text_of(message)),
            refusal_of(message),
            *(f"{each.name}({_argument_text(each)})" for each in calls_of(message)),
        ]
    ).strip()


def can_be_answered(message: Mapping[str, Any]) -> bool:
    """Whether the calls of a message are such that every endpoint takes them back."""
    calls = calls_of(message)
    if sum(len(_argument_text(each)) for each in calls) > _MAX_ARGUMENTS:
        return False  # they would be carried along
    try:
        return bool(calls) and all(isinstance(read_json(_argument_text(each)), dict) for each in calls)
    except UnreadableJsonError:
        return False


def _argument_text(call: Call) -> str:
    return call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments, ensure_ascii=False)


def _arguments(call: Call, names: frozenset[str]) -> dict[str, Any]:
    name = call.name
    if name not in names:
        raise IllegalReplyError(f"There is no tool {name[:100]!r}. There are {', '.join(sorted(names))}.")
    try:
        arguments = read_json(_argument_text(call).strip() or "{}")
        if isinstance(arguments, str):  # some servers encode them twice
            arguments = read_json(arguments)
    except UnreadableJsonError as error:
        raise IllegalReplyError(f"The arguments of {name} are not valid JSON: {error}. Call it again.") from error
    if not isinstance(arguments, dict):
        raise IllegalReplyError(f"The arguments of {name} must be a JSON object.")
    return arguments


def _parse_legal(wire: dict[str, Any]) -> Action:
    # Ignored, because the runner sets request ids itself.
    wire = {name: value for name, value in wire.items() if name != "metadata"}
    try:
        return parse_action(wire)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in each['loc'][1:]) or 'the action'}: {each['msg']}"
            for each in error.errors()[:_MAX_PROBLEMS]
        )
        raise IllegalReplyError(f"{wire['action_type']} was not carried out: {problems}. Correct it.") from error


def _objects(text: str) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Every outermost JSON object in a text."""
    decoder = json.JSONDecoder()
    at = text.find("{")
    while at >= 0:
        try:
            _, end = decoder.raw_decode(text, at)
            found = read_json(text[at:end])
        except RecursionError:
            return
        except ValueError:
            at = text.find("{", at + 1)
            continue
        if isinstance(found, dict):
            yield at, end, found
        at = text.find("{", end)


def _without_thinking(text: str) -> str:
    """The text without the reasoning block that some servers leave in it."""
    return _THINKING.sub("", text).strip()


def _without_fence(before: str, after: str) -> str:
    return re.sub(r"```(json)?", "", f"{before.strip()}\n{after.strip()}").strip()
