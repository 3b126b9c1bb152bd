"""The real OpenEnv package plays the three faults, and sees what a REST client sees."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import Any

import httpx
import pytest

from tests.e2e.playing import (
    ARTIFACTS,
    CHECKS,
    REFUSED_QUERY,
    TASKS,
    WRONG_DIAGNOSIS,
    Episode,
    Json,
    diagnosis_from,
    open_client,
    truth_of,
)
from tests.e2e.running import ServerProcess

openenv: Any = pytest.importorskip("openenv.core", reason="needs the OpenEnv package: pip install '.[openenv]'")

pytestmark = pytest.mark.openenv

PLAYS = [(task_id, which) for task_id in TASKS for which in range(3)]
"""Each of the three faults by its task, on three seeds each."""
INVESTIGATION: list[Json] = [
    *({"action_type": "read_artifact", "artifact_name": name} for name in ARTIFACTS),
    {"action_type": "read_logs", "log_filter": "epoch:2-5"},
    {"action_type": "read_logs", "log_filter": "epoch:2-5"},
    {"action_type": "query_artifact", "artifact_name": "config.yaml", "field_path": "optimizer.learning_rate"},
    REFUSED_QUERY,
    *({"action_type": "run_sanity_check", "sanity_check_type": check} for check in CHECKS[:5]),
]
PLAYED = [*INVESTIGATION, WRONG_DIAGNOSIS]


def seen(answer: Any) -> Json:
    """What a client sees of a step, whatever carried it."""
    if isinstance(answer, dict):
        return {key: answer[key] for key in ("observation", "reward", "done")}
    return {"observation": answer.observation, "reward": answer.reward, "done": answer.done}


def truth_in(answer: Any) -> Json:
    truth: Json = answer.metadata["ground_truth"]
    return truth


def play_sync(url: str, task_id: str, seed: int, actions: list[Json]) -> list[Any]:
    """Reset and every step through the synchronous client."""
    with openenv.GenericEnvClient(base_url=url).sync() as env:
        return [
            env.reset(task_id=task_id, seed=seed),
            *(env.step(openenv.GenericAction(**action)) for action in actions),
        ]


async def play_async(url: str, task_id: str, seed: int, actions: list[Json]) -> list[Any]:
    """Reset and every step through the asynchronous client."""
    async with openenv.GenericEnvClient(base_url=url) as env:
        first = await env.reset(task_id=task_id, seed=seed)
        return [first, *[await env.step(action) for action in actions]]


@pytest.fixture(scope="module")
def seeds(server: ServerProcess) -> dict[str, list[int]]:
    """The first three seeds that plant the fault of each task, as practice episodes tell them."""
    with open_client(server.url) as http:
        return {
            task_id: list(islice((s for s in range(100) if truth_of(http, task_id, s)["fault_id"] == fault), 3))
            for task_id, fault in TASKS.items()
        }


@pytest.mark.parametrize(("task_id", "which"), PLAYS)
def test_openenv_and_rest_give_equal_observations(
    server: ServerProcess, http: httpx.Client, seeds: dict[str, list[int]], task_id: str, which: int
) -> None:
    seed = seeds[task_id][which]
    over_openenv = play_sync(server.url, task_id, seed, PLAYED)
    over_rest = Episode(http, task_id=task_id, seed=seed)
    rest = [over_rest.first, *(over_rest.play(action) for action in PLAYED)]
    assert [seen(answer) for answer in over_openenv] == [seen(answer) for answer in rest]


@pytest.mark.parametrize("task_id", TASKS)
def test_the_async_client_sees_what_the_sync_client_sees(server: ServerProcess, task_id: str) -> None:
    over_async = asyncio.run(play_async(server.url, task_id, 3, PLAYED))
    over_sync = play_sync(server.url, task_id, 3, PLAYED)
    assert [seen(answer) for answer in over_async] == [seen(answer) for answer in over_sync]


@pytest.mark.parametrize(("task_id", "which"), PLAYS)
def test_a_wrong_diagnosis_reveals_the_truth(
    server: ServerProcess, seeds: dict[str, list[int]], task_id: str, which: int
) -> None:
    last = play_sync(server.url, task_id, seeds[task_id][which], PLAYED)[-1]
    assert last.done is True
    assert last.reward < 0.35
    assert truth_in(last)["fault_id"] == TASKS[task_id]


@pytest.mark.parametrize(("task_id", "which"), PLAYS)
def test_the_revealed_truth_scores_at_least_095_on_the_same_seed(
    server: ServerProcess, seeds: dict[str, list[int]], task_id: str, which: int
) -> None:
    seed = seeds[task_id][which]
    wrong = play_sync(server.url, task_id, seed, PLAYED)[-1]
    right = diagnosis_from(truth_in(wrong), confidence=0.9)
    answers = play_sync(server.url, task_id, seed, [*INVESTIGATION, right])
    total = sum(answer.reward for answer in answers[1:])
    print(
        f"\n{TASKS[task_id]} (task {task_id}, seed {seed}): wrong {wrong.reward}, revealed truth {answers[-1].reward}, "
        f"brier {answers[-1].metadata['brier']:.2f}, {len(answers) - 1} steps, return {total:.2f}"
    )
    assert answers[-1].done is True
    assert answers[-1].reward >= 0.95


@pytest.mark.parametrize("task_id", TASKS)
def test_the_revealed_truth_of_any_fault_scores_at_least_095(server: ServerProcess, task_id: str) -> None:
    scores: dict[str, list[float]] = {}
    for seed in range(12):
        truth = truth_in(play_sync(server.url, task_id, seed, [WRONG_DIAGNOSIS])[-1])
        right = play_sync(server.url, task_id, seed, [diagnosis_from(truth)])[-1]
        scores.setdefault(truth["fault_id"], []).append(right.reward)
    print("", *(f"{fault}: {found}" for fault, found in sorted(scores.items())), sep="\n")
    assert min(score for found in scores.values() for score in found) >= 0.95


def test_the_state_of_openenv_is_the_state_of_rest(server: ServerProcess, http: httpx.Client) -> None:
    with openenv.GenericEnvClient(base_url=server.url).sync() as env:
        episode_id = env.reset(task_id="hard", seed=3).metadata["episode_id"]
        env.step({"action_type": "read_config"})
        assert env.state() == http.get("/state", params={"episode_id": episode_id}).json()


def test_an_error_reaches_the_client_as_an_exception_and_the_episode_goes_on(server: ServerProcess) -> None:
    with openenv.GenericEnvClient(base_url=server.url).sync() as env:
        env.reset(task_id="easy", seed=3)
        with pytest.raises(RuntimeError, match="VALIDATION_ERROR"):
            env.step({"action_type": "read_artifact", "artifact_name": "secrets.txt"})
        assert env.step({"action_type": "read_config"}).observation["step_count"] == 1


def test_a_second_session_of_a_client_plays_an_episode_of_its_own(server: ServerProcess) -> None:
    with openenv.GenericEnvClient(base_url=server.url).sync() as env:
        env.reset(task_id="easy", seed=3)
        other = env.new_session()
        other.reset(task_id="hard", seed=3)
        env.step({"action_type": "read_config"})
        assert (env.state()["step_count"], other.state()["step_count"]) == (1, 0)
        assert (env.state()["task_id"], other.state()["task_id"]) == ("easy", "hard")
