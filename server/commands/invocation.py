"""What every command does first: read the settings, find the database, and say plainly what is wrong."""

from __future__ import annotations

import asyncio
import os
from typing import Annotated, Any, Callable, NoReturn, TypeVar

import typer
from sqlalchemy import Connection

from server.database import DatabaseUrlError, parse_url, shown_url
from server.database_checks import check_database
from server.settings import SettingError, Settings, read_settings

DatabaseOption = Annotated[
    str | None, typer.Option("--database", help="SQLAlchemy URL, or the path of an SQLite file.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
USAGE = 2
"""A mistake in use, or a database, address or folder that cannot be used; nothing was done."""

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
    """End here where the database cannot be used, before anything is written."""
    check_database(parse_url(settings.database_url), may_be_missing=True)


def existing(settings: Settings) -> Settings:
    """The settings, where there is a database to look at."""
    url = parse_url(settings.database_url)
    check_database(url, may_be_missing=False)
    typer.echo(f"database: {shown_url(url)}", err=True)
    return settings


def change(settings: Settings, statements: Callable[[Connection], _Result], *, may_take_long: bool = False) -> _Result:
    """One transaction on the database, which is made or brought up to date where needed. A server may run beside it."""
    from server.operating import upgrade_and_change

    return asyncio.run(upgrade_and_change(settings, statements, may_take_long=may_take_long))


def look(settings: Settings, query: Callable[[Connection], _Result]) -> _Result:
    """What ``query`` finds."""
    from server.operating import look as look_at

    return asyncio.run(look_at(settings, query))


def fail(message: str) -> NoReturn:
    """End with one line on standard error."""
    typer.echo(" ".join(message.split()), err=True)
    raise typer.Exit(USAGE)
