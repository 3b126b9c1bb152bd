"""Upgrades the tables to the newest version, and reads which one they have. Forward only.

A new SQLite file gets the tables from ``migrations/baseline.sql``, which `make reference` writes as the migrations leave them. Alembic is
imported only where migrations are run: that takes as long as the rest of a start with an up-to-date file.
"""

from __future__ import annotations

import asyncio
import logging
import re
import signal
import sqlite3
import threading
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, AsyncIterator, Callable, Collection, Iterator, NamedTuple

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from server.progress import NO_PROGRESS, Progress
from server.storage.engines import (
    create_postgres_write_engine,
    create_upgrade_engine,
    create_write_engine,
    is_sqlite,
    shown_url,
)
from server.storage.errors import translate_database_errors
from server.storage.schema import metadata

if TYPE_CHECKING:
    from alembic.config import Config

logger = logging.getLogger(__name__)

_REVISION = re.compile(r'^revision = "(\w+)"$', re.MULTILINE)
_DOWN_REVISION = re.compile(r'^down_revision = "(\w+)"$', re.MULTILINE)
_STATEMENT_END = ";\n\n"
_VERSION_TABLE = "alembic_version"
UPGRADE_LOCK = 0x6D6C_6F70_732D_6462
"""Name of the lock under which PostgreSQL is upgraded: servers that start together upgrade once."""


class NewerDatabaseError(RuntimeError):
    """The database was upgraded by a later version of this program."""

    def __init__(self, version: str) -> None:
        super().__init__(f"the database is at version {version}, which this program does not know; run a later one")
        self.version = version


class ForeignDatabaseError(RuntimeError):
    """The database belongs to another program; tables of ours in it would harm both."""

    def __init__(self, name: str, tables: Collection[str]) -> None:
        shown = ", ".join(sorted(tables)[:3])
        super().__init__(
            f"{name} is the database of another program (it has {shown}); name another one with --database"
        )


class SchemaVersion(NamedTuple):
    """The version of the tables, and the newest."""

    present: str | None
    """None: it holds no tables of ours."""
    newest: str
    """The newest version that this program knows."""

    @property
    def is_newest(self) -> bool:
        return self.present == self.newest


def read_version(connection: Connection) -> SchemaVersion:
    """Which version the tables have; raises ``NewerDatabaseError`` or ``ForeignDatabaseError``."""
    known, newest = _known_versions(migrations_folder())
    present = _present_versions(connection)
    if len(present) != 1 or not known.issuperset(present):
        # Tables first: another server may bring both at this moment, in one transaction.
        tables = set(inspect(connection).get_table_names()) - {_VERSION_TABLE}
        present = _present_versions(connection)
        if _is_foreign(tables, present, is_shared=connection.dialect.name != "sqlite"):
            raise ForeignDatabaseError(shown_url(connection.engine.url), tables or {_VERSION_TABLE})
    if not known.issuperset(present):
        raise NewerDatabaseError(", ".join(present))
    return SchemaVersion(present[0] if present else None, newest)


@lru_cache(maxsize=4)
def _known_versions(folder: Path) -> tuple[frozenset[str], str]:
    """The versions of the migrations in a folder, and the newest of them."""
    texts = [path.read_text() for path in (folder / "versions").glob("*.py")]
    known = frozenset(_only(_REVISION.findall(text)) for text in texts)
    before = {version for text in texts for version in _DOWN_REVISION.findall(text)}
    return known, _only(known - before)


def _only(found: Collection[str]) -> str:
    """The only element; migrations are a chain, and each states its place in it."""
    (one,) = found
    return one


def _present_versions(connection: Connection) -> tuple[str, ...]:
    if not inspect(connection).has_table(_VERSION_TABLE):
        return ()
    return tuple(connection.exec_driver_sql(f"SELECT version_num FROM {_VERSION_TABLE}").scalars())


def _is_foreign(tables: set[str], versions: tuple[str, ...], *, is_shared: bool) -> bool:
    """Whether another program made the tables. Ours has had ``events`` from its first version. On PostgreSQL a schema may
    be shared, with tables of other names."""
    if versions:
        return "events" not in tables
    return bool(tables & set(metadata.tables) if is_shared else tables)


def upgrade(engine: Engine, progress: Progress = NO_PROGRESS) -> None:
    """Bring an SQLite database to the newest version, all or nothing."""
    with engine.begin() as connection:
        version = read_version(connection)
        if version.present is None:
            create_tables(connection)
        elif not version.is_newest:
            logger.info("upgrading the tables from %s to %s", version.present, version.newest)
            shown = UpgradeProgress(version, progress)
            with _reporting(connection, shown):
                _upgrade(connection, shown)
            progress.finish()


_INSTRUCTIONS = 1_000_000
"""Of SQLite, between two reports: some ten milliseconds."""
_TICK_SECONDS = 1.0
"""Between two reports while PostgreSQL executes a statement."""


class UpgradeProgress:
    """Counts the statements of an upgrade, and the rows within a statement of which a migration counts them."""

    def __init__(self, version: SchemaVersion, progress: Progress) -> None:
        self._what = f"statements of the upgrade from version {version.present or 'none'} to {version.newest}"
        self._progress = progress
        self._statements = self._unreported = 0
        self._is_of_rows = False
        progress.begin(self._what)

    def count_statement(self) -> None:
        self._statements += 1
        self._unreported += not self._is_of_rows
        self.report()

    def report(self) -> None:
        """Report what was counted since the last report. The progress may raise."""
        counted, self._unreported = self._unreported, 0
        self._progress.advance(counted)

    @contextmanager
    def rows(self, what: str, total: int) -> Iterator[Callable[[], None]]:
        """Report rows instead of statements. The function that is given counts one; it never raises, because SQLite would
        make an error of the statement of it."""
        self._progress.begin(what, total)
        self._is_of_rows = True
        yield self._count_row
        self.report()
        self._is_of_rows = False
        self._progress.begin(self._what)
        self._unreported = self._statements

    def _count_row(self) -> None:
        self._unreported += 1


