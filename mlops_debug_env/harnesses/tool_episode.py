"""One episode as tools of a model. The harness begins it and reads the score; the model gets the actions, and no reset, seed or truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlops_debug_env.agents.llm.messages import Call
from mlops_debug_env.agents.llm.replies import IllegalReplyError, check_shape, read_call
from mlops_debug_env.agents.llm.tools import Tool, tools_for, tools_of
from mlops_debug_env.agents.prompt import describe_episode, describe_result, system_prompt
from mlops_debug_env.protocol.actions import action_schema
from mlops_debug_env.protocol.observations import EpisodeState, ResetObservation
from mlops_debug_env.protocol.types import RewardMode, TaskId
from mlops_debug_env.transport.async_client import DebugClient

IS_OVER = "The episode is over; there is nothing more to do."


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolAnswer:
    """What a tool call is answered with."""

    text: str
    is_error: bool
    """Whether nothing was shown: the call fits no tool and cost nothing, or it was refused and cost a step."""
    is_done: bool
    """Whether the episode is over."""


class ToolEpisode:
    """A begun episode. A call that cannot be carried out is answered with the reason, so that a harness loses no rollout."""

    def __init__(self, client: DebugClient, first: ResetObservation, episode_id: str) -> None:
        self._client = client
        self._first = first
        self._names = frozenset(tool.name for tool in self.tools)
        self.episode_id = episode_id
        self.total_reward = 0.0
        """Sum of the rewards so far."""
        self.score: float | None = None
        """None: it runs."""

    @classmethod
    async def begin(
        cls,
        client: DebugClient,
        *,
        task_id: TaskId,
        seed: int | None,
        agent: str,
        split: str | None = None,
        reward_mode: RewardMode | None = None,
        episode_id: str | None = None,
    ) -> ToolEpisode:
        """Begin an episode on the client's session; an open one there is closed.

        Args:
            client: Stays the caller's, who closes it.
            task_id: The task.
            seed: Fixes the scenario; None: the server draws one.
            agent: Name to record.
            split: Of the scenario; None: the server's default.
            reward_mode: None: shaped.
            episode_id: Name of the episode; None: a random one.
        """
        begun = await client.reset(
            task_id=task_id, seed=seed, agent=agent, split=split, reward_mode=reward_mode, episode_id=episode_id
        )
        if not isinstance(begun.observation, ResetObservation):
            raise TypeError("the server answered a reset with the observation of a step")
        return cls(client, begun.observation, begun.info.episode_id)

    @property
    def tools(self) -> tuple[Tool, ...]:
        """The actions, with the diagnosis in the shape that the task takes."""
        return tools_for(tools_of(action_schema()), self._first.task_id)

    @property
    def instructions(self) -> str:
        """The system message."""
        return system_prompt(self._first.task_id)

    @property
    def briefing(self) -> str:
        """The first message: the task, the run, its artifacts, and the fields that a diagnosis may name."""
        return describe_episode(self._first)

    @property
    def max_steps(self) -> int:
        return self._first.max_steps

    @property
    def is_done(self) -> bool:
        return self.score is not None

    async def call(self, name: str, arguments: Mapping[str, Any] | str | None) -> ToolAnswer:
        """Carry out a tool call.

        Args:
            name: Of the tool.
            arguments: An object, or its JSON text; a member that is None counts as left out.
        """
        if self.is_done:
            return ToolAnswer(text=IS_OVER, is_error=True, is_done=True)
        try:
            action = read_call(Call("", name, _given(arguments)), self._names)
            check_shape(action, self._first.task_id)
        except IllegalReplyError as error:
            return ToolAnswer(text=str(error), is_error=True, is_done=False)
        answered = await self._client.step(action)
        self.total_reward += answered.reward or 0.0
        if answered.done:
            self.score = answered.info.score
        seen = answered.observation
        return ToolAnswer(
            text=describe_result(seen.last_action_result, step=seen.step_count, max_steps=seen.max_steps),
            is_error=seen.last_action_result.status == "refused",
            is_done=answered.done,
        )

    async def finish(self) -> EpisodeState:
        """End the episode if it runs, without a diagnosis, which scores least.

        Returns:
            The state after the end, with score and truth. Not for the model.
        """
        state = await self._client.abandon()
        self.total_reward, self.score = state.total_reward, state.score
        return state


def _given(arguments: Mapping[str, Any] | str | None) -> Any:
    """Without members that are None: harnesses fill in all parameters of a tool."""
    if isinstance(arguments, Mapping):
        return {name: value for name, value in arguments.items() if value is not None}
    return arguments or {}
