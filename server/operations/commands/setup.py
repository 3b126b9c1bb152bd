"""Shared by all commands: settings, options, access to the database, and exit with a message."""

from __future__ import annotations

import asyncio
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Callable, NoReturn, TypeVar

import typer

from mlops_debug_env.commands.exit_codes import fail as end_with_error
from server.progress import Progress
from server.settings import PREFIX, SETTINGS, SettingError, Settings, read_settings

# What takes long to import is imported where it is needed: `--help` should not wait for it.
if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.engine import URL

    from server.security.secret_files import SecretFiles
    from server.security.signing import Signer
    from server.storage.migrations import SchemaVersion


def setting_help(name: str, text: str) -> str:
    """The help of an option that overrides a setting, with the variable and the default of it."""
    (setting,) = (each for each in SETTINGS if each.name == name.upper())
    default = "none" if setting.default == "" else setting.default
    return f"{text} Default: {PREFIX}{setting.name}, or else {default}."


DatabaseOption = Annotated[
    str | None,
    typer.Option("--database", help=setting_help("database_url", "SQLAlchemy URL, or the path of an SQLite file.")),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
USAGE = 2
"""Exit code: wrong usage, or an unusable database, address or folder. Nothing was done."""

_Result = TypeVar("_Result")


def settings_of(**given: Any) -> Settings:
    """The settings of the environment; arguments that are not None take precedence."""
    from server.storage.engines import DatabaseUrlError, parse_url

    try:
        settings = read_settings(os.environ, **given)
        parse_url(settings.database_url)
    except (SettingError, DatabaseUrlError) as error:
        fail(str(error))
    return settings


def to_url(database: str | None) -> str | None:
    """A database URL; a plain path is an SQLite file."""
    return f"sqlite:///{database}" if database is not None and "://" not in database else database


def require_usable_database(settings: Settings) -> None:
    """Raise if the database cannot be used; it may not exist yet. Nothing is written."""
    from server.storage.database_checks import check_database
    from server.storage.engines import parse_url

    check_database(parse_url(settings.database_url), may_be_missing=True)


def require_database(settings: Settings, *, is_read: bool = False) -> Settings:
    """The settings; raises if there is no usable database, or a later version's. ``is_read``: also if its tables are older, for
    commands that upgrade nothing."""
    from server.storage.database_checks import UnusableDatabaseError, check_database
    from server.storage.engines import is_sqlite, parse_url, shown_url
    from server.storage.migrations import read_version

    url = parse_url(settings.database_url)
    check_database(url, may_be_missing=False)
    if is_read or not is_sqlite(url):
        version = run_read(settings, read_version)
        if is_read and version.present is not None and not version.is_newest:
            raise UnusableDatabaseError(
                f"{shown_url(url)} is at version {version.present}, which an earlier program wrote: back it up with that program, "
                "then run mlops-debug db upgrade"
            )
    typer.echo(f"database: {shown_url(url)}", err=True)
    return settings


def find_episode(settings: Settings, name: str) -> str:
    """The stored name of an episode, which may be named as its player did; ends the command where several are."""
    from server.storage.episode_names import AmbiguousNameError, find_episode_name

    try:
        return run_read(settings, lambda opened: find_episode_name(opened, name))
    except AmbiguousNameError as error:
        fail(str(error))


def run_write(
    settings: Settings,
    statements: Callable[[Connection], _Result],
    *,
    may_take_long: bool = False,
    progress: Progress | None = None,
) -> _Result:
    """Run one transaction, after creating or upgrading the tables if needed. A server may run at the same time.

    ``progress``: of the upgrade and of the statements; its last step is the commit. None: the upgrade shows one of its own.
    """
    from sqlalchemy.exc import DBAPIError, IntegrityError

    from server.storage.connections import run_write as change
    from server.storage.connections import run_write_sqlite
    from server.storage.database_checks import what_to_do
    from server.storage.engines import is_sqlite, parse_url

    url = parse_url(settings.database_url)

    def until_commit(opened: Connection) -> _Result:
        done = statements(opened)
        if progress is not None:
            progress.finish()
        return done

    try:
        upgrade_tables(settings, progress)
        if may_take_long and is_sqlite(url):
            return run_write_sqlite(url, until_commit)  # in this thread, so that Ctrl-C ends it and nothing is changed
        return asyncio.run(change(settings.database_url, until_commit, may_take_long=may_take_long))
    except IntegrityError:
        raise
    except DBAPIError as error:
        fail(f"the database does not take the change: {what_to_do(str(error.orig))}")


def upgrade_tables(settings: Settings, progress: Progress | None = None) -> SchemaVersion:
    """Bring the tables to the newest version, if they are older, and show how far that is. ``progress``: None is one of its own."""
    from server.operations.progress import showing_progress
    from server.storage.engines import parse_url

    url = parse_url(settings.database_url)
    if progress is not None:
        return _upgrade(url, progress)
    with showing_progress(left="the tables are as they were") as own:
        version = _upgrade(url, own)
    own.allow_interrupt()  # which waited while the upgrade was committed
    return version


def _upgrade(url: URL, progress: Progress) -> SchemaVersion:
    from server.storage.engines import is_sqlite
    from server.storage.migrations import upgrade_database, upgrade_sqlite

    if is_sqlite(url):
        return upgrade_sqlite(url, progress)  # in this thread, so that Ctrl-C ends it
    return asyncio.run(upgrade_database(url, progress))


def run_read(settings: Settings, query: Callable[[Connection], _Result], *, at_once: bool = False) -> _Result:
    """The result of ``query``. ``at_once``: all its statements read one snapshot."""
    from server.storage.connections import run_read as look_at
    from server.storage.connections import run_read_snapshot

    return asyncio.run((run_read_snapshot if at_once else look_at)(settings.database_url, query))


def secret_files_of(settings: Settings) -> SecretFiles:
    """The secrets of this installation."""
    from server.security.secret_files import SecretFiles, secrets_folder

    return SecretFiles(secrets_folder(settings))


def signer_of(settings: Settings) -> Signer:
    """The signer of this installation."""
    from server.security.secret_files import SecretLostError
    from server.security.signing import load_signer

    try:
        return load_signer(secret_files_of(settings))
    except SecretLostError as error:
        fail(str(error))


def parse_public_key(given: str) -> str:
    """A public key from the command line, in lower case."""
    if re.fullmatch(r"[0-9a-fA-F]{64}", given) is None:
        fail(f"--public-key is 64 hex digits, as GET /public-key gives them, not {given[:80]!r}")
    return given.lower()


def read_json(path: Path) -> Any:
    """The JSON content of an untrusted file."""
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        fail(f"{path} cannot be read: {error.strerror}")
    except (ValueError, RecursionError) as error:
        fail(f"{path} cannot be read: it is not JSON: {error}")


def fail(message: str) -> NoReturn:
    """End with one line on standard error."""
    end_with_error(message, USAGE)
