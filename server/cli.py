"""The command ``mlops-debug``."""

from __future__ import annotations

import asyncio
import json
import os
from functools import partial
from pathlib import Path
from typing import Annotated, cast

import typer

from mlops_debug_env.commands.compare import compare
from mlops_debug_env.commands.compete import compete
from mlops_debug_env.commands.demo import demo
from mlops_debug_env.commands.run import run
from server.commands.auditing import audit, checkpoint
from server.commands.care import backup, doctor
from server.commands.invocation import (
    DatabaseOption,
    JsonOption,
    as_url,
    change,
    existing,
    existing_or_new,
    fail,
    settings_of,
)
from server.commands.keys import keys
from server.commands.records import export, rebuild, regrade, verify
from server.commands.rounds import rounds
from server.commands.warming import warm
from server.database import is_sqlite, parse_url, shown_url
from server.settings import Settings, to_environment

cli = typer.Typer(
    name="mlops-debug",
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

STOP_SECONDS = 10


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
    """Serve the environment over REST and WebSocket."""
    settings = settings_of(
        host=host, port=port, database_url=as_url(database), log_level=log_level, access=access, workers=workers
    )
    import uvicorn

    from server.app import create_app
    from server.collector import calm_collector
    from server.logs import log_config
    from server.patience import PatientHttpProtocol

    _prepare(settings)
    calm_collector()
    _require_somebody_to_play(settings)
    typer.echo(f"listening on http://{settings.host}:{settings.port}")
    if settings.workers > 1:
        os.environ.update(to_environment(settings))
    uvicorn.run(
        create_app(settings) if settings.workers == 1 else "server.app:create_app_from_environment",
        factory=settings.workers > 1,
        workers=settings.workers,
        host=settings.host,
        port=settings.port,
        log_config=log_config(settings),
        log_level=settings.log_level,
        access_log=False,  # ours tells more, and no query
        # A frame somewhat over the limit is answered; only a far longer one closes its socket.
        ws_max_size=4 * settings.body_limit_bytes,
        # Off by default: it costs CPU for each answer and memory for each socket, to save bytes that a fast network has.
        ws_per_message_deflate=settings.compress_sockets,
        ws_ping_interval=settings.ping_seconds,
        ws_ping_timeout=settings.ping_timeout_seconds,
        # Limits go by the address that is really connected: a header can say anything.
        proxy_headers=False,
        server_header=False,
        http=cast(
            type[asyncio.Protocol], partial(PatientHttpProtocol, header_timeout_seconds=settings.header_timeout_seconds)
        ),
        # Requests under way are finished; a client that never ends does not keep the server.
        timeout_graceful_shutdown=STOP_SECONDS,
    )


@cli.command()
def replay(episode: str, database: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """Show an investigation step by step, with what each step earned."""
    from server.replay import (
        NotOurDatabaseError,
        UnfoldableEpisodeError,
        UnknownStreamError,
        render_replay,
        replay_episode,
    )

    settings = settings_of(database_url=as_url(database))
    try:
        replayed = asyncio.run(replay_episode(existing(settings), episode))
    except (UnknownStreamError, UnfoldableEpisodeError, NotOurDatabaseError) as error:
        fail(str(error))
    typer.echo(replayed.model_dump_json(indent=2) if as_json else render_replay(replayed))


@database_commands.command(name="upgrade")
def upgrade_tables(database: DatabaseOption = None) -> None:
    """Bring the tables to the newest version; nothing where they have it."""
    from server.schema_versions import NewerDatabaseError, upgrade_database
    from server.store_errors import StoreUnavailableError

    settings = settings_of(database_url=as_url(database))
    existing_or_new(settings)
    try:
        version = asyncio.run(upgrade_database(parse_url(settings.database_url)))
    except (NewerDatabaseError, StoreUnavailableError) as error:
        fail(str(error))
    typer.echo(f"at version {version.present}")


@database_commands.command(name="check")
def check_tables(database: DatabaseOption = None) -> None:
    """Tell which version the tables have. Exit 0: the newest, 1: they need an upgrade."""
    from server.replay import NotOurDatabaseError, reading
    from server.schema_versions import NewerDatabaseError, SchemaVersion, read_version

    settings = existing(settings_of(database_url=as_url(database)))

    async def look() -> SchemaVersion:
        async with reading(settings) as connection:
            return await connection.run_sync(read_version)

    try:
        version = asyncio.run(look())
    except (NewerDatabaseError, NotOurDatabaseError) as error:
        fail(str(error))
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


def _prepare(settings: Settings) -> None:
    """Say which database is served, and end here, in one sentence, where it cannot be."""
    url = parse_url(settings.database_url)
    if is_sqlite(url) and settings.workers > 1:
        fail(
            f"--workers {settings.workers} needs PostgreSQL: in an SQLite file one process writes at a time, so that "
            "several would only wait for each other's lock. Leave --workers away, or see docs/postgres.md"
        )
    existing_or_new(settings)
    typer.echo(f"database: {shown_url(url)}")
    if is_sqlite(url):
        return
    from server.backend import opened
    from server.durability import UnsafeDatabaseError
    from server.schema_versions import NewerDatabaseError
    from server.store_errors import StoreUnavailableError

    async def open_once() -> None:
        async with opened(settings):
            pass

    try:
        asyncio.run(open_once())
    except (UnsafeDatabaseError, NewerDatabaseError, StoreUnavailableError) as error:
        fail(str(error))


def _require_somebody_to_play(settings: Settings) -> None:
    """Refuse to listen where nobody could get in: it is more likely a mistake than a wish."""
    from server.authentication import is_open
    from server.keys import count_keys

    if not is_open(settings) and change(settings, count_keys) == 0:
        fail(
            f"{settings.host} can be reached by others, and there is no API key: make one with mlops-debug keys "
            "create NAME, or let everybody in with --access open"
        )
