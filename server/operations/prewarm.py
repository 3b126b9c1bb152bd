"""Generates scenarios into the store ahead of the episodes that will use them."""

from __future__ import annotations

import asyncio
from typing import Callable, NamedTuple, Sequence

from domain.types import TaskId
from server.scenarios.repository import CachedScenario, is_scenario_stored
from server.scenarios.simulation import Simulation
from server.storage.connections import run_read, run_write
from server.storage.sql import run_rows


class PrewarmResult(NamedTuple):
    generated: int
    found: int
    """Those that were in the store already."""


async def prewarm(
    database_url: str,
    simulation: Simulation,
    keys: Sequence[tuple[TaskId, int]],
    *,
    concurrency: int,
    done: Callable[[], None],
) -> PrewarmResult:
    """Store the scenarios of ``keys`` (task and seed), so many at a time. ``done`` is called after each.

    Can be interrupted at any time: what was generated is stored, and a repeated call continues.
    """
    limit = asyncio.Semaphore(concurrency)

    async def generate_one(task_id: TaskId, seed: int) -> bool:
        async with limit:
            version = simulation.generator_version
            is_found = await run_read(database_url, lambda opened: is_scenario_stored(opened, version, task_id, seed))
            if not is_found:
                row = CachedScenario(await simulation.generate(task_id, seed), is_stored=False).row()
                await run_write(database_url, lambda opened: run_rows(opened, row.statement, [row.values]))
        done()
        return is_found

    found = sum(await asyncio.gather(*(generate_one(task_id, seed) for task_id, seed in dict.fromkeys(keys))))
    return PrewarmResult(len(set(keys)) - found, found)
