"""The scores of the baseline agents on a real server process, over seeds of every fault."""

from __future__ import annotations

import asyncio
import random
import statistics
from collections import defaultdict
from typing import NamedTuple, get_args

import pytest

from bench.validity.floor import blind_floor
from domain.faults.compositions import HEALTHY
from domain.generator import planted_fault
from domain.types import TaskId as DomainTaskId
from mlops_debug_env import DebugClient
from mlops_debug_env.agents.agent import Agent
from mlops_debug_env.agents.oracle import NoTruthError
from mlops_debug_env.agents.registry import AGENT_NAMES, UnknownAgentError, create_agent
from mlops_debug_env.protocol.observations import Info
from mlops_debug_env.protocol.types import COMPOSED_TASK, TASK_IDS, TaskId
from tests.e2e.running import ServerProcess

SEEDS = range(9_200_000, 9_200_030)
IN_FLIGHT = 8
RESAMPLES = 1_000
MAX_BRIER = 0.1

pytestmark = pytest.mark.slow


class Score(NamedTuple):
    mean: float
    low: float
    high: float
    right: float
    """Share of episodes whose category, file and field were right."""
    brier: float | None

    def __str__(self) -> str:
        brier = "-" if self.brier is None else f"{self.brier:.3f}"
        return f"{self.mean:.4f} [{self.low:.4f}, {self.high:.4f}] brier {brier}"


async def play(url: str, name: str, task_id: TaskId, seed: int) -> Info:
    agent = create_agent(name, task_id=task_id, seed=seed, base_url=url)
    async with DebugClient(url) as client:
        result = await client.reset(task_id=task_id, seed=seed, agent=name)
        while not result.done:
            result = await client.step(await agent.act(result.observation))
    return result.info


async def play_all(url: str) -> dict[tuple[str, TaskId], list[Info]]:
    gate = asyncio.Semaphore(IN_FLIGHT)
    played: dict[tuple[str, TaskId], list[Info]] = defaultdict(list)

    async def one(name: str, task_id: TaskId, seed: int) -> None:
        async with gate:
            played[name, task_id].append(await play(url, name, task_id, seed))

    await asyncio.gather(*(one(name, task_id, seed) for task_id in TASK_IDS for seed in SEEDS for name in AGENTS))
    return played


AGENTS = ("nop", "random", "constant", "heuristic", "oracle")


def scored(infos: list[Info]) -> Score:
    scores = [info.score or 0.0 for info in infos]
    draw = random.Random(0)
    means = sorted(statistics.fmean(draw.choices(scores, k=len(scores))) for _ in range(RESAMPLES))
    briers = [info.brier for info in infos if info.brier is not None]
    low, high = means[int(0.025 * RESAMPLES)], means[int(0.975 * RESAMPLES)]
    right = statistics.fmean(is_right(info) for info in infos)
    return Score(statistics.fmean(scores), low, high, right, statistics.fmean(briers) if briers else None)


def is_right(info: Info) -> bool:
    return info.breakdown is not None and info.breakdown.is_right


@pytest.fixture(scope="module")
def scores(server: ServerProcess) -> dict[tuple[str, TaskId], Score]:
    found = {key: scored(infos) for key, infos in asyncio.run(play_all(server.url)).items()}
    for task_id in TASK_IDS:
        print(f"\n{task_id}, {len(SEEDS)} seeds", *(f"  {name:10}{found[name, task_id]}" for name in AGENTS), sep="\n")
    return found


@pytest.mark.parametrize("task_id", TASK_IDS)
def test_the_heuristic_beats_what_knows_nothing(scores: dict[tuple[str, TaskId], Score], task_id: TaskId) -> None:
    best_blind = max(scores[name, task_id].high for name in ("nop", "random", "constant"))
    assert scores["heuristic", task_id].low > best_blind


@pytest.mark.parametrize("task_id", get_args(DomainTaskId))
def test_a_stuffed_constant_stays_at_the_blind_floor(scores: dict[tuple[str, TaskId], Score], task_id: TaskId) -> None:
    floor = blind_floor(task_id).score
    print(f"\n{task_id}: constant {scores['constant', task_id].mean:.4f}, blind floor {floor:.4f}")
    assert scores["constant", task_id].mean <= floor + 0.02


@pytest.mark.parametrize("task_id", TASK_IDS)
def test_saying_nothing_is_worth_nothing_and_the_truth_everything(
    scores: dict[tuple[str, TaskId], Score], task_id: TaskId
) -> None:
    assert scores["oracle", task_id].mean >= 0.95
    if task_id != COMPOSED_TASK:
        assert scores["nop", task_id].mean <= 0.05
        return
    healthy = sum(planted_fault(task_id, seed) == HEALTHY for seed in SEEDS) / len(SEEDS)
    print(f"\nexpert: saying that nothing is wrong is right in {healthy:.3f}")
    assert scores["nop", task_id].mean == pytest.approx(0.99 * healthy + 0.01 * (1 - healthy))


@pytest.mark.parametrize("task_id", TASK_IDS)
def test_the_heuristic_knows_how_sure_it_may_be(scores: dict[tuple[str, TaskId], Score], task_id: TaskId) -> None:
    brier = scores["heuristic", task_id].brier
    assert brier is not None
    print(f"\n{task_id}: Brier score {brier:.3f}, right in {scores['heuristic', task_id].right:.3f}")
    assert brier <= MAX_BRIER


@pytest.mark.parametrize("name", AGENT_NAMES)
async def test_an_agent_plays_to_the_end(server: ServerProcess, name: str) -> None:
    if name not in AGENTS:
        pytest.skip(f"{name} needs more than a server")
    assert isinstance(create_agent(name, task_id="hard", seed=3, base_url=server.url), Agent)
    info = await play(server.url, name, "hard", 3)
    assert (info.truncated, info.score is not None) == (False, True)
    assert info.step_count <= info.max_steps


async def test_the_same_seed_and_trial_play_alike_and_another_trial_does_not(server: ServerProcess) -> None:
    async def actions(trial: int) -> list[str]:
        agent = create_agent("random", task_id="easy", seed=5, trial=trial)
        async with DebugClient(server.url) as client:
            result, taken = await client.reset(task_id="easy", seed=5), []
            while not result.done:
                action = await agent.act(result.observation)
                taken.append(action.model_dump_json())
                result = await client.step(action)
        return taken

    first, again, other = [await actions(trial) for trial in (0, 0, 1)]
    assert first == again != other


def test_an_unknown_agent_is_reported_with_those_that_there_are() -> None:
    with pytest.raises(UnknownAgentError, match="heuristic"):
        create_agent("genius", task_id="easy", seed=1)


def test_the_oracle_plays_practice_only() -> None:
    with pytest.raises(NoTruthError, match="practice"):
        create_agent("oracle", task_id="easy", seed=None)
