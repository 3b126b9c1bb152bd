"""``mlops-debug warm``: generates the scenarios of a suite ahead."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from server.operations.commands.setup import DatabaseOption, as_url, existing_or_new, fail, settings_of


def warm(
    suite: Annotated[str, typer.Option(help="Name of a suite, or a .json file.")] = "practice-1",
    database: DatabaseOption = None,
) -> None:
    """Generate the scenarios of a suite into the database, so that no agent waits for one. A server may run beside it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from mlops_debug_env.suites import UnknownSuiteError, UnreadableSuiteError, read_suite
    from server.operations.prewarm import Warmed
    from server.operations.prewarm import warm as warm_store
    from server.scenarios.simulation import PooledSimulation
    from server.storage.engines import parse_url
    from server.storage.migrations import upgrade_database

    settings = settings_of(database_url=as_url(database))
    existing_or_new(settings)
    try:
        keys = [(entry.task_id, entry.seed) for entry in read_suite(suite).entries]
    except (UnknownSuiteError, UnreadableSuiteError) as error:
        fail(str(error))
    console = Console(stderr=True)
    columns = (TextColumn("scenarios"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())

    async def run() -> Warmed:
        await upgrade_database(parse_url(settings.database_url))
        world = PooledSimulation(settings.generator_processes, timeout_seconds=settings.generation_seconds)
        await world.start()
        try:
            with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
                bar = progress.add_task("", total=len(keys))
                return await warm_store(
                    settings.database_url,
                    world,
                    keys,
                    concurrency=2 * settings.generator_processes,
                    done=lambda: progress.advance(bar),
                )
        finally:
            await world.stop()

    warmed = asyncio.run(run())
    typer.echo(f"{suite}: {warmed.generated} scenarios generated, {warmed.found} were there")
