"""The command ``mlops-debug``."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from mlops_debug_env.commands.compare import compare
from mlops_debug_env.commands.compete import compete
from mlops_debug_env.commands.demo import demo
from mlops_debug_env.commands.mcp import mcp
from mlops_debug_env.commands.options import HELP_OPTIONS, group_options
from mlops_debug_env.commands.run import run
from server.operations.commands.audit import audit, checkpoint
from server.operations.commands.failures import CommandGroup
from server.operations.commands.keys import keys
from server.operations.commands.maintenance import backup, doctor
from server.operations.commands.prewarm import warm
from server.operations.commands.records import export, rebuild, regrade, verify
from server.operations.commands.rounds import rounds
from server.operations.commands.setup import (
    DatabaseOption,
    JsonOption,
    fail,
    find_episode,
    require_database,
    require_usable_database,
    setting_help,
    settings_of,
    to_url,
    upgrade_tables,
)
from server.operations.commands.view import view
from server.operations.progress import showing_progress

cli = typer.Typer(
    name="mlops-debug",
    cls=CommandGroup,
    help="Host episodes of ML-failure diagnosis, and replay and audit what happened in them.",
    no_args_is_help=True,
    context_settings=HELP_OPTIONS,
    pretty_exceptions_enable=False,
)

cli.callback()(group_options)

database_commands = typer.Typer(help="The tables of the database.", no_args_is_help=True)

PLAY, ROUNDS, OPERATE, PROOF = "Play", "Rounds", "Operate", "Proof"
"""Panels of the help, in this order."""

cli.command(rich_help_panel=PLAY)(run)
cli.command(rich_help_panel=PLAY)(compare)
cli.command(rich_help_panel=PLAY)(view)
cli.command(rich_help_panel=PLAY)(export)
cli.command(rich_help_panel=PLAY)(demo)
cli.command(rich_help_panel=PLAY)(mcp)
cli.command(rich_help_panel=ROUNDS)(compete)
cli.add_typer(rounds, name="rounds", rich_help_panel=ROUNDS)


@cli.command(rich_help_panel=OPERATE)
def serve(
    host: Annotated[str | None, typer.Option(help=setting_help("host", "Address to listen on."))] = None,
    port: Annotated[int | None, typer.Option(help=setting_help("port", "Port to listen on."))] = None,
    database: DatabaseOption = None,
    log_level: Annotated[
        str | None, typer.Option(help=setting_help("log_level", "critical, error, warning, info or debug."))
    ] = None,
    access: Annotated[
        str | None,
        typer.Option(
            help=setting_help(
                "access", "open: no API key is needed; keys: an API key is needed; auto: open on loopback only."
            )
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help=setting_help("workers", "Server processes that share the port and the database.")),
    ] = None,
    reserve: Annotated[
        int | None,
        typer.Option(
            min=0, help=setting_help("reserve", "Fresh scenarios of each task that are generated ahead in idle time.")
        ),
    ] = None,
    root_path: Annotated[
        str | None,
        typer.Option(
            help=setting_help("root_path", "Prefix of the path under which a proxy serves this server, as /debugger.")
        ),
    ] = None,
) -> None:
    """Serve the environment over REST and WebSocket.

    Exit 0: stopped by Ctrl-C. 143: stopped in order by SIGTERM. 2: a setting, the address, the database or the folder of secrets cannot be used,
    as one line reports before anything starts. 3: the start failed later; the log has the reason.
    """
    from server.gc_tuning import pause_gc

    pause_gc()
    from server.operations.serve import serve_until_stopped

    serve_until_stopped(
        settings_of(
            host=host,
            port=port,
            database_url=to_url(database),
            log_level=log_level,
            access=access,
            workers=workers,
            reserve=reserve,
            root_path=root_path,
        )
    )


cli.add_typer(keys, name="keys", rich_help_panel=OPERATE)
cli.add_typer(database_commands, name="db", rich_help_panel=OPERATE)
cli.command(rich_help_panel=OPERATE)(warm)
cli.command(rich_help_panel=OPERATE)(backup)
cli.command(rich_help_panel=OPERATE)(doctor)
cli.command(rich_help_panel=OPERATE)(rebuild)


@cli.command(rich_help_panel=PROOF)
def replay(
    episode: Annotated[str, typer.Argument(help="Name of the episode, as its player or as the store has it.")],
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show an episode step by step, with the reward of each step."""
    from server.audit.replay import render_replay, replay_episode
    from server.episodes.errors import UnfoldableEpisodeError, UnknownEpisodeError

    settings = require_database(settings_of(database_url=to_url(database)), is_read=True)
    try:
        replayed = asyncio.run(replay_episode(settings.database_url, find_episode(settings, episode)))
    except (UnknownEpisodeError, UnfoldableEpisodeError) as error:
        fail(str(error))
    typer.echo(replayed.model_dump_json(indent=2) if as_json else render_replay(replayed))


cli.command(rich_help_panel=PROOF)(audit)
cli.command(rich_help_panel=PROOF)(checkpoint)
cli.command(rich_help_panel=PROOF)(verify)
cli.command(rich_help_panel=PROOF)(regrade)


@database_commands.command(name="upgrade")
def upgrade(database: DatabaseOption = None) -> None:
    """Upgrade the tables to the newest version, if they are older. Ctrl-C ends it and leaves them as they were."""
    with showing_progress(left="the tables are as they were") as progress:
        settings = settings_of(database_url=to_url(database))
        require_usable_database(settings)
        version = upgrade_tables(settings, progress)
        typer.echo(f"at version {version.present}")


@database_commands.command(name="check")
def check_tables(database: DatabaseOption = None) -> None:
    """Print the version of the tables. Exit 0: the newest, 1: they need an upgrade."""
    from server.storage.connections import open_read_connection
    from server.storage.migrations import SchemaVersion, read_version

    settings = require_database(settings_of(database_url=to_url(database)))

    async def read() -> SchemaVersion:
        async with open_read_connection(settings.database_url) as connection:
            return await connection.run_sync(read_version)

    version = asyncio.run(read())
    if version.is_newest:
        typer.echo(f"at version {version.present}, the newest")
        return
    present = "empty" if version.present is None else f"at version {version.present}"
    typer.echo(f"{present}, the newest is {version.newest}: run mlops-debug db upgrade")
    raise typer.Exit(1)


def main() -> None:
    """The program ``mlops-debug``, as installations of before name it."""
    from server.__main__ import main as run_program

    run_program()
