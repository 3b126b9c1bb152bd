"""Checks that a database can be used before anything is started or written."""

from __future__ import annotations

import tempfile
from pathlib import Path

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from server.storage.engines import create_check_engine, database_path, is_sqlite
from server.storage.migrations import read_version

_WHAT_TO_DO = (
    ("not a database", "it is not an SQLite database; name another file with --database"),
    ("malformed", "the file is damaged; restore a backup"),
    ("readonly", "give the user of this command the right to write the file and its folder"),
    ("read-only", "give the user of this command the right to write the file and its folder"),
    ("unable to open", "give the user of this command the right to read and write the file and its folder"),
    ("locked", "another program holds it; end that program or try again"),
    ("full", "make room on the disk"),
    ("disk I/O", "make room on the disk, if it is full, or see what it reports"),
)
"""Part of SQLite's message to what to do."""


class UnusableDatabaseError(Exception):
    """The database that was named cannot be used; the message says what to do."""


def check_database(url: URL, *, may_be_missing: bool) -> None:
    """Raise ``UnusableDatabaseError``, ``NewerDatabaseError`` or ``ForeignDatabaseError`` if an SQLite file cannot be
    used. A file that may be missing is one that will be written. PostgreSQL reports that itself when connecting."""
    if not is_sqlite(url):
        return
    path = database_path(url)
    if path.is_dir():
        raise UnusableDatabaseError(f"{path} is a folder, not a database; name a file with --database")
    if path.exists() and not path.is_file():
        raise UnusableDatabaseError(f"{path} is not a regular file; name another one with --database")
    if may_be_missing:
        _check_folder(path.parent)
    elif not path.is_file():
        raise UnusableDatabaseError(
            f"there is no database {path}; name one with --database or MLOPS_DEBUG_DATABASE_URL"
        )
    if path.is_file():
        _check_file(url, is_written=may_be_missing)


def what_to_do(reason: str) -> str:
    """SQLite's message with what to do about it."""
    return next((f"{reason}; {advice}" for part, advice in _WHAT_TO_DO if part in reason), reason)


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise UnusableDatabaseError(f"there is no folder {folder} for the database; make it, or name another file")
    try:
        # Tested by writing: permissions do not show a read-only or full file system.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UnusableDatabaseError(
            f"the folder {folder} of the database cannot be written ({error.strerror}); SQLite needs to"
        ) from error


def _check_file(url: URL, *, is_written: bool) -> None:
    engine = create_check_engine(url)
    try:
        with engine.connect() as connection:
            if is_written:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            read_version(connection)
            if is_written:
                connection.exec_driver_sql("ROLLBACK")
    except DBAPIError as error:
        raise UnusableDatabaseError(f"{database_path(url)} cannot be used: {what_to_do(str(error.orig))}") from error
    finally:
        engine.dispose()
