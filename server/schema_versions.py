"""Brings the tables to the newest version, and tells which one they have. Forward only."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import NamedTuple

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import URL

from server.database import create_postgres_write_engine, create_upgrade_engine, create_write_engine, is_sqlite
from server.store import unavailable_if_silent

logger = logging.getLogger(__name__)

UPGRADE_LOCK = 0x6D6C_6F70_732D_6462
"""Name of the lock under which PostgreSQL is upgraded: servers that start together upgrade once."""


class NewerDatabaseError(RuntimeError):
    """The database was upgraded by a later version of this program."""

    def __init__(self, version: str) -> None:
        super().__init__(f"the database is at version {version}, which this program does not know; run a later one")
        self.version = version


class SchemaVersion(NamedTuple):
    """Where a database stands."""

    present: str | None
    """Null: it holds no tables of ours."""
    newest: str
    """The newest version that this program knows."""

    @property
    def is_newest(self) -> bool:
        return self.present == self.newest


def read_version(connection: Connection) -> SchemaVersion:
    """Which version the tables have; raises ``NewerDatabaseError``."""
    script = ScriptDirectory.from_config(_config())
    known = {each.revision for each in script.walk_revisions()}
    present = MigrationContext.configure(connection).get_current_revision()
    if present is not None and present not in known:
        raise NewerDatabaseError(present)
    return SchemaVersion(present, script.get_current_head() or "")


def upgrade(engine: Engine) -> None:
    """Bring an SQLite database to the newest version, all or nothing."""
    with engine.begin() as connection:
        read_version(connection)
        _upgrade(connection)


async def upgrade_postgres(url: URL) -> SchemaVersion:
    """The same on PostgreSQL; the version afterwards. A database that is up to date is only looked at: serving needs no
    right to change tables."""
    version = await _look_at_postgres(url)
    if version.is_newest:
        return version
    logger.info(
        "upgrading the tables from %s to %s; an upgrade by another server is waited for",
        version.present or "none",
        version.newest,
    )
    engine = create_upgrade_engine(url)
    try:
        with unavailable_if_silent():
            async with engine.begin() as connection:
                await connection.execute(text("SELECT pg_advisory_xact_lock(:name)"), {"name": UPGRADE_LOCK})
                await connection.run_sync(_upgrade)
                return await connection.run_sync(read_version)
    finally:
        await engine.dispose()


async def _look_at_postgres(url: URL) -> SchemaVersion:
    """Which version the tables have. Unlike an upgrade, this does not wait for a server that does not answer."""
    engine = create_postgres_write_engine(url)
    try:
        with unavailable_if_silent():
            async with engine.connect() as connection:
                return await connection.run_sync(read_version)
    finally:
        await engine.dispose()


async def upgrade_database(url: URL) -> SchemaVersion:
    """Upgrade whatever the URL names; the version afterwards."""
    if not is_sqlite(url):
        return await upgrade_postgres(url)
    engine = create_write_engine(url)
    try:
        upgrade(engine)
        with engine.connect() as connection:
            return read_version(connection)
    finally:
        engine.dispose()


def migrations_folder() -> Path:
    """Where the migrations are: beside this file when installed, at the top of a checkout."""
    here = Path(__file__).resolve().parent
    installed = here / "migrations"
    return installed if installed.is_dir() else here.parent / "migrations"


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    return config
