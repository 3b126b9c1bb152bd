"""The tables are upgraded to the newest version, once, also by servers that start together."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Inspector, inspect
from sqlalchemy.engine import URL

from server.settings import Settings
from server.storage.engines import create_read_engine, parse_url
from server.storage.errors import StoreUnavailableError
from server.storage.migrations import NewerDatabaseError, migrations_folder, upgrade_database
from server.storage.positions import read_positions
from server.storage.schema import metadata
from tests.databases import LostError, connect, execute
from tests.served import serving

pytestmark = pytest.mark.both_backends
POSTGRES_PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "postgres.md"


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


@pytest.mark.parametrize("backend", ["postgres"])
async def test_many_that_start_together_upgrade_once(url: URL) -> None:
    versions = await asyncio.gather(*(upgrade_database(url) for _ in range(5)))
    assert len(set(versions)) == 1


async def test_a_database_of_a_later_program_is_left_alone(url: URL, database_url: str) -> None:
    await upgrade_database(url)
    execute(database_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(NewerDatabaseError, match="9999"):
        await upgrade_database(url)


@pytest.mark.parametrize("backend", ["postgres"])
async def test_serving_needs_no_right_to_change_tables(url: URL, database_url: str) -> None:
    grants = re.findall(r"^GRANT .*;$", POSTGRES_PAGE.read_text(), flags=re.MULTILINE)
    assert grants
    await upgrade_database(url)
    role = f"server_{url.database}"
    execute(database_url, f"CREATE ROLE {role} LOGIN", *(each.replace("TO server", f"TO {role}") for each in grants))
    as_role = Settings(database_url=url.set(username=role).render_as_string(hide_password=False))
    async with serving(as_role) as served:
        assert (await served.client.post("/sessions/k/reset", json={"episode_id": "e"})).status_code == 200
        await served.step("e", {"action_type": "read_config"})
        assert (await served.client.post("/sessions/k/reset", json={"episode_id": "f"})).status_code == 200
        assert len(await read_positions(served.services.reader, after=0, limit=9)) == 4
    with pytest.raises(LostError, match="must be owner"):
        execute(as_role.database_url, "ALTER TABLE events DISABLE TRIGGER ALL")


async def test_what_was_there_before_splits_is_of_train(
    url: URL, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = command.upgrade
    with monkeypatch.context() as patched:
        patched.setattr("server.storage.migrations.command.upgrade", lambda config, _: newest(config, "0008"))
        await upgrade_database(url)
    empty = "x'00'" if database_url.startswith("sqlite") else "'\\x00'"
    execute(
        database_url,
        f"INSERT INTO scenarios (digest, generator_version, task_id, seed, body) VALUES ('d', '4', 'easy', '3', {empty})",
        "INSERT INTO rounds (round_id, suite_id, suite_digest, attempts, rubric_version, generator_version, commitment, "
        "opened_at) VALUES ('spring', 'ranked-1', 's', 1, '1', '4', 'c', 'n') RETURNING round_id",
    )
    assert (await upgrade_database(url)).is_newest
    for table in ("scenarios", "rounds"):
        assert execute(database_url, f"SELECT split FROM {table}") == [("train",)]


def test_migrations_are_forward_only() -> None:
    for migration in (migrations_folder() / "versions").glob("*.py"):
        assert "def downgrade" not in migration.read_text()


@pytest.mark.parametrize("backend", ["postgres"])
async def test_a_start_does_not_wait_for_ever_for_tables_that_another_program_has_locked(
    url: URL, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await upgrade_database(url)
    monkeypatch.setattr("server.storage.engines.LOCK_TIMEOUT_MS", 50)
    other = await connect(database_url)
    async with asyncio.timeout(30), other.transaction():
        await other.execute("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StoreUnavailableError, match="lock timeout"):
            await upgrade_database(url)
    await other.close()
    assert (await upgrade_database(url)).is_newest
