"""Parses database URLs and creates engines."""

from __future__ import annotations

import importlib
import importlib.util
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

BUSY_TIMEOUT_MS = 10_000
"""How long an append waits for another program's lock on an SQLite file, the time in the queue included."""
WAL_LIMIT_BYTES = 64_000_000
"""SQLite truncates its write-ahead log to this size when it restarts it; above it, the writer tries to truncate it."""
MAX_ROWS = 64
"""Most rows in one statement of SQLite."""
CACHED_STATEMENTS = 8 * MAX_ROWS
"""Compiled statements that a write connection to SQLite keeps: one for each kind of row and number of rows."""
LOCK_TIMEOUT_MS = 2_000
"""How long a PostgreSQL transaction waits for another one."""
SILENCE_SECONDS = 10.0
"""Timeout of connections and statements of PostgreSQL."""
FROZEN_MS = 60_000
"""PostgreSQL ends a transaction that is idle for this long, because its process has stopped."""
READ_CONNECTIONS = 10
"""Max read connections of one process to PostgreSQL; one more writes."""
SQLITE_READ_CONNECTIONS = 4
"""Max read connections of one process to an SQLite file, each with a thread of its own. More would only take turns at the
interpreter."""


class DatabaseUrlError(ValueError):
    """The database URL cannot be used."""


def parse_url(text: str) -> URL:
    """The URL of an SQLite file or of a PostgreSQL database; the driver, if one is named, is replaced by ours."""
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise DatabaseUrlError(f"{text!r} is no SQLAlchemy URL, for example sqlite:///mlops-debug.db") from error
    match url.get_backend_name():
        case "sqlite":
            return _sqlite_url(url)
        case "postgresql" | "postgres":
            return _postgres_url(url)
        case other:
            raise DatabaseUrlError(
                f"the backend {other!r} is not supported; use sqlite:///FILE or postgresql+asyncpg://USER@HOST/NAME"
            )


def _sqlite_url(url: URL) -> URL:
    if url.database in (None, "", ":memory:"):
        # Every connection would have a database of its own, and a restart would lose all episodes.
        raise DatabaseUrlError("an SQLite database needs a file, for example sqlite:///mlops-debug.db")
    return url


def _postgres_url(url: URL) -> URL:
    if importlib.util.find_spec("asyncpg") is None:
        raise DatabaseUrlError("PostgreSQL needs a driver: pip install 'openenv-mlops-debug-env[postgres]'")
    if not url.database:
        raise DatabaseUrlError("a PostgreSQL URL names its database: postgresql+asyncpg://USER@HOST/NAME")
    mode = url.query.get("sslmode")  # the name in libpq
    if mode is not None:
        url = url.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})
    return url.set(drivername="postgresql+asyncpg")


def is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def database_path(url: URL) -> Path:
    """The absolute path of an SQLite file."""
    return Path(str(url.database)).absolute()


def shown_url(url: URL) -> str:
    """The path or URL for messages, without a password."""
    return str(database_path(url)) if is_sqlite(url) else url.render_as_string(hide_password=True)


def create_write_engine(url: URL) -> Engine:
    """SQLite. Transactions take the write lock first: a deferred one fails at once when it must upgrade its lock."""
    engine = create_engine(
        url.set(drivername="sqlite+pysqlite"),
        hide_parameters=True,
        connect_args={"cached_statements": CACHED_STATEMENTS},
    )
    event.listen(engine, "connect", _configure_writer)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def create_check_engine(url: URL) -> Engine:
    """SQLite. Creates and changes nothing, because the file may be another program's database."""
    address = f"{database_path(url).as_uri()}?mode=rw"
    return create_engine(
        url.set(drivername="sqlite+pysqlite"),
        creator=lambda: sqlite3.connect(address, uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_MS / 1000),
        poolclass=NullPool,
    )


def create_read_engine(url: URL) -> AsyncEngine:
    """A pool of connections that cannot write and never hold a transaction open."""
    if not is_sqlite(url):
        return _create_postgres_engine(
            url, READ_CONNECTIONS, isolation_level="AUTOCOMMIT", is_pinged=True, default_transaction_read_only="on"
        )
    engine = create_async_engine(
        url.set(drivername="sqlite+aiosqlite"),
        # A connection of aiosqlite is a thread. Beyond the size of the pool, each read would start one and end it.
        pool_size=SQLITE_READ_CONNECTIONS,
        max_overflow=0,
        pool_timeout=SILENCE_SECONDS,
        pool_reset_on_return=None,  # no transaction is ever open, and a rollback is another hop to the thread
        execution_options={"isolation_level": "AUTOCOMMIT"},
        hide_parameters=True,  # in errors, which are logged: payloads, seeds, names
    )
    event.listen(engine.sync_engine, "connect", _configure_reader)
    return engine


def create_postgres_write_engine(url: URL) -> AsyncEngine:
    """PostgreSQL. READ COMMITTED, so that after a conflict the other server's commit can be read."""
    return _create_postgres_engine(
        url,
        1,
        isolation_level="READ COMMITTED",
        is_pinged=False,  # after a lost connection the batch is looked up anyway
        lock_timeout=str(LOCK_TIMEOUT_MS),
        idle_in_transaction_session_timeout=str(FROZEN_MS),
    )


def create_upgrade_engine(url: URL) -> AsyncEngine:
    """PostgreSQL. Waits as long as it takes, for another server's upgrade and for its own."""
    return _create_postgres_engine(url, 1, isolation_level="READ COMMITTED", is_pinged=False, silence_seconds=None)


def _create_postgres_engine(
    url: URL,
    connections: int,
    *,
    isolation_level: str,
    is_pinged: bool,
    silence_seconds: float | None = SILENCE_SECONDS,
    **server_settings: str,
) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_pre_ping=is_pinged,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=SILENCE_SECONDS,
        isolation_level=isolation_level,
        hide_parameters=True,
        connect_args={
            "timeout": SILENCE_SECONDS,
            "command_timeout": silence_seconds,
            "server_settings": {"application_name": "mlops-debug", **server_settings},
        },
    )
    event.listen(engine.sync_engine, "do_connect", _connect_to_postgres)
    return engine


def _connect_to_postgres(dialect: Any, _record: object, arguments: Any, named: Any) -> Any:
    """Connect, and translate errors of asyncpg. SQLAlchemy before 2.1 does not do that for errors at a connect ("the database
    system is starting up")."""
    asyncpg: Any = importlib.import_module("asyncpg")  # an extra, without types

    try:
        return dialect.connect(*arguments, **named)
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise dialect.loaded_dbapi.OperationalError(str(error)) from error


def _configure_writer(connection: Any, _record: object) -> None:
    # None: the driver starts no transaction by itself, so that `_begin_immediate` can.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(f"PRAGMA journal_size_limit={WAL_LIMIT_BYTES}")


def shorten_lock_timeout(connection: Connection, waited: float) -> None:
    """Subtract the seconds in the queue from the timeout for another program's lock."""
    driver: Any = connection.connection.dbapi_connection
    driver.execute(f"PRAGMA busy_timeout={max(0, BUSY_TIMEOUT_MS - round(1000 * waited))}")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _configure_reader(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA query_only=ON")
    cursor.close()
