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


def warm(
    suite: Annotated[str, typer.Option(help="Name of a suite, or a .json file.")] = "practice-2",
    database: DatabaseOption = None,
) -> None:
    """Generate the scenarios of a suite into the database in advance. A server may run at the same time."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from mlops_debug_env.suites import UnknownSuiteError, UnreadableSuiteError, read_suite
    from server.operations.prewarm import PrewarmResult, prewarm
    from server.scenarios.simulation import PooledSimulation

    settings = settings_of(database_url=to_url(database))
    require_usable_database(settings)
    try:
        keys = [(entry.task_id, entry.seed) for entry in read_suite(suite).entries]
    except (UnknownSuiteError, UnreadableSuiteError) as error:
        fail(str(error))
    console = Console(stderr=True)
    columns = (TextColumn("scenarios"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())

    async def run() -> PrewarmResult:
        simulation = PooledSimulation(settings.generator_processes, timeout_seconds=settings.generation_seconds)
        await simulation.start()
        try:
            with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
                bar = progress.add_task("", total=len(keys))
                return await prewarm(
                    settings.database_url,
                    simulation,
                    keys,
                    concurrency=2 * settings.generator_processes,
                    done=lambda: progress.advance(bar),
                )
        finally:
            await simulation.stop()

    upgrade_tables(settings)
    result = asyncio.run(run())
    typer.echo(f"{suite}: {counted(result.generated, 'scenario')} generated, {result.found} found")
