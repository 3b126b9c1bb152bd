"""Database URLs and engines."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from server.storage.engines import (
    DatabaseUrlError,
    create_postgres_write_engine,
    create_read_engine,
    create_write_engine,
    database_path,
    parse_url,
    shown_url,
)
from server.storage.errors import StoreUnavailableError, translate_database_errors


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "mysql://host/db", "no url at all", "", "postgresql://h"]
)
def test_a_url_that_cannot_be_used_is_refused(url: str) -> None:
    with pytest.raises(DatabaseUrlError):
        parse_url(url)


@pytest.mark.parametrize("url", ["sqlite:///a/b.db", "sqlite+aiosqlite:///a/b.db"])
def test_the_driver_in_a_url_does_not_matter(url: str) -> None:
    assert database_path(parse_url(url)) == Path.cwd() / "a" / "b.db"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@h/db?sslmode=require",
        "postgresql+psycopg://u:p@h/db?ssl=require",
        "postgres://u:p@h/db?ssl=require",
    ],
)
def test_the_driver_of_postgresql_and_its_word_for_tls_are_ours(url: str) -> None:
    parsed = parse_url(url)
    assert (parsed.drivername, dict(parsed.query)) == ("postgresql+asyncpg", {"ssl": "require"})


def test_a_password_is_not_shown() -> None:
    assert shown_url(parse_url("postgresql://u:secret@h/db")) == "postgresql+asyncpg://u:***@h/db"


def test_without_the_driver_it_is_an_error_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DatabaseUrlError, match=r"\[postgres\]"):
        parse_url("postgresql://h/db")


@pytest.mark.both_backends
async def test_reading_connections_cannot_write(database_url: str) -> None:
    reader = create_read_engine(parse_url(database_url))
    with pytest.raises(DBAPIError, match=r"read-?only"):
        async with reader.connect() as connection:
            await connection.exec_driver_sql("CREATE TABLE t (a integer)")
    await reader.dispose()


@pytest.mark.parametrize("backend", ["postgres"])
async def test_a_refused_connection_is_an_error_of_the_database_with_every_version_of_sqlalchemy(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def start_up(*_: object, **__: object) -> None:
        raise asyncpg.CannotConnectNowError("the database system is starting up")

    monkeypatch.setattr(asyncpg, "connect", start_up)
    engine = create_read_engine(parse_url(database_url))
    with pytest.raises(StoreUnavailableError, match="starting up"), translate_database_errors():
        async with engine.connect():
            pass
    await engine.dispose()


@pytest.mark.both_backends
async def test_the_error_of_a_statement_does_not_hold_its_values(database_url: str) -> None:
    url = parse_url(database_url)
    reader = create_read_engine(url)
    with pytest.raises(DBAPIError) as failed:
        async with reader.connect() as connection:
            await connection.execute(text("SELECT 1 FROM no_such_table WHERE a = :a"), {"a": "SECRET"})
    await reader.dispose()
    assert "no_such_table" in str(failed.value)
    assert "SECRET" not in str(failed.value)
    is_sqlite = url.get_backend_name() == "sqlite"
    writer = create_write_engine(url) if is_sqlite else create_postgres_write_engine(url).sync_engine
    assert writer.hide_parameters
