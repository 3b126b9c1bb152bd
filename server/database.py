"""Engines and migrations. The only place that knows how a database is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

BUSY_TIMEOUT_MS = 10_000


class DatabaseUrlError(ValueError):
    """The database URL cannot be used."""


class UnsafeDatabaseError(RuntimeError):
    """The database would not keep what it has acknowledged."""


def parse_url(text: str) -> URL:
    """The URL of an SQLite file; the driver, if one is named, is replaced by ours."""
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise DatabaseUrlError(f"{text!r} is no SQLAlchemy URL, for example sqlite:///mlops-debug.db") from error
    if url.get_backend_name() != "sqlite":
        raise DatabaseUrlError(f"the backend {url.get_backend_name()!r} is not supported; use sqlite:///FILE")
    if url.database in (None, "", ":memory:"):
        # Every connection would have a database of its own, and a restart would lose all episodes.
        raise DatabaseUrlError("an SQLite database needs a file, for example sqlite:///mlops-debug.db")
    return url


def database_path(url: URL) -> Path:
    """The absolute path of the database file."""
    return Path(str(url.database)).absolute()


def create_write_engine(url: URL) -> Engine:
    """Transactions take the write lock first: a deferred one fails at once when it must upgrade its lock."""
    engine = create_engine(url.set(drivername="sqlite+pysqlite"))
    event.listen(engine, "connect", _configure_writer)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def create_read_engine(url: URL) -> AsyncEngine:
    """Connections that cannot write and never hold a transaction open."""
    engine = create_async_engine(
        url.set(drivername="sqlite+aiosqlite"), execution_options={"isolation_level": "AUTOCOMMIT"}
    )
    event.listen(engine.sync_engine, "connect", _configure_reader)
    return engine


def assert_durable(connection: Connection) -> None:
    """Refuse a database that could lose an acknowledged event."""
    journal_mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
    synchronous = connection.exec_driver_sql("PRAGMA synchronous").scalar_one()
    connection.rollback()
    if journal_mode != "wal" or synchronous != 2:
        raise UnsafeDatabaseError(
            f"journal_mode is {journal_mode} and synchronous is {synchronous}; they must be wal and 2 (FULL)"
        )


def upgrade(engine: Engine) -> None:
    """Bring the schema to the newest version, all or nothing."""
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def migrations_folder() -> Path:
    """Where the migrations are: beside this file when installed, at the top of a checkout."""
    here = Path(__file__).resolve().parent
    installed = here / "migrations"
    return installed if installed.is_dir() else here.parent / "migrations"


def _configure_writer(connection: Any, _record: object) -> None:
    # None: the driver begins no transaction of its own, so that BEGIN IMMEDIATE is ours to send.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _configure_reader(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA query_only=ON")
    cursor.close()
