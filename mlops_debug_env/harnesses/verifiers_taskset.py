"""A taskset of verifiers: ``vf-eval mlops-debug-v1 --model …``. Needs the extra ``verifiers`` and a running server.

Each rollout has a tool server of its own, which plays one episode. The model's tools are ``show_task`` and the actions; the reward is the
server's score, or the least one where no diagnosis was submitted.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import verifiers.v1 as vf

from mlops_debug_env.agents.prompt import system_prompt
from mlops_debug_env.protocol.types import TaskId
from mlops_debug_env.suites import read_suite
from mlops_debug_env.trl import MlopsDebugToolEnv

LEAST_SCORE = 0.01
_NOT_TOOLS = ("reset", "get_reward")


class EpisodeData(vf.TaskData):
    """One scenario. The prompt names neither its seed nor its fault."""

    task_id: TaskId
    seed: int


class EpisodeState(vf.State):
    """What a rollout has reached."""

    score: float | None = None
    """None: no diagnosis was submitted yet."""


class EpisodeToolsConfig(vf.ToolsetConfig):
    """Where the server is. A key is read from MLOPS_DEBUG_API_KEY, so that no record of a run has it."""

    server: str | None = None
    """None: MLOPS_DEBUG_URL, or http://127.0.0.1:7860."""
    agent: str = "verifiers"
    """Name to record."""


class EpisodeTools(vf.Toolset[EpisodeToolsConfig, EpisodeState]):
    """The tools of one rollout, on an episode that begins with the server."""

    TOOL_PREFIX = None

    async def setup_task(self, task: EpisodeData) -> None:
        """Begin the episode."""
        self._env = MlopsDebugToolEnv(self.config.server)
        # Sparse: what is earned is the score, and nothing before it.
        row = {"task_id": task.task_id, "seed": task.seed, "agent": self.config.agent, "reward_mode": "sparse"}
        self._briefing = await asyncio.to_thread(self._env.reset, **row)

    def register(self, mcp: Any) -> None:
        """Offer the tools."""
        mcp.add_tool(self.show_task, name="show_task", description=inspect.getdoc(self.show_task))
        for name, method in inspect.getmembers(self._env, predicate=inspect.ismethod):
            if not name.startswith("_") and name not in _NOT_TOOLS:
                mcp.add_tool(self._with_state(self._scored(method)), name=name, description=inspect.getdoc(method))

    def show_task(self) -> str:
        """Show the task, the training run, its artifacts and checks, and the fields that a diagnosis may name. Call it first."""
        return self._briefing

    def _scored(self, method: Callable[..., str]) -> Callable[..., Any]:
        """The tool, which also notes the score in the rollout's state."""

        async def call(*arguments: Any, **named: Any) -> str:
            shown = await asyncio.to_thread(method, *arguments, **named)
            self.state.score = self._env.get_reward() or None
            return shown

        call.__name__, call.__doc__ = method.__name__, method.__doc__
        call.__signature__ = inspect.signature(method, eval_str=True)  # type: ignore[attr-defined]
        return call


class EpisodeTaskConfig(vf.TaskConfig):
    """Options of each task."""

    tools: EpisodeToolsConfig = EpisodeToolsConfig()


class EpisodeTask(vf.Task[EpisodeData, EpisodeState, EpisodeTaskConfig]):
    """One episode and its score."""

    @classmethod
    def toolsets(cls, config: EpisodeTaskConfig) -> list[vf.Toolset]:
        return [EpisodeTools(config.tools)]

    @vf.reward
    async def diagnosis_score(self, trace: vf.Trace) -> float:
        """The server's score, from 0.01 to 0.99."""
        return LEAST_SCORE if trace.state.score is None else float(trace.state.score)

    @vf.metric
    async def submitted(self, trace: vf.Trace) -> float:
        """Whether a diagnosis was submitted."""
        return float(trace.state.score is not None)


class MlopsDebugConfig(vf.TasksetConfig):
    """Which scenarios are played."""

    suite: str = "practice-2"
    """Name of a suite, or a .json file."""
    only: TaskId | None = None
    """Only the entries of this task; None: all."""
    task: EpisodeTaskConfig = EpisodeTaskConfig()


class MlopsDebugTaskset(vf.Taskset[EpisodeTask, MlopsDebugConfig]):
    """The entries of a suite."""

    def load(self) -> Iterator[EpisodeTask]:
        for each in read_suite(self.config.suite).entries:
            if self.config.only in (None, each.task_id):
                data = EpisodeData(
                    name=each.key,
                    system_prompt=system_prompt(each.task_id),
                    prompt="Diagnose the training run. Call show_task first; the episode ends with the diagnosis.",
                    task_id=each.task_id,
                    seed=each.seed,
                )
                yield EpisodeTask(data, self.config.task)


if __name__ == "__main__":
    EpisodeTools.run()  # verifiers starts the tool server of a rollout so
