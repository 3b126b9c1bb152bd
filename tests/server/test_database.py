"""How a database is opened and brought up to date."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from server.database import (
    DatabaseUrlError,
    create_read_engine,
    create_write_engine,
    database_path,
    migrations_folder,
    parse_url,
    upgrade,
)
from server.tables import metadata


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://host/db", "no url at all", ""])
def test_a_url_that_cannot_be_used_is_refused(url: str) -> None:
    with pytest.raises(DatabaseUrlError):
        parse_url(url)


@pytest.mark.parametrize("url", ["sqlite:///a/b.db", "sqlite+aiosqlite:///a/b.db"])
def test_the_driver_in_a_url_does_not_matter(url: str) -> None:
    assert database_path(parse_url(url)) == Path.cwd() / "a" / "b.db"


def test_migrating_gives_the_tables_and_can_be_repeated(tmp_path: Path) -> None:
    engine = create_write_engine(parse_url(f"sqlite:///{tmp_path / 'm.db'}"))
    upgrade(engine)
    upgrade(engine)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        named = {each["name"] for each in inspect(connection).get_unique_constraints("events")}
        indexed = {each["name"] for each in inspect(connection).get_indexes("events")}
    engine.dispose()
    assert named == {"uq_events_stream_id_version"}
    assert "uq_events_stream_id_request_id" in indexed


async def test_reading_connections_cannot_write(tmp_path: Path) -> None:
    url = parse_url(f"sqlite:///{tmp_path / 'r.db'}")
    reader = create_read_engine(url)
    with pytest.raises(Exception, match="readonly"):
        async with reader.connect() as connection:
            await connection.exec_driver_sql("CREATE TABLE t (a)")
    await reader.dispose()


def test_migrations_are_forward_only() -> None:
    for migration in (migrations_folder() / "versions").glob("*.py"):
        assert "def downgrade" not in migration.read_text()
