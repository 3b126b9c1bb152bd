"""Stores of many episodes, recorded by the real server over the real generator."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from server.app import random_id, utc_now
from server.episodes.commands import AuthorizedReset, ResetRequest
from server.scenarios.simulation import PooledSimulation, Simulation
from server.services import Services, open_services
from server.settings import Settings
from server.web.request_body import decode_step

READS = ("read_config", "read_logs", "inspect_preprocessing", "read_eval_results", "check_dataset_stats")
TASKS = ("easy", "medium", "hard")
CONCURRENTLY = 64


def actions_of(number: int) -> list[dict[str, Any]]:
    """Five reads, two checks and a diagnosis, which differ from episode to episode."""
    patch = {"file": "config.yaml", "field": "optimizer.learning_rate", "value": (0.05, 0.1)[number % 2]}
    return [
        *({"action_type": READS[(number + n) % 5]} for n in range(5)),
        {"action_type": "run_sanity_check", "sanity_check_type": "loss_trajectory"},
        {"action_type": "run_sanity_check", "sanity_check_type": "data_leakage"},
        {"action_type": "submit_diagnosis", "root_cause_file": "config.yaml", "patch": [patch], "confidence": 0.5},
    ]


async def record(
    settings: Settings, *, episodes: int, scenarios: int, simulation: Simulation | None = None, prefix: str = "e"
) -> None:
    """Play ``episodes`` to their end, on ``scenarios`` different ones, in turns. Their names begin with the prefix."""
    numbers = iter(range(episodes))
    chosen = simulation or PooledSimulation(2, timeout_seconds=600)
    async with open_services(settings, chosen, clock=utc_now, new_id=random_id) as here:

        async def play_on() -> None:
            for number in numbers:
                await _play(here, number, scenarios, prefix)

        await asyncio.gather(*(play_on() for _ in range(CONCURRENTLY)))


async def _play(here: Services, number: int, scenarios: int, prefix: str) -> None:
    which = number % scenarios
    request = ResetRequest(episode_id=f"{prefix}-{number}", task_id=TASKS[which % 3], seed=which, agent="a")
    await here.episodes.reset(AuthorizedReset(request))
    for action in actions_of(number):
        step = decode_step(_encoded(action))
        await here.episodes.step(f"{prefix}-{number}", step.action)


def _encoded(action: dict[str, Any]) -> bytes:
    return json.dumps({"action": action}).encode()
