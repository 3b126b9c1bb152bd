"""What every command does first: read the settings, find the database, and say plainly what is wrong."""

from __future__ import annotations

import asyncio
import os
from typing import Annotated, Any, Callable, NoReturn, TypeVar

import typer
from sqlalchemy import Connection

from server.database import DatabaseUrlError, database_path, is_sqlite, parse_url, shown_url
from server.settings import SettingError, Settings, read_settings

DatabaseOption = Annotated[
    str | None, typer.Option("--database", help="SQLAlchemy URL, or the path of an SQLite file.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
USAGE = 2

_Result = TypeVar("_Result")


def settings_of(**given: Any) -> Settings:
    """The settings of the environment; values that are given and not null win."""
    try:
        settings = read_settings(os.environ, **given)
        parse_url(settings.database_url)
    except (SettingError, DatabaseUrlError) as error:
        fail(str(error))
    return settings


def as_url(database: str | None) -> str | None:
    """A plain path is an SQLite file."""
    return f"sqlite:///{database}" if database is not None and "://" not in database else database


def existing_or_new(settings: Settings) -> None:
    url = parse_url(settings.database_url)
    if is_sqlite(url) and not database_path(url).parent.is_dir():
        fail(f"there is no folder {database_path(url).parent} for the database")


def existing(settings: Settings) -> Settings:
    """The settings, where there is a database to look at."""
    url = parse_url(settings.database_url)
    if is_sqlite(url) and not database_path(url).is_file():
        fail(f"there is no database {database_path(url)}; name one with --database or MLOPS_DEBUG_DATABASE_URL")
    typer.echo(f"database: {shown_url(url)}", err=True)
    return settings


def change(settings: Settings, statements: Callable[[Connection], _Result], *, may_take_long: bool = False) -> _Result:
    """One transaction on the database, which is made or brought up to date where needed. A server may run beside it."""
    from server.operating import upgrade_and_change
    from server.schema_versions import NewerDatabaseError
    from server.store_errors import StoreUnavailableError

    try:
        return asyncio.run(upgrade_and_change(settings, statements, may_take_long=may_take_long))
    except (NewerDatabaseError, StoreUnavailableError) as error:
        fail(str(error))


def look(settings: Settings, query: Callable[[Connection], _Result]) -> _Result:
    """What ``query`` finds."""
    from server.operating import look as look_at
    from server.replay import NotOurDatabaseError

    try:
        return asyncio.run(look_at(settings, query))
    except NotOurDatabaseError as error:
        fail(str(error))


def fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(USAGE)
