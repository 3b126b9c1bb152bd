"""What a model is given with every call of an episode: the standing instructions and the tools. Agents and exports ask here."""

from __future__ import annotations

from typing import Any, NamedTuple

from mlops_debug_env.agents.llm.tools import Tool, instructions_of, tools_for
from mlops_debug_env.agents.prompt import system_prompt
from mlops_debug_env.protocol.types import TaskId


class Offer(NamedTuple):
    """The part of a request that is the same throughout an episode."""

    system: str
    tools: list[dict[str, Any]] | None
    """In OpenAI's form; None: the model answers in JSON, and the instructions describe the actions."""


def offer_for(tools: tuple[Tool, ...], task_id: TaskId, *, with_tools: bool) -> Offer:
    """The instructions of a task, and its actions as tools or in words."""
    offered = tools_for(tools, task_id)
    if with_tools:
        return Offer(system_prompt(task_id), [tool.as_openai() for tool in offered])
    return Offer(f"{system_prompt(task_id)}\n\n{instructions_of(offered)}", None)
