"""What an agent is: given an observation, it chooses an action; and what may be told about how it did so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from mlops_debug_env.protocol.actions import Action
from mlops_debug_env.protocol.observations import Observation


@dataclass(slots=True)
class Usage:
    """What an episode cost the agent so far. An agent without a model has none."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    """In the currency of the price table; null: no price is known."""
    latency_seconds: float = 0.0
    """Time spent waiting for the model, summed."""
    calls: int = 0
    """Requests that the model answered."""
    invalid_replies: int = 0
    """Replies that could not be read, or asked for what is not allowed."""
    fallbacks: int = 0
    """Actions that were chosen without the model because its replies were of no use."""


@runtime_checkable
class Agent(Protocol):
    """One agent in one episode: a fresh object for each, so nothing is carried over."""

    @property
    def name(self) -> str:
        """Name under which its episodes are recorded."""
        ...

    async def act(self, observation: Observation) -> Action:
        """The next action.

        The first observation is a `ResetObservation`, also where an episode is taken up again: what was seen before
        must then be read anew. Never called after the end.
        """
        ...


@runtime_checkable
class UsesModel(Protocol):
    """An agent that pays for its thinking."""

    @property
    def usage(self) -> Usage: ...
