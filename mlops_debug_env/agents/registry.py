"""The agents by name: those that are shipped, and classes of the user. A fresh one is made for each episode."""

from __future__ import annotations

import random
from dataclasses import dataclass
from types import MappingProxyType
from typing import Callable, Mapping

from mlops_debug_env.agents.agent import Agent
from mlops_debug_env.agents.baselines import ConstantAgent, NopAgent, RandomAgent
from mlops_debug_env.agents.heuristic import HeuristicAgent
from mlops_debug_env.agents.loader import AgentFactory, is_reference, load_agent
from mlops_debug_env.agents.oracle import NoTruthError, OracleAgent
from mlops_debug_env.protocol.errors import MlopsDebugError
from mlops_debug_env.protocol.types import TaskId
from mlops_debug_env.transport.async_client import DEFAULT_URL


class UnknownAgentError(MlopsDebugError, ValueError):
    """There is no agent of this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentContext:
    """What is known of an episode before it starts. Only the oracle uses the seed."""

    task_id: TaskId
    seed: int | None
    """None: a ranked episode, or one whose seed the server draws."""
    trial: int = 0
    """Which attempt at the same task and seed; attempts draw differently."""
    base_url: str = DEFAULT_URL
    api_key: str | None = None


def _random(context: AgentContext) -> Agent:
    return RandomAgent(random.Random(f"{context.task_id}/{context.seed}/{context.trial}"))


def _oracle(context: AgentContext) -> Agent:
    if context.seed is None:
        raise NoTruthError("The oracle must know the seed; it plays practice only.")
    return OracleAgent(task_id=context.task_id, seed=context.seed, base_url=context.base_url, api_key=context.api_key)


AgentMaker = Callable[[AgentContext], Agent]

_MAKERS: Mapping[str, AgentMaker] = MappingProxyType(
    {
        "nop": lambda _: NopAgent(),
        "random": _random,
        "constant": lambda _: ConstantAgent(),
        "heuristic": lambda _: HeuristicAgent(),
        "oracle": _oracle,
    }
)


@dataclass(frozen=True, slots=True)
class _UserAgents:
    """Makes agents of a class of the user, which are made without a context."""

    create: AgentFactory

    def __call__(self, _: AgentContext) -> Agent:
        return self.create()


def own_name(make: AgentMaker) -> str | None:
    """The name that a class of the user gives its agents; None: they are shipped."""
    return make.create.name if isinstance(make, _UserAgents) else None


AGENT_NAMES: tuple[str, ...] = tuple(_MAKERS)


def agent_maker(name: str) -> AgentMaker:
    """Makes the agents of a name, one for each episode. A class of the user is imported once, here.

    Raises:
        UnknownAgentError: there is none of this name.
        AgentLoadError: the class cannot be loaded.
    """
    if name in _MAKERS:
        return _MAKERS[name]
    if not is_reference(name):
        raise UnknownAgentError(f"There is no agent {name!r}; choose one of {', '.join(AGENT_NAMES)}.")
    return _UserAgents(load_agent(name))


def create_agent(
    name: str,
    *,
    task_id: TaskId,
    seed: int | None,
    trial: int = 0,
    base_url: str = DEFAULT_URL,
    api_key: str | None = None,
) -> Agent:
    """A fresh agent for one episode.

    Args:
        name: one of `AGENT_NAMES`, or a class as ``module:Class`` or ``path/to/file.py:Class``.
        task_id: the task it will play.
        seed: the episode's seed; None: it is not known.
        trial: which attempt at the same task and seed.
        base_url: the server, for the oracle.
        api_key: for the same.

    Raises:
        UnknownAgentError: there is none of this name.
        AgentLoadError: the class cannot be loaded.
        NoTruthError: the oracle needs the seed.
    """
    return agent_maker(name)(AgentContext(task_id=task_id, seed=seed, trial=trial, base_url=base_url, api_key=api_key))
