"""The tables are brought to the newest version, once, whoever starts together."""

from __future__ import annotations

import asyncio

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Inspector, inspect
from sqlalchemy.engine import URL

from server.database import create_read_engine, parse_url
from server.schema_versions import NewerDatabaseError, migrations_folder, upgrade_database
from server.tables import metadata
from tests.databases import execute

pytestmark = pytest.mark.both_backends


@pytest.fixture
def url(database_url: str) -> URL:
    return parse_url(database_url)


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


async def test_migrating_gives_the_tables_and_can_be_repeated(url: URL) -> None:
    first = await upgrade_database(url)
    assert await upgrade_database(url) == first
    assert first.is_newest
    reader = create_read_engine(url)
    async with reader.connect() as connection:
        assert await connection.run_sync(differences) == []
        inspector: Inspector = await connection.run_sync(inspect)
        named = await connection.run_sync(lambda _: inspector.get_unique_constraints("events"))
        indexed = await connection.run_sync(lambda _: inspector.get_indexes("events"))
    await reader.dispose()
    assert {each["name"] for each in named} == {"uq_events_stream_id_version"}
    assert "uq_events_stream_id_request_id" in {each["name"] for each in indexed}


async def test_many_that_start_together_upgrade_once(url: URL, backend: str) -> None:
    if backend == "sqlite":
        pytest.skip("an SQLite file has one server")
    versions = await asyncio.gather(*(upgrade_database(url) for _ in range(5)))
    assert len(set(versions)) == 1


async def test_a_database_of_a_later_program_is_left_alone(url: URL, database_url: str) -> None:
    await upgrade_database(url)
    execute(database_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(NewerDatabaseError, match="9999"):
        await upgrade_database(url)


def test_migrations_are_forward_only() -> None:
    for migration in (migrations_folder() / "versions").glob("*.py"):
        assert "def downgrade" not in migration.read_text()
