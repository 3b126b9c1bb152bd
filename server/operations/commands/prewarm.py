"""``mlops-debug warm``: generates the scenarios of a suite in advance."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from mlops_debug_env.protocol.counts import counted
from server.operations.commands.setup import (
    DatabaseOption,
    fail,
    require_usable_database,
    settings_of,
    to_url,
    upgrade_tables,
)
from server.operations.progress import showing_progress


def warm(
    suite: Annotated[str, typer.Option(help="Name of a suite, or a .json file.")] = "practice-2",
    database: DatabaseOption = None,
) -> None:
    """Generate the scenarios of a suite into the database in advance. A server may run at the same time."""
    with showing_progress(left="what was generated is stored; repeat the command to go on") as progress:
        from mlops_debug_env.suites import UnknownSuiteError, UnreadableSuiteError, read_suite
        from server.operations.prewarm import PrewarmResult, prewarm
        from server.scenarios.simulation import PooledSimulation

        settings = settings_of(database_url=to_url(database))
        require_usable_database(settings)
        try:
            keys = [(entry.task_id, entry.seed) for entry in read_suite(suite).entries]
        except (UnknownSuiteError, UnreadableSuiteError) as error:
            fail(str(error))

        async def run() -> PrewarmResult:
            simulation = PooledSimulation(settings.generator_processes, timeout_seconds=settings.generation_seconds)
            await simulation.start()
            try:
                return await prewarm(
                    settings.database_url,
                    simulation,
                    keys,
                    concurrency=2 * settings.generator_processes,
                    done=progress.advance,
                )
            finally:
                await simulation.stop()

        upgrade_tables(settings, progress)
        progress.begin("scenarios", len(set(keys)))
        result = asyncio.run(run())
        progress.finish()
        typer.echo(f"{suite}: {counted(result.generated, 'scenario')} generated, {result.found} found")
