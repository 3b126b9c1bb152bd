"""Creates the agents of a run: baselines or a model."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from mlops_debug_env.agents.agent import Agent
from mlops_debug_env.agents.llm.agent import LlmAgent, LlmSettings
from mlops_debug_env.agents.llm.endpoint import Endpoint
from mlops_debug_env.agents.llm.tools import tools_of
from mlops_debug_env.agents.registry import AGENT_NAMES, UnknownAgentError, create_agent
from mlops_debug_env.runner.records import PlannedEpisode, RunHeader
from mlops_debug_env.runner.run_setup import LLM

_OPTIONS_OF_ENDPOINT = frozenset({"max_output_tokens", "temperature"})


def check_agent(name: str) -> None:
    """Raise ``UnknownAgentError`` if there is no such agent."""
    if name not in (*AGENT_NAMES, LLM):
        raise UnknownAgentError(f"there is no agent {name!r}; choose one of {', '.join((*AGENT_NAMES, LLM))}")


def baseline_agents(
    header: RunHeader, *, base_url: str, api_key: str | None
) -> Callable[[PlannedEpisode], Awaitable[Agent]]:
    """A factory of baseline agents, one for each episode."""

    async def create(planned: PlannedEpisode) -> Agent:
        entry = planned.entry
        return create_agent(
            header.agent,
            task_id=entry.task_id,
            seed=entry.seed,
            trial=planned.trial,
            base_url=base_url,
            api_key=api_key,
        )

    return create


def llm_agents(
    header: RunHeader, endpoint: Endpoint, action_schema: Mapping[str, Any]
) -> Callable[[PlannedEpisode], Awaitable[Agent]]:
    """A factory of model agents, one for each episode, all with one endpoint."""
    tools = tools_of(action_schema)
    options = {name: value for name, value in header.agent_options.items() if name not in _OPTIONS_OF_ENDPOINT}
    settings = LlmSettings(mode=options.pop("tool_mode", "auto"), **options)

    async def create(_: PlannedEpisode) -> Agent:
        return LlmAgent(endpoint=endpoint, tools=tools, settings=settings)

    return create
