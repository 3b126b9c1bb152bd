"""The agent protocol: given an observation, choose an action.

An agent that calls a model may also have the attributes of `runner.episode_runner.ReportsUsage` and
`agents.llm.transcript.KeepsTranscript`, which a run records.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from mlops_debug_env.protocol.actions import Action
from mlops_debug_env.protocol.observations import Observation


@runtime_checkable
class Agent(Protocol):
    """One agent in one episode: a fresh object for each, so that no state is shared."""

    @property
    def name(self) -> str:
        """Name under which its episodes are recorded."""
        ...

    async def act(self, observation: Observation) -> Action:
        """The next action.

        The first observation is a `ResetObservation`, also where an episode is resumed: what was seen before must
        then be read again. Never called after the end.
        """
        ...
