"""Plays several agents concurrently over a small suite, each in its own run."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from mlops_debug_env.agents.registry import agent_maker
from mlops_debug_env.runner.agents import agents_made_by
from mlops_debug_env.runner.progress import ProgressBars, ProgressLines
from mlops_debug_env.runner.records import EpisodeResult, PlannedEpisode
from mlops_debug_env.runner.run_command import Connection
from mlops_debug_env.runner.run_folder import RunFolder, read_results
from mlops_debug_env.runner.run_setup import RunRequest, create_run, header_of
from mlops_debug_env.runner.suite_runner import SuiteRun
from mlops_debug_env.runner.summary import Summary, summarise

DEMO_AGENTS = ("nop", "random", "constant", "heuristic")


async def play_agents(
    connection: Connection, *, agents: Sequence[str], suite: str, entries: int | None, folder: Path, trials: int = 1
) -> list[Summary]:
    """The figures of each agent, in the order given. Results stay in ``folder``, one run an agent."""
    async with connection.open() as client:
        schema = (await client.schema())["action"]
    with ExitStack() as opened:
        runs: dict[str, RunFolder] = {}
        for agent in agents:
            header = header_of(RunRequest(agent=agent, suite=suite, entries=entries, trials=trials), {})
            runs[agent] = opened.enter_context(create_run(folder / agent, header, schema))
        await _play_all(connection, runs)
        return [_summary(agent, run) for agent, run in runs.items()]


async def _play_all(connection: Connection, runs: dict[str, RunFolder]) -> None:
    agent_of = {run.header.run_id: agent for agent, run in runs.items()}

    def by_agent(each: PlannedEpisode | EpisodeResult) -> str:
        return agent_of[each.run_id]

    totals = {agent: len(run.header.entries) * run.header.trials for agent, run in runs.items()}
    console = Console(stderr=True)
    share = max(1, connection.concurrency // len(runs))
    with (ProgressBars if console.is_terminal else ProgressLines)(console, totals, by_agent) as shown:
        suite_runs = [
            SuiteRun(
                run,
                create_agent=agents_made_by(
                    agent_maker(run.header.agent), base_url=connection.url, api_key=connection.api_key
                ),
                open_client=connection.open_to_play,
                observer=shown,
                concurrency=share,
            )
            for run in runs.values()
        ]
        await asyncio.gather(*(each.play() for each in suite_runs))


def _summary(agent: str, run: RunFolder) -> Summary:
    header = run.header
    planned = len(header.entries) * header.trials
    return summarise(read_results(run.path), run_id=header.run_id, agent=agent, planned=planned)
