"""The part of a request that is constant in an episode: system message and tools. Used by the agent and by exports."""

from __future__ import annotations

from typing import Any, NamedTuple

from mlops_debug_env.agents.llm.tools import Tool, instructions_of, tools_for
from mlops_debug_env.agents.prompt import system_prompt
from mlops_debug_env.protocol.types import TaskId


class StaticPrompt(NamedTuple):
    """The part of a request that is the same throughout an episode."""

    system: str
    tools: list[dict[str, Any]] | None
    """In OpenAI's form; None: the model answers in JSON, and the instructions describe the actions."""


def static_prompt(tools: tuple[Tool, ...], task_id: TaskId, *, with_tools: bool) -> StaticPrompt:
    """The instructions of a task, and its actions as tools or in words."""
    offered = tools_for(tools, task_id)
    if with_tools:
        return StaticPrompt(system_prompt(task_id), [tool.as_openai() for tool in offered])
    return StaticPrompt(f"{system_prompt(task_id)}\n\n{instructions_of(offered)}", None)
