"""The command ``mlops-debug``."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from server.database import DatabaseUrlError, database_path, parse_url
from server.settings import SettingError, Settings, read_settings

cli = typer.Typer(
    name="mlops-debug",
    help="Host episodes of ML-failure diagnosis, and replay and audit what happened in them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

DatabaseOption = Annotated[
    str | None, typer.Option("--database", help="SQLAlchemy URL, or the path of an SQLite file.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
USAGE = 2


@cli.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    database: DatabaseOption = None,
    log_level: Annotated[str | None, typer.Option(help="critical, error, warning, info or debug.")] = None,
) -> None:
    """Serve the environment over REST and WebSocket."""
    settings = _settings(host=host, port=port, database_url=_as_url(database), log_level=log_level)
    import uvicorn

    from server.app import create_app

    typer.echo(f"database: {_existing_or_new(settings)}")
    typer.echo(f"listening on http://{settings.host}:{settings.port}")
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_level=settings.log_level,
        access_log=settings.log_level == "debug",
        # A frame somewhat over the limit is answered; only a far longer one closes its socket.
        ws_max_size=4 * settings.body_limit_bytes,
        ws_ping_interval=settings.ping_seconds,
        ws_ping_timeout=settings.ping_timeout_seconds,
        # Limits go by the address that is really connected: a header can say anything.
        proxy_headers=False,
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

    settings = _settings(database_url=_as_url(database))
    try:
        replayed = replay_episode(_existing(settings), episode)
    except (UnknownStreamError, UnfoldableEpisodeError, NotOurDatabaseError) as error:
        _fail(str(error))
    typer.echo(replayed.model_dump_json(indent=2) if as_json else render_replay(replayed))


@cli.command()
def audit(episode: str, database: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """Check that the record of an episode is whole and says what happened. Exit 0: no findings, 1: findings."""
    from server.audit import audit_episode, render_report
    from server.replay import NotOurDatabaseError, UnknownStreamError
    from server.world import InlineWorld

    settings = _settings(database_url=_as_url(database))
    try:
        report = asyncio.run(audit_episode(_existing(settings), InlineWorld(), episode))
    except (UnknownStreamError, NotOurDatabaseError) as error:
        _fail(str(error))
    typer.echo(report.model_dump_json(indent=2) if as_json else render_report(report))
    raise typer.Exit(1 if report.findings else 0)


@cli.command()
def floor(
    seeds: Annotated[int, typer.Option(min=1, help="Scenarios a fault.")] = 3, as_json: JsonOption = False
) -> None:
    """Compute the best score that a constant answer can reach on each task without looking at the evidence."""
    from domain.floor import blind_floor
    from domain.types import TASK_IDS

    floors = [blind_floor(task_id, seeds=seeds) for task_id in TASK_IDS]
    if as_json:
        shown = {each.task_id: {"floor": each.score, "answer": each.answer.model_dump(mode="json")} for each in floors}
        typer.echo(json.dumps(shown, indent=2))
        return
    for each in floors:
        typer.echo(f"{each.task_id:8}{each.score:.4f}  {each.answer.model_dump_json(exclude_none=True)}")


def _settings(**given: Any) -> Settings:
    try:
        settings = read_settings(os.environ, **given)
        parse_url(settings.database_url)
    except (SettingError, DatabaseUrlError) as error:
        _fail(str(error))
    return settings


def _as_url(database: str | None) -> str | None:
    """A plain path is an SQLite file."""
    return f"sqlite:///{database}" if database is not None and "://" not in database else database


def _existing_or_new(settings: Settings) -> Path:
    path = database_path(parse_url(settings.database_url))
    if not path.parent.is_dir():
        _fail(f"there is no folder {path.parent} for the database")
    return path


def _existing(settings: Settings) -> Settings:
    path = database_path(parse_url(settings.database_url))
    if not path.is_file():
        _fail(f"there is no database {path}; name one with --database or MLOPS_DEBUG_DATABASE_URL")
    typer.echo(f"database: {path}", err=True)
    return settings


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(USAGE)
