"""Opens the database of a server: upgrades it, starts its writer and creates its read engine."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import AsyncIterator

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
from server.storage.writers.postgres import PostgresWriter
from server.storage.writers.protocol import WriteBatch, Writer
from server.storage.writers.sqlite import SqliteWriter
from server.supervision import Supervisor


@dataclass(frozen=True, slots=True)
class Backend:
    """An open database."""

    writer: Writer
    reader: AsyncEngine
    supervisor: Supervisor
    """Of the writer and of all other background tasks."""
    files: DatabaseFiles | None
    """None: PostgreSQL."""

    def check(self) -> None:
        """Raise ``DatabaseMovedError`` if the file of the database is not the one that was open_backend."""
        if self.files is not None:
            self.files.check()


@asynccontextmanager
async def open_backend(
    settings: Settings, write: WriteBatch = write_batch, *, supervisor: Supervisor | None = None
) -> AsyncIterator[Backend]:
    """Open the database; on exit, pending commits are written."""
    supervisor = supervisor or Supervisor()
    url = parse_url(settings.database_url)
    reader = create_read_engine(url)
    try:
        if is_sqlite(url):
            files = DatabaseFiles(database_path(url))
            files.check_connections(reader.sync_engine)
            with hold_serving_lock(database_path(url)):
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
