"""While an episode runs, no page reveals what would solve it: every surface is searched, for every fault."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.families.multi_source import FAULTS as FAULTS_OF_SOURCES
from domain.faults import POOLS
from domain.generator import OF_SEVERAL_SOURCES, generate, planted_fault
from domain.scenario import Scenario
from domain.tasks.table import TASKS
from domain.types import SANITY_CHECK_NAMES, SINGLE_FAULT_TASKS, TaskId
from server.scenarios.simulation import InProcessSimulation
from server.settings import Settings
from server.web.pages.live.feed import Feed
from tests.profiles import smoke
from tests.served import Served, serving

FAULTS = {
    task_id: POOLS[task_id] if task_id not in OF_SEVERAL_SOURCES else FAULTS_OF_SOURCES
    for task_id in SINGLE_FAULT_TASKS
}
"""What each task draws from."""


def _first_seed(task_id: TaskId, fault_id: str) -> int:
    return next(seed for seed in range(2**52, 2**52 + 1000) if planted_fault(task_id, seed) == fault_id)


SEEDS: list[tuple[TaskId, int]] = [
    (task_id, _first_seed(task_id, fault_id)) for task_id, faults in FAULTS.items() for fault_id in faults
]
"""One for each fault."""
EXPERT_SEEDS: list[tuple[TaskId, int]] = [("expert", seed) for seed in range(2**52, 2**52 + 8)]
"""Of none, one and two faults."""
SHORTEST_LINE = 12
"""Shorter lines, for example a brace, stand on any page."""


async def investigate(served: Served, scenario: Scenario) -> None:
    """Everything an agent can look at, but no diagnosis: as many blocks of the slices as steps are left."""
    task_id, seed, artifacts = scenario.task_id, scenario.seed, scenario.evidence.artifacts
    await served.reset(task_id=task_id, seed=seed, episode_id="the-secret-id", agent="agent")
    actions: list[dict[str, Any]] = [{"action_type": "read_artifact", "artifact_name": name} for name in artifacts]
    if "data_slices.json" in artifacts:
        blocks = list(json.loads(artifacts["data_slices.json"])["blocks"])[:3]
        actions += [
            {"action_type": "query_artifact", "artifact_name": "data_slices.json", "field_path": block}
            for block in blocks
        ]
        actions.append({"action_type": "run_experiment", "patch": []})
    actions += [{"action_type": "run_sanity_check", "sanity_check_type": name} for name in SANITY_CHECK_NAMES]
    for action in actions[: TASKS[task_id].max_steps() - 1]:
        await served.step("the-secret-id", action)


async def public_surfaces(served: Served) -> dict[str, str]:
    """What every viewer can read."""
    paths = ("/", "/episodes", "/episodes?status=running", "/episodes/~1", "/episodes/~1?step=3", "/live", "/play")
    paths += (
        "/compare?a=~1&b=~1",
        "/episodes.json",
        "/agent?name=agent",
        "/agent.json?name=agent",
        "/run?name=the-secret",
        "/episodes.json?run=the",
    )
    surfaces = {path: (await served.client.get(path)).text.replace("<wbr>", "") for path in paths}
    feed: Feed = served.app.state.pages.feed
    following = feed.follow(0)
    surfaces["/live/feed"] = b"".join(each.frame for each in await anext(following)).decode()
    await following.aclose()
    return surfaces


def solving(scenario: Scenario) -> set[str]:
    """What would name the scenario or its fault."""
    planted = {word for fault in scenario.truth.planted for word in (fault.fault_id, str(fault.proposed_fix))}
    return {str(scenario.seed), scenario.digest, scenario.digest[:16], *planted}


ALL_SEEDS = SEEDS + EXPERT_SEEDS
SMOKE = ALL_SEEDS[::4]


@pytest.mark.parametrize("seeded", smoke(ALL_SEEDS, SMOKE.__contains__), ids=str)
async def test_no_surface_reveals_what_would_solve_a_running_episode(
    settings: Settings, seeded: tuple[TaskId, int]
) -> None:
    task_id, seed = seeded
    scenario = generate(task_id, seed)
    shown = {line.strip() for text in scenario.evidence.artifacts.values() for line in text.splitlines()}
    evidence = {line for line in shown if len(line) >= SHORTEST_LINE}
    reasons = {reason for check in scenario.evidence.checks.values() for reason in check.reasons or ()}
    hidden = solving(scenario) | evidence | reasons | {"the-secret-id", scenario.evidence.run_id}
    async with serving(settings, simulation=InProcessSimulation()) as served:
        await investigate(served, scenario)
        surfaces = await public_surfaces(served)
        own = (await served.client.get("/episodes/the-secret-id")).text
    leaked = {(path, word) for path, text in surfaces.items() for word in hidden if word in text}
    assert leaked == set()
    assert {word for word in solving(scenario) if word in own} == set()
    for word in ("the fault is here", "the guilty change", "agrees with the data", "faulty source"):
        assert word not in own
    print(f"{task_id}/{scenario.truth.fault_id}: {len(hidden)} words searched for on {len(surfaces) + 1} surfaces")


def test_every_fault_is_among_them() -> None:
    assert len({generate(task_id, seed).truth.fault_id for task_id, seed in SEEDS}) == len(
        {fault_id for faults in FAULTS.values() for fault_id in faults}
    )
