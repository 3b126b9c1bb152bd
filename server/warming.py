"""Generates scenarios ahead of the episodes that will play them, into the store where a server looks first."""

from __future__ import annotations

import asyncio
from typing import Callable, NamedTuple, Sequence

from domain.types import TaskId
from server.operating import change, look
from server.scenarios import HeldScenario, is_scenario_stored
from server.settings import Settings
from server.statements import run_rows
from server.world import World


class Warmed(NamedTuple):
    generated: int
    found: int
    """Were in the store already."""


async def warm(
    settings: Settings, world: World, keys: Sequence[tuple[TaskId, int]], *, done: Callable[[], None]
) -> Warmed:
    """Store the scenarios of ``keys`` (task and seed). ``done`` is called after each.

    Stopped at any moment it has kept what it generated, and goes on from there when it is called again.
    """
    room = asyncio.Semaphore(2 * settings.generator_processes)

    async def one(task_id: TaskId, seed: int) -> bool:
        async with room:
            version = world.generator_version
            is_found = await look(settings, lambda opened: is_scenario_stored(opened, version, task_id, seed))
            if not is_found:
                row = HeldScenario(await world.generate(task_id, seed), is_stored=False).row()
                await change(settings, lambda opened: run_rows(opened, row.statement, [row.values]))
        done()
        return is_found

    found = sum(await asyncio.gather(*(one(task_id, seed) for task_id, seed in dict.fromkeys(keys))))
    return Warmed(len(set(keys)) - found, found)
