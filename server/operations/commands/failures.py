"""Turns errors that an operator can act on into one line instead of a traceback."""

from __future__ import annotations

import sqlite3
from typing import Any

import typer

from mlops_debug_env.commands.command_group import OneLineGroup
from mlops_debug_env.commands.server_packages import is_server_installed, is_server_package, server_missing
from server.operations.commands.setup import fail
from server.operations.listen_address import AddressError


class CommandGroup(OneLineGroup):
    """The commands of ``mlops-debug``."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            message = to_one_line(error, str(ctx.invoked_subcommand))
            if message is None:
                raise
            fail(message)


def to_one_line(error: Exception, command: str) -> str | None:
    """The message instead of a traceback. None: it is a defect, and needs its traceback."""
    if isinstance(error, ModuleNotFoundError) and is_server_package(error.name):
        return server_missing(f"mlops-debug {command}")
    if isinstance(error, AddressError):
        return str(error)
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename} cannot be used: {error.strerror}"
    return _of_database(error) if is_server_installed() else None


def _of_database(error: Exception) -> str | None:
    """The message of an error of the database or of the secrets."""
    # Imported here: `--help` should not wait for them.
    from sqlalchemy.exc import DBAPIError, IntegrityError

    from server.security.secret_files import SecretLostError
    from server.storage.connections import NotOurDatabaseError
    from server.storage.database_checks import UnusableDatabaseError, what_to_do
    from server.storage.errors import StoreUnavailableError
    from server.storage.migrations import ForeignDatabaseError, NewerDatabaseError
    from server.storage.writers.durability import UnsafeDatabaseError

    if isinstance(error, StoreUnavailableError):
        return f"the database cannot be used: {what_to_do(str(error))}"
    of_database = (ForeignDatabaseError, NewerDatabaseError, NotOurDatabaseError)
    if isinstance(error, (*of_database, SecretLostError, UnsafeDatabaseError, UnusableDatabaseError)):
        return str(error)
    if isinstance(error, DBAPIError) and not isinstance(error, IntegrityError):
        return f"the database cannot be used: {what_to_do(str(error.orig))}"
    if isinstance(error, (sqlite3.Error, *_postgres_errors())):
        return f"the database cannot be used: {what_to_do(str(error))}"
    return None


def _postgres_errors() -> tuple[type[Exception], ...]:
    """Errors of the driver when it cannot connect; SQLAlchemy does not wrap them."""
    try:
        from asyncpg import InterfaceError, PostgresError  # type: ignore[import-untyped]
    except ImportError:
        return ()
    return (InterfaceError, PostgresError)
