"""Plays the baseline agents against its own server and prints the score of each on each task.

``python -m bench.baseline_agents --seeds 60`` prints mean score with a 95 % bootstrap interval, how often the root cause
was right, the Brier score, and a table of stated confidence against truth. ``--first-seed`` picks other seeds.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import socket
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, NamedTuple

from mlops_debug_env import DebugClient
from mlops_debug_env.agents.registry import AGENT_NAMES, create_agent
from mlops_debug_env.protocol.actions import SubmitDiagnosis
from mlops_debug_env.protocol.errors import MlopsDebugError
from mlops_debug_env.protocol.types import TASK_IDS, TaskId

FIRST_SEED = 7_000_000
RESAMPLES = 2_000
IN_FLIGHT = 8


class Played(NamedTuple):
    agent: str
    task_id: TaskId
    fault: str
    score: float
    is_right: bool
    confidence: float | None
    brier: float | None
    raw: str


async def play(url: str, agent_name: str, task_id: TaskId, seed: int) -> Played:
    agent = create_agent(agent_name, task_id=task_id, seed=seed, base_url=url)
    async with DebugClient(url) as client:
        result = await client.reset(task_id=task_id, seed=seed, agent=agent_name)
        action = None
        while not result.done:
            action = await agent.act(result.observation)
            result = await client.step(action)
    truth, breakdown = result.info.ground_truth, result.info.breakdown
    is_right = breakdown is not None and breakdown.is_right
    submitted = action if isinstance(action, SubmitDiagnosis) else SubmitDiagnosis()
    fault = truth.fault_id if truth is not None else "?"
    fields = [each.root_cause_field for each in submitted.diagnoses or (submitted,)]
    named = f"{fields} {seed}"
    # The server's own word, because a list of two states two confidences.
    brier = result.info.brier
    return Played(
        agent_name, task_id, fault, result.info.score or 0.0, is_right, submitted.stated_confidence, brier, named
    )


async def play_all(url: str, agents: list[str], tasks: list[TaskId], seeds: range) -> list[Played]:
    gate = asyncio.Semaphore(IN_FLIGHT)

    async def one(agent: str, task_id: TaskId, seed: int) -> Played:
        async with gate:
            return await play(url, agent, task_id, seed)

    return await asyncio.gather(*(one(a, t, s) for t in tasks for s in seeds for a in agents))


def interval(scores: list[float]) -> tuple[float, float]:
    """95 % of the means of resampled scores."""
    draw = random.Random(0)
    means = sorted(statistics.fmean(draw.choices(scores, k=len(scores))) for _ in range(RESAMPLES))
    return means[int(0.025 * RESAMPLES)], means[int(0.975 * RESAMPLES)]


def show(played: list[Played], agents: list[str], tasks: list[TaskId]) -> None:
    for task_id in tasks:
        print(f"\n{task_id}")
        for agent in agents:
            own = [each for each in played if (each.agent, each.task_id) == (agent, task_id)]
            low, high = interval([each.score for each in own])
            right = statistics.fmean(each.is_right for each in own)
            stated = [each.brier for each in own if each.brier is not None]
            brier = f"{statistics.fmean(stated):.4f}" if stated else "-"
            mean = statistics.fmean(each.score for each in own)
            print(f"  {agent:10} {mean:.4f} [{low:.4f}, {high:.4f}]  right {right:.3f}  brier {brier}  n={len(own)}")


def show_faults(played: list[Played], agent: str) -> None:
    by_fault: dict[str, list[Played]] = defaultdict(list)
    for each in played:
        if each.agent == agent:
            by_fault[each.fault].append(each)
    print(f"\n{agent} by fault")
    for fault, own in sorted(by_fault.items()):
        wrong = [each.raw for each in own if not each.is_right][:4]
        mean = statistics.fmean(each.score for each in own)
        print(f"  {fault:26} {mean:.3f}  right {statistics.fmean(e.is_right for e in own):.3f}  n={len(own)}  {wrong}")


def show_calibration(played: list[Played], agent: str) -> None:
    print(f"\n{agent}: stated confidence against truth")
    bins: dict[int, list[Played]] = defaultdict(list)
    for each in played:
        if each.agent == agent and each.confidence is not None:
            bins[min(int(each.confidence * 10), 9)].append(each)
    for _, own in sorted(bins.items()):
        stated = statistics.fmean(each.confidence or 0.0 for each in own)
        print(f"  {stated:.3f} stated, {statistics.fmean(each.is_right for each in own):.3f} right, n={len(own)}")


@contextmanager
def served() -> Iterator[str]:
    """A server process on a free port and an empty database."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as directory:
        database = str(Path(directory) / "bench.db")
        command = [sys.executable, "-P", "-m", "server", "serve", "--port", str(port), "--database", database]
        server = subprocess.Popen([*command, "--log-level", "warning"], stdout=subprocess.DEVNULL)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(timeout=20)


async def run(agents: list[str], tasks: list[TaskId], seeds: range) -> None:
    with served() as url:
        async with DebugClient(url, max_retries=10) as client:
            await client.health()  # waits until it listens
        played = await play_all(url, agents, tasks, seeds)
    show(played, agents, tasks)
    for agent in agents:
        if agent == "heuristic":
            show_faults(played, agent)
            show_calibration(played, agent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=60, help="seeds a task")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--agents", nargs="+", choices=AGENT_NAMES, default=list(AGENT_NAMES))
    parser.add_argument("--tasks", nargs="+", choices=TASK_IDS, default=list(TASK_IDS))
    given = parser.parse_args()
    try:
        asyncio.run(run(given.agents, given.tasks, range(given.first_seed, given.first_seed + given.seeds)))
    except MlopsDebugError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
