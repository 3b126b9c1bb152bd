"""Opens the database of a server: upgrades it, starts its writer and creates its read engine."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import AsyncIterator, Iterator

from sqlalchemy import Connection
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from server.settings import Settings
from server.storage.engines import (
    create_postgres_write_engine,
    create_read_engine,
    create_write_engine,
    database_path,
    is_sqlite,
    parse_url,
)
from server.storage.migrations import upgrade, upgrade_postgres
from server.storage.serving_lock import hold_serving_lock
from server.storage.sqlite_files import DatabaseFiles
from server.storage.wal_limit import with_wal_limit
from server.storage.writers.batch import write_batch
from server.storage.writers.durability import check_durability
from server.storage.writers.postgres import PostgresWriter
from server.storage.writers.protocol import WriteBatch, Writer
from server.storage.writers.remote import RemoteWriter
from server.storage.writers.sqlite import SqliteWriter
from server.supervision import Supervisor
from server.worker_slot import WorkerSlot


@dataclass(frozen=True, slots=True)
class Backend:
    """An open database."""

    writer: Writer
    reader: AsyncEngine
    supervisor: Supervisor
    """Of the writer and of all other background tasks."""
    files: DatabaseFiles | None
    """None: PostgreSQL."""
    remote: RemoteWriter | None = None
    """The writer, where another process writes for several processes of one server; None: this process writes."""

    def check(self) -> None:
        """Raise ``DatabaseMovedError`` if the file of the database is not the one that was open_backend."""
        if self.files is not None:
            self.files.check()


@asynccontextmanager
async def open_backend(
    settings: Settings,
    write: WriteBatch = write_batch,
    *,
    supervisor: Supervisor | None = None,
    slot: WorkerSlot | None = None,
    is_server: bool = True,
) -> AsyncIterator[Backend]:
    """Open the database; on exit, pending commits are written.

    Args:
        slot: which of several processes of one server this is.
        is_server: whether this serves the database until it is stopped, and not a command that opens it beside a server.
    """
    supervisor = supervisor or Supervisor()
    url = parse_url(settings.database_url)
    reader = create_read_engine(url)
    try:
        if is_sqlite(url):
            files = DatabaseFiles(database_path(url))
            files.check_connections(reader.sync_engine)
            if slot is not None:
                async with _remote_writer(slot, supervisor, files) as remote:
                    yield Backend(remote, reader, supervisor, files, remote)
                return
            with hold_serving_lock(database_path(url)) if is_server else nullcontext():
                async with _sqlite_writer(url, settings, write, supervisor, files) as writer:
                    yield Backend(writer, reader, supervisor, files)
        else:
            async with _postgres_writer(url, settings, write, supervisor) as writer:
                yield Backend(writer, reader, supervisor, None)
    finally:
        await reader.dispose()


@asynccontextmanager
async def _sqlite_writer(
    url: URL, settings: Settings, write: WriteBatch, supervisor: Supervisor, files: DatabaseFiles
) -> AsyncIterator[Writer]:
    engine = create_write_engine(url)
    files.check_connections(engine)
    writer = SqliteWriter(
        engine,
        with_wal_limit(files.with_file_checks(write), files),
        batch_limit=settings.batch_limit,
        accept_data_loss=settings.accept_data_loss,
        supervisor=supervisor,
        check=files.check,
    )
    try:
        upgrade(engine)
        await writer.start()
        files.record_identities()
        yield writer
    finally:
        await writer.stop()
        engine.dispose()


@asynccontextmanager
async def _remote_writer(slot: WorkerSlot, supervisor: Supervisor, files: DatabaseFiles) -> AsyncIterator[RemoteWriter]:
    """The process that writes has upgraded the tables, holds the lock that tells of a server, and limits the log."""
    writer = RemoteWriter(slot.writer_address, supervisor=supervisor)
    await writer.start()
    try:
        files.record_identities()
        yield writer
    finally:
        await writer.stop()


@contextmanager
def open_write_connection(settings: Settings, write: WriteBatch) -> Iterator[tuple[Connection, WriteBatch, str | None]]:
    """The one write connection to an SQLite file, ``write`` with the checks of a server around it, and why the database might lose
    what it acknowledged, where that is accepted. For the process that writes for several others."""
    url = parse_url(settings.database_url)
    files, engine = DatabaseFiles(database_path(url)), create_write_engine(url)
    files.check_connections(engine)
    try:
        with engine.connect() as connection:
            durability_warning = check_durability(connection, accept=settings.accept_data_loss)
            files.record_identities()
            yield connection, with_wal_limit(files.with_file_checks(write), files), durability_warning
    finally:
        engine.dispose()


@asynccontextmanager
async def _postgres_writer(
    url: URL, settings: Settings, write: WriteBatch, supervisor: Supervisor
) -> AsyncIterator[Writer]:
    engine = create_postgres_write_engine(url)
    writer = PostgresWriter(
        engine,
        write,
        batch_limit=settings.batch_limit,
        accept_data_loss=settings.accept_data_loss,
        supervisor=supervisor,
    )
    try:
        await upgrade_postgres(url)
        await writer.start()
        yield writer
    finally:
        await writer.stop()
        await engine.dispose()
