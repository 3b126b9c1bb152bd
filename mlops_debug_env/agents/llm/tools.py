"""The published action schema as tools of a chat model, or as instructions for a model that has none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlops_debug_env.protocol.types import COMPOSED_TASK, TaskId

_REFERENCE = "#/$defs/"
# Of no use to a model, and every call pays for its tokens.
_DROPPED = frozenset({"title", "default"})
_LIST = "diagnoses"
_OUTER = frozenset({"action_type", "metadata"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One action as a function that a model may call."""

    name: str
    """The action type."""
    description: str
    parameters: Mapping[str, Any]
    """JSON Schema of the arguments, without references."""

    def as_openai(self) -> dict[str, Any]:
        """The form that Chat Completions takes."""
        function = {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}
        return {"type": "function", "function": function}


class UnreadableSchemaError(ValueError):
    """The server published something that is no schema of actions."""


def tools_of(action_schema: Mapping[str, Any]) -> tuple[Tool, ...]:
    """A tool for each action of the schema that ``/schema`` publishes."""
    try:
        definitions = action_schema["$defs"]
        forms = [definitions[each["$ref"].removeprefix(_REFERENCE)] for each in action_schema["oneOf"]]
        return tuple(_tool(form, definitions) for form in forms)
    except (KeyError, TypeError, AttributeError) as error:
        raise UnreadableSchemaError(f"the published action schema has no {error}") from error


def tools_for(tools: tuple[Tool, ...], task_id: TaskId) -> tuple[Tool, ...]:
    """The same, with the diagnosis in the one shape that the task takes: a list of them, or one."""
    return tuple(_in_shape(tool, task_id) if _LIST in tool.parameters["properties"] else tool for tool in tools)


def _in_shape(tool: Tool, task_id: TaskId) -> Tool:
    is_list = task_id == COMPOSED_TASK
    properties = {name: each for name, each in tool.parameters["properties"].items() if (name == _LIST) == is_list}
    return Tool(
        name=tool.name,
        description=tool.description,
        parameters={**tool.parameters, "properties": properties, "required": [_LIST] if is_list else []},
    )


def instructions_of(tools: tuple[Tool, ...]) -> str:
    """The same in words, for a model that answers with one JSON object."""
    lines = [
        "Answer with exactly one JSON object and nothing else: "
        '{"action_type": "<one of the actions below>", …its parameters}. The actions and their parameters:'
    ]
    for tool in tools:
        properties = json.dumps(tool.parameters["properties"], ensure_ascii=False)
        required = tool.parameters["required"]
        needs = f" Required: {', '.join(required)}." if required else ""
        lines.append(f"- {tool.name}: {tool.description}{needs} Parameters: {properties}")
    return "\n".join(lines)


def _tool(form: Mapping[str, Any], definitions: Mapping[str, Any]) -> Tool:
    properties = {name: _inlined(each, definitions) for name, each in form["properties"].items() if name not in _OUTER}
    return Tool(
        name=form["properties"]["action_type"]["const"],
        description=form["description"],
        parameters={
            "type": "object",
            "properties": properties,
            "required": [name for name in form.get("required", ()) if name not in _OUTER],
            "additionalProperties": False,
        },
    )


def _inlined(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """The schema with references replaced by what they name: many servers follow none."""
    if isinstance(schema, list):
        return [_inlined(each, definitions) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(definitions[schema["$ref"].removeprefix(_REFERENCE)], definitions)
    kept = {name: each for name, each in schema.items() if name not in _DROPPED or not isinstance(each, str | None)}
    if isinstance(kept.get("properties"), dict):
        kept["properties"] = {name: _inlined(each, definitions) for name, each in kept["properties"].items()}
        return kept
    return {name: _inlined(each, definitions) for name, each in kept.items()}
