"""Tasks of Inspect AI: ``inspect eval mlops_debug_env/diagnosis --model …``. Needs the extra ``inspect`` and a running server.

A sample is a scenario. Its episode begins in the setup, so that another solver may be given; the scorer reads the server's grade, and ends
an episode that is still open without a diagnosis, which scores least: a model that gives up, or meets a limit, is in the mean.
"""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageSystem, ChatMessageUser, GenerateConfig, get_model
from inspect_ai.scorer import Score, Scorer, Target, grouped, mean, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, solver
from inspect_ai.tool import Tool, ToolDef, ToolError, ToolParams

from mlops_debug_env.agents.llm.tools import Tool as ActionTool
from mlops_debug_env.harnesses.tool_episode import ToolEpisode
from mlops_debug_env.protocol.types import TaskId
from mlops_debug_env.suites import read_suite
from mlops_debug_env.transport.async_client import DEFAULT_URL, DebugClient

MAX_TOOL_OUTPUT_BYTES = 2**20
"""Artifacts are shown whole, as to every other agent; Inspect would cut them after 16 KB."""
NUDGES = 3
"""How often a model that calls no tool is asked to."""
_NUDGE = "Call one of the tools. The episode ends with submit_diagnosis."
_open: dict[str, tuple[DebugClient, ToolEpisode]] = {}
"""Episodes by the id of their sample's state, from the setup to the clean-up."""
# Inspect puts the name of the package before that of the task where the package is in site-packages: not in an editable installation.
_IS_EDITABLE = not Path(__file__).is_relative_to(sysconfig.get_path("purelib"))


@task(name="mlops_debug_env/diagnosis" if _IS_EDITABLE else "diagnosis")
def diagnosis(
    suite: str = "practice-2",
    task_id: TaskId | None = None,
    entries: int | None = None,
    url: str | None = None,
    split: str | None = None,
) -> Task:
    """Find what is wrong in a training run.

    Args:
        suite: Name of a suite, or a .json file.
        task_id: Only the entries of this task; None: all.
        entries: Only the first entries; None: all.
        url: Address of the server; None: MLOPS_DEBUG_URL, or http://127.0.0.1:7860. A key is read from MLOPS_DEBUG_API_KEY.
        split: Of the scenarios; None: that of the server for a seed.
    """
    chosen = [each for each in read_suite(suite).entries if task_id in (None, each.task_id)][:entries]
    samples = [
        # The model is sent the briefing instead; it must not read the seed.
        Sample(input="Diagnose the run.", id=each.key, metadata={"task_id": each.task_id, "seed": each.seed})
        for each in chosen
    ]
    return Task(
        dataset=MemoryDataset(samples, name=suite),
        setup=begin_episode(url or os.environ.get("MLOPS_DEBUG_URL") or DEFAULT_URL, split),
        solver=investigate(),
        cleanup=_clean_up,
        scorer=grade(),
        config=GenerateConfig(max_tool_output=MAX_TOOL_OUTPUT_BYTES),
        version=1,
        metadata={"suite": suite},
    )


@solver
def begin_episode(url: str, split: str | None = None) -> Solver:
    """Begin the sample's episode: its messages and tools become those of the state."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        client = DebugClient(url, api_key=os.environ.get("MLOPS_DEBUG_API_KEY") or None)
        try:
            episode = await ToolEpisode.begin(
                client,
                task_id=state.metadata["task_id"],
                seed=state.metadata["seed"],
                split=split,
                agent=f"inspect:{get_model().name}"[:100],
            )
        except BaseException:
            await client.close()
            raise
        _open[state.uuid] = client, episode
        state.messages = [ChatMessageSystem(content=episode.instructions), ChatMessageUser(content=episode.briefing)]
        state.tools = [_tool(each, episode) for each in episode.tools]
        return state

    return solve


@solver
def investigate() -> Solver:
    """Let the model call tools until the episode is over; one that calls none is asked to, a few times."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        _, episode = _open[state.uuid]
        nudges = 0
        while not episode.is_done:
            state = await generate(state, tool_calls="single")
            if state.completed:
                break
            if not episode.is_done and not state.output.message.tool_calls:
                nudges += 1
                if nudges > NUDGES:
                    break
                state.messages.append(ChatMessageUser(content=_NUDGE))
        return state

    return solve


@scorer(metrics=[mean(), stderr(), grouped(mean(), "task_id", all=False)])
def grade() -> Scorer:
    """The server's score, from 0.01 to 0.99."""

    async def score(state: TaskState, target: Target) -> Score:
        _, episode = _open[state.uuid]
        ended = await episode.finish()
        return Score(
            value=ended.score if ended.score is not None else 0.0,
            explanation="no diagnosis was submitted" if ended.truncated else "graded by the server",
            metadata={
                "episode_id": ended.episode_id,
                "total_reward": ended.total_reward,
                "steps": ended.step_count,
                "truncated": ended.truncated,
                "artifacts_read": list(ended.artifacts_read),
                "checks_run": list(ended.checks_run),
            },
        )

    return score


async def _clean_up(state: TaskState) -> None:
    client, _ = _open.pop(state.uuid, (None, None))
    if client is not None:
        await client.close()


def _tool(action: ActionTool, episode: ToolEpisode) -> Tool:
    async def execute(**kwargs: Any) -> str:
        answered = await episode.call(action.name, kwargs)
        if answered.is_error:
            raise ToolError(answered.text)
        return answered.text

    parameters = ToolParams.model_validate(dict(action.parameters))
    for name, each in parameters.properties.items():
        each.description = each.description or name.replace("_", " ")  # Inspect takes none without
    definition = ToolDef(execute, name=action.name, description=action.description, parameters=parameters)
    return definition.as_tool()
