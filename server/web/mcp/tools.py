"""The tools: one for each action, described by the action's published schema, and, unless they serve an agent, ``reset``."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic_core import to_json

from domain.actions import InvalidAction, WireAction, action_schema, decode_action
from domain.json import encode_json
from server.episodes.commands import ResetRequest
from server.episodes.invalid_actions import to_invalid_action
from server.web.problem_details import invalid
from server.web.request_body import decode_reset

RESET = "reset"
_ENDS = ("submit_diagnosis", RESET)
_OUTER = ("action_type", "metadata")
"""Keys of an action that are no parameters of its tool: its name, and what typed OpenEnv clients send along."""


@cache
def tools_json(*, for_agent: bool) -> bytes:
    """The result of ``tools/list``."""
    return encode_json({"tools": [each for each in tool_list() if not for_agent or each["name"] != RESET]})


@cache
def tool_names() -> frozenset[str]:
    return frozenset(each["name"] for each in tool_list())


def tool_list() -> list[dict[str, Any]]:
    """Every tool, ``reset`` first, as it is called first."""
    published = action_schema()
    definitions = published["$defs"]
    mapping = published["discriminator"]["mapping"]
    actions = [(name, definitions[where.rsplit("/", 1)[1]]) for name, where in mapping.items()]
    reset = ResetRequest.model_json_schema()
    return [_tool(RESET, reset, {}), *(_tool(name, schema, definitions) for name, schema in actions)]


def _tool(name: str, schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    properties = {key: value for key, value in schema["properties"].items() if key not in _OUTER}
    # Rules between parameters (anyOf, not) are left out: some models' tool interfaces refuse them at the top.
    inputs: dict[str, Any] = {"type": "object", "properties": properties}
    inputs["required"] = [key for key in schema.get("required", []) if key not in _OUTER]
    if "additionalProperties" in schema:
        inputs["additionalProperties"] = schema["additionalProperties"]
    named = _named(properties, definitions)
    if named:
        inputs["$defs"] = {key: definitions[key] for key in named}
    return {
        "name": name,
        "title": name.replace("_", " ").capitalize(),
        "description": schema["description"],
        "inputSchema": inputs,
        "annotations": {
            # Every call is a recorded step, also one that only reads; the same read again costs a little.
            "readOnlyHint": False,
            "destructiveHint": name in _ENDS,
            "idempotentHint": False,
            "openWorldHint": False,
        },
    }


def _named(schema: Any, definitions: dict[str, Any]) -> list[str]:
    """The definitions that a schema refers to, also by way of another one."""
    found: list[str] = []
    waiting = [schema]
    while waiting:
        text = repr(waiting.pop())
        new = [key for key in definitions if f"'#/$defs/{key}'" in text and key not in found]
        found += new
        waiting += [definitions[key] for key in new]
    return sorted(found)


def to_invalid_call(name: str, arguments: Any) -> InvalidAction | None:
    """The invalid action that a call means; None: it means a valid one."""
    fits = isinstance(arguments, dict) and "action_type" not in arguments
    sent = {**arguments, "action_type": name} if fits else {"action_type": name, "arguments": arguments}
    return to_invalid_action(sent)


def decode_call(name: str, arguments: dict[str, Any]) -> WireAction:
    """The action that a call means; raises what a step would."""
    if "action_type" in arguments:
        raise invalid([{"loc": ["action_type"], "msg": "The tool's name says it", "type": "extra_forbidden"}])
    return decode_action(to_json({"action_type": name, **arguments}))


def decode_reset_call(arguments: dict[str, Any]) -> ResetRequest:
    return decode_reset(to_json(arguments))
