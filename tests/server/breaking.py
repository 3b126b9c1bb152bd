"""Ways to break a database under a running server; leaving the context repairs it."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.databases import connect, execute
from tests.postgres import PrivatePostgres

CAUSES = [("sqlite", each) for each in ("full", "read-only", "locked")]
CAUSES += [("postgres", each) for each in ("full", "read-only", "locked", "gone")]


@asynccontextmanager
async def broken_sqlite(cause: str, database_url: str, writer: sqlite3.Connection) -> AsyncIterator[None]:
    match cause:
        case "full":
            pages = writer.execute("PRAGMA page_count").fetchone()[0]
            writer.execute(f"PRAGMA max_page_count={pages}")
            yield
            writer.execute("PRAGMA max_page_count=1000000").close()
        case "read-only":
            writer.execute("PRAGMA query_only=ON")
            yield
            writer.execute("PRAGMA query_only=OFF").close()
        case _:
            lock = sqlite3.connect(database_url.removeprefix("sqlite:///"), isolation_level=None)
            lock.execute("BEGIN IMMEDIATE")
            yield
            lock.close()


@asynccontextmanager
async def broken_postgres(cause: str, database_url: str, postgres: PrivatePostgres) -> AsyncIterator[None]:
    match cause:
        case "full":
            # A full disk cannot be had without root's help; its error can, under its own number.
            execute(
                database_url,
                "CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION "
                "'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$",
                "CREATE TRIGGER full_disk BEFORE INSERT ON events EXECUTE FUNCTION fill()",
            )
            yield
            execute(database_url, "DROP TRIGGER full_disk ON events")
        case "read-only":
            await postgres.alter(database_url, "SET default_transaction_read_only = on")
            yield
            await postgres.alter(database_url, "RESET ALL")
        case "locked":
            other = await connect(database_url)
            lock = other.transaction()
            await lock.start()
            await other.execute("LOCK TABLE events IN SHARE MODE")
            yield
            await lock.rollback()
            await other.close()
        case _:
            await postgres.alter(database_url, "ALLOW_CONNECTIONS false")
            yield
            await postgres.alter(database_url, "ALLOW_CONNECTIONS true")
