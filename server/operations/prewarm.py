"""Generates scenarios ahead of the episodes that will play them, into the store where a server looks first."""

from __future__ import annotations

import asyncio
from typing import Callable, NamedTuple, Sequence

from domain.types import TaskId
from server.scenarios.repository import CachedScenario, is_scenario_stored
from server.scenarios.simulation import Simulation
from server.storage.connections import run_read, run_write
from server.storage.sql import run_rows


class Warmed(NamedTuple):
    generated: int
    found: int
    """Were in the store already."""


async def warm(
    database_url: str,
    world: Simulation,
    keys: Sequence[tuple[TaskId, int]],
    *,
    concurrency: int,
    done: Callable[[], None],
) -> Warmed:
    """Store the scenarios of ``keys`` (task and seed), so many at a time. ``done`` is called after each.

    Stopped at any moment it has kept what it generated, and goes on from there when it is called again.
    """
    room = asyncio.Semaphore(concurrency)

    async def one(task_id: TaskId, seed: int) -> bool:
        async with room:
            version = world.generator_version
            is_found = await run_read(database_url, lambda opened: is_scenario_stored(opened, version, task_id, seed))
            if not is_found:
                row = CachedScenario(await world.generate(task_id, seed), is_stored=False).row()
                await run_write(database_url, lambda opened: run_rows(opened, row.statement, [row.values]))
        done()
        return is_found

    found = sum(await asyncio.gather(*(one(task_id, seed) for task_id, seed in dict.fromkeys(keys))))
    return Warmed(len(set(keys)) - found, found)
