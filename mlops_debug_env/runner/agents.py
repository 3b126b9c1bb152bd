"""Creates the agents of a run: shipped ones, a class of the user, or a model."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from mlops_debug_env.agents.agent import Agent
from mlops_debug_env.agents.llm.agent import LlmAgent, LlmSettings
from mlops_debug_env.agents.llm.endpoint import Endpoint
from mlops_debug_env.agents.llm.tools import tools_of
from mlops_debug_env.agents.loader import is_reference
from mlops_debug_env.agents.registry import AGENT_NAMES, AgentContext, AgentMaker, UnknownAgentError, agent_maker
from mlops_debug_env.runner.records import PlannedEpisode, RunHeader
from mlops_debug_env.runner.run_setup import LLM

_OPTIONS_OF_ENDPOINT = frozenset({"max_output_tokens", "temperature", "reasoning_effort", "extra_body"})

CreateAgent = Callable[[PlannedEpisode], Awaitable[Agent]]


def find_agent(name: str) -> AgentMaker | None:
    """Makes the agents of a run; None: they are made of a model, which needs an endpoint.

    Raises:
        UnknownAgentError: there is no such agent.
        AgentLoadError: the class cannot be loaded.
    """
    if name == LLM:
        return None
    if name not in AGENT_NAMES and not is_reference(name):
        raise UnknownAgentError(
            f"there is no agent {name!r}; choose one of {', '.join((*AGENT_NAMES, LLM))}, or name a class of yours as "
            "module:Class or path/to/file.py:Class"
        )
    return agent_maker(name)


def agents_made_by(make: AgentMaker, *, base_url: str, api_key: str | None) -> CreateAgent:
    """A factory of agents without a model, one for each episode."""

    async def create(planned: PlannedEpisode) -> Agent:
        entry = planned.entry
        return make(
            AgentContext(
                task_id=entry.task_id, seed=entry.seed, trial=planned.attempt, base_url=base_url, api_key=api_key
            )
        )

    return create


def llm_agents(header: RunHeader, endpoint: Endpoint, action_schema: Mapping[str, Any]) -> CreateAgent:
    """A factory of model agents, one for each episode, all with one endpoint."""
    tools = tools_of(action_schema)
    options = {name: value for name, value in header.agent_options.items() if name not in _OPTIONS_OF_ENDPOINT}
    settings = LlmSettings(mode=options.pop("tool_mode", "auto"), **options)

    async def create(_: PlannedEpisode) -> Agent:
        return LlmAgent(endpoint=endpoint, tools=tools, settings=settings)

    return create