@contextmanager
def _reporting(connection: Connection, shown: UpgradeProgress) -> Iterator[None]:
    """Report also within a statement, which may copy every event, and let Ctrl-C end it there."""
    driver: Any = connection.connection.driver_connection

    def within() -> int:
        shown.report()
        return int(is_interrupted())

    def after(*_: Any) -> None:
        shown.count_statement()
        if is_interrupted():
            raise KeyboardInterrupt

    with _noting_interrupt() as is_interrupted:
        event.listen(connection, "after_cursor_execute", after)
        driver.set_progress_handler(within, _INSTRUCTIONS)
        try:
            yield
        except DBAPIError as error:
            if "interrupted" in str(
                error.orig
            ):  # what SQLite makes of the answer of `within`, or of an exception in it
                raise KeyboardInterrupt from None
            raise
        finally:
            with suppress(sqlite3.ProgrammingError):  # SQLAlchemy closes a connection that was interrupted
                driver.set_progress_handler(None, 0)
            event.remove(connection, "after_cursor_execute", after)


@contextmanager
def _noting_interrupt() -> Iterator[Callable[[], bool]]:
    """Note Ctrl-C instead of raising it, which a function that SQLite calls would turn into an error of the statement."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before in (signal.SIG_IGN, None):
        yield lambda: False
        return
    noted = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: noted.set())
    try:
        yield noted.is_set
    finally:
        signal.signal(signal.SIGINT, before)
    if noted.is_set():
        raise KeyboardInterrupt


async def upgrade_postgres(url: URL, progress: Progress = NO_PROGRESS) -> SchemaVersion:
    """The same on PostgreSQL; returns the version afterwards. If it is up to date nothing is written, so that serving needs
    no right to change tables."""
    version = await _read_postgres_version(url)
    if version.is_newest:
        return version
    logger.info(
        "upgrading the tables from %s to %s; an upgrade by another server is waited for",
        version.present or "none",
        version.newest,
    )
    engine = create_upgrade_engine(url)
    try:
        with translate_database_errors():
            async with engine.begin() as connection, _ticking(UpgradeProgress(version, progress)) as shown:
                await connection.execute(text("SELECT pg_advisory_xact_lock(:name)"), {"name": UPGRADE_LOCK})
                event.listen(connection.sync_connection, "after_cursor_execute", lambda *_: shown.count_statement())
                await connection.run_sync(_upgrade)
                upgraded = await connection.run_sync(read_version)
                progress.finish()
            return upgraded
    finally:
        await engine.dispose()


@asynccontextmanager
async def _ticking(shown: UpgradeProgress) -> AsyncIterator[UpgradeProgress]:
    """Report also while a statement is executed, which may copy every event."""

    async def tick() -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            shown.report()

    ticks = asyncio.create_task(tick())
    try:
        yield shown
    finally:
        ticks.cancel()
        with suppress(asyncio.CancelledError):
            await ticks


async def _read_postgres_version(url: URL) -> SchemaVersion:
    """Which version the tables have. Unlike an upgrade, this does not wait for a server that does not answer."""
    engine = create_postgres_write_engine(url)
    try:
        with translate_database_errors():
            async with engine.connect() as connection:
                return await connection.run_sync(read_version)
    finally:
        await engine.dispose()


async def upgrade_database(url: URL, progress: Progress = NO_PROGRESS) -> SchemaVersion:
    """Upgrade the database of the URL; returns the version afterwards."""
    return upgrade_sqlite(url, progress) if is_sqlite(url) else await upgrade_postgres(url, progress)


def upgrade_sqlite(url: URL, progress: Progress = NO_PROGRESS) -> SchemaVersion:
    """Upgrade an SQLite database in this thread; returns the version afterwards."""
    engine = create_write_engine(url)
    try:
        upgrade(engine, progress)
        with engine.connect() as connection:
            return read_version(connection)
    finally:
        engine.dispose()


def migrations_folder() -> Path:
    """Where the migrations are: in the package when installed, at the top of a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


def create_tables(connection: Connection, *, is_guarded: bool = True) -> None:
    """Give a new SQLite file its tables and views. ``is_guarded``: with the triggers that refuse changes."""
    for statement in baseline_path().read_text().split(_STATEMENT_END):
        if is_guarded or not statement.startswith("CREATE TRIGGER"):
            connection.exec_driver_sql(statement)


def baseline_path() -> Path:
    """The file with the statements that give a new SQLite file the newest tables."""
    return migrations_folder() / "baseline.sql"


def render_baseline() -> str:
    """The statements by which SQLite itself describes what the migrations leave, and their version."""
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        _upgrade(connection)
        described = connection.exec_driver_sql(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid"
        ).scalars()
        statements = [re.sub(r"\s*\n", "\n", each) for each in described]
        (version,) = _present_versions(connection)
    engine.dispose()
    statements.append(f"INSERT INTO {_VERSION_TABLE} (version_num) VALUES ('{version}')")
    return _STATEMENT_END.join(statements)


def _upgrade(connection: Connection, shown: UpgradeProgress | None = None) -> None:
    """Run the migrations. ``shown``: what those that count rows report to; None: they do not count."""
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    config.attributes["progress"] = shown
    command.upgrade(config, "head")


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    return config
