"""The command ``mlops-debug``."""

from __future__ import annotations

import asyncio
import json
import os
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from mlops_debug_env.commands.compare import compare
from mlops_debug_env.commands.compete import compete
from mlops_debug_env.commands.demo import demo
from mlops_debug_env.commands.run import run
from server.commands.auditing import audit, checkpoint
from server.commands.care import backup, doctor
from server.commands.failures import CommandGroup
from server.commands.invocation import (
    DatabaseOption,
    JsonOption,
    as_url,
    existing,
    existing_or_new,
    fail,
    settings_of,
)
from server.commands.keys import keys
from server.commands.records import export, rebuild, regrade, verify
from server.commands.rounds import rounds
from server.commands.warming import warm
from server.database import parse_url

cli = typer.Typer(
    name="mlops-debug",
    cls=CommandGroup,
    help="Host episodes of ML-failure diagnosis, and replay and audit what happened in them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

database_commands = typer.Typer(name="db", help="The tables of the database.", no_args_is_help=True)
cli.add_typer(database_commands)

cli.add_typer(keys, name="keys")
cli.add_typer(rounds, name="rounds")
cli.command()(run)
cli.command()(compare)
cli.command()(compete)
cli.command()(demo)
cli.command()(audit)
cli.command()(checkpoint)
cli.command()(export)
cli.command()(verify)
cli.command()(rebuild)
cli.command()(regrade)
cli.command()(warm)
cli.command()(backup)
cli.command()(doctor)


@cli.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    database: DatabaseOption = None,
    log_level: Annotated[str | None, typer.Option(help="critical, error, warning, info or debug.")] = None,
    access: Annotated[
        str | None,
        typer.Option(help="open: everybody may play; keys: only who has an API key; auto: open on loopback."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Server processes; more than one needs PostgreSQL.")
    ] = None,
) -> None:
    """Serve the environment over REST and WebSocket.

    Exit 0: stopped by Ctrl-C. 143: stopped by SIGTERM, in order too. 2: a setting, the address, the database or the folder of secrets cannot be used,
    told in one line before anything starts. 3: the start failed later; the log says why.
    """
    from server.serving import serve_until_stopped

    serve_until_stopped(
        settings_of(
            host=host, port=port, database_url=as_url(database), log_level=log_level, access=access, workers=workers
        )
    )


@cli.command()
def replay(episode: str, database: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """Show an investigation step by step, with what each step earned."""
    from server.replay import UnfoldableEpisodeError, UnknownStreamError, render_replay, replay_episode

    settings = settings_of(database_url=as_url(database))
    try:
        replayed = asyncio.run(replay_episode(existing(settings), episode))
    except (UnknownStreamError, UnfoldableEpisodeError) as error:
        fail(str(error))
    typer.echo(replayed.model_dump_json(indent=2) if as_json else render_replay(replayed))


@database_commands.command(name="upgrade")
def upgrade_tables(database: DatabaseOption = None) -> None:
    """Bring the tables to the newest version; nothing where they have it."""
    from server.schema_versions import upgrade_database

    settings = settings_of(database_url=as_url(database))
    existing_or_new(settings)
    version = asyncio.run(upgrade_database(parse_url(settings.database_url)))
    typer.echo(f"at version {version.present}")


@database_commands.command(name="check")
def check_tables(database: DatabaseOption = None) -> None:
    """Tell which version the tables have. Exit 0: the newest, 1: they need an upgrade."""
    from server.replay import reading
    from server.schema_versions import SchemaVersion, read_version

    settings = existing(settings_of(database_url=as_url(database)))

    async def look() -> SchemaVersion:
        async with reading(settings) as connection:
            return await connection.run_sync(read_version)

    version = asyncio.run(look())
    if version.is_newest:
        typer.echo(f"at version {version.present}, the newest")
        return
    present = "empty" if version.present is None else f"at version {version.present}"
    typer.echo(f"{present}, the newest is {version.newest}: run mlops-debug db upgrade")
    raise typer.Exit(1)


@cli.command()
def floor(
    seeds: Annotated[int, typer.Option(min=1, help="Scenarios a fault.")] = 1, as_json: JsonOption = False
) -> None:
    """Compute the best score that a constant answer can reach on each task without looking at the evidence."""
    from domain.composed_floor import composed_floor
    from domain.floor import blind_floor
    from domain.types import SINGLE_FAULT_TASKS

    floors = [blind_floor(task_id, seeds=seeds) for task_id in SINGLE_FAULT_TASKS]
    expert = composed_floor()
    if as_json:
        shown = {each.task_id: {"floor": each.score, "answer": each.answer.model_dump(mode="json")} for each in floors}
        answer = [said.model_dump(mode="json") for said in expert.answer]
        typer.echo(json.dumps({**shown, "expert": {"floor": expert.score, "answer": answer}}, indent=2))
        return
    for each in floors:
        typer.echo(f"{each.task_id:8}{each.score:.4f}  {each.answer.model_dump_json(exclude_none=True)}")
    lists = ", ".join(f"{score:.4f} with {count}" for count, score in enumerate(expert.by_length))
    typer.echo(f"expert  {expert.score:.4f}  the best constant list: {lists} entries")


@cli.command()
def canaries(
    episodes: Annotated[int, typer.Option(min=500, help="Public episodes that classifiers learn from.")] = 5000,
    held_out: Annotated[int, typer.Option(min=100, help="Fresh episodes of each kind to test them on.")] = 900,
    seeds: Annotated[int, typer.Option(min=1, help="Fresh scenarios a fault for the blind agents.")] = 4,
    blind_only: Annotated[bool, typer.Option("--blind", help="Only the blind agents: seconds, not minutes.")] = False,
    folder: Annotated[
        Path | None, typer.Option("--write", help="Folder for floor.md, difficulty.md and the plot.")
    ] = None,
) -> None:
    """Score agents that must not score: blind ones, and classifiers that read public episodes. Exit 1: one scores too much."""
    from bench.canaries.command import run_canaries

    text, is_fine = run_canaries(
        None if blind_only else (episodes, held_out), seeds=seeds, folder=folder, say=partial(typer.echo, err=True)
    )
    typer.echo(text)
    raise typer.Exit(0 if is_fine else 1)


@cli.command()
def bench(
    quick: Annotated[bool, typer.Option("--quick", help="Under a minute; fewer clients, shorter slices.")] = False,
    plan: Annotated[str | None, typer.Option(help="full, quick or smallest.", hidden=True)] = None,
    json_path: Annotated[Path, typer.Option("--json", help="Where to write all figures.")] = Path("bench.json"),
    plot_path: Annotated[Path, typer.Option("--plot", help="Where to draw, PNG or SVG.")] = Path("bench.svg"),
    folder: Annotated[
        Path | None, typer.Option(help="On whose disk the databases lie. Default: the temporary folder.")
    ] = None,
    postgres: Annotated[str | None, typer.Option(help="Measure this server on this PostgreSQL database, too.")] = None,
) -> None:
    """Measure this server against OpenEnv's own and a bare Starlette, in one run on this machine."""
    try:
        from bench.command import run_benchmark
    except ModuleNotFoundError as error:
        fail(f"the benchmark needs {error.name}: pip install 'openenv-mlops-debug-env[bench]'")
    chosen = plan or ("quick" if quick else "full")
    progress = partial(typer.echo, err=True)
    typer.echo(
        run_benchmark(chosen, json_path=json_path, plot_path=plot_path, folder=folder, postgres=postgres, say=progress)
    )
    typer.echo(f"wrote {json_path} and {plot_path}", err=True)


def main() -> None:
    """The program ``mlops-debug``. Interpreters that it starts do not import from the working directory."""
    os.environ["PYTHONSAFEPATH"] = "1"
    cli()
