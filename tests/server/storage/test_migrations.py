"""The tables are upgraded to the newest version, once, also by servers that start together."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Inspector, inspect
from sqlalchemy.engine import URL

from server.settings import Settings
from server.storage.engines import create_read_engine, create_write_engine, parse_url
from server.storage.errors import StoreUnavailableError
from server.storage.migrations import (
    NewerDatabaseError,
    _known_versions,
    _upgrade,
    baseline_path,
    migrations_folder,
    read_version,
    render_baseline,
    upgrade_database,
)
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
    assert {each["name"] for each in named} == {"uq_events_stream_version"}
    assert "uq_events_stream_request_id" in {each["name"] for each in indexed}


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
        patched.setattr(command, "upgrade", lambda config, _: newest(config, "0008"))
        patched.setattr(
            "server.storage.migrations.create_tables", _upgrade
        )  # as a file was made before there was a baseline
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


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_new_file_gets_at_once_what_the_migrations_leave(url: URL, tmp_path: Path) -> None:
    await upgrade_database(url)
    migrated = create_write_engine(parse_url(f"sqlite:///{tmp_path / 'migrated.db'}"))
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    with migrated.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        by_migrations, rows_of_migrations = described(connection), rows(connection)
    created = create_write_engine(url)
    with created.begin() as connection:
        assert described(connection) == by_migrations
        assert rows(connection) == rows_of_migrations
        assert read_version(connection).is_newest
    migrated.dispose()
    created.dispose()


def described(connection: Connection) -> list[tuple[str, str, str]]:
    """Every table, index and trigger, by what SQLite keeps of its statement; spaces do not count."""
    found = connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_master ORDER BY type, name")
    return [(kind, name, "".join((sql or "").split())) for kind, name, sql in found]


def rows(connection: Connection) -> dict[str, list[object]]:
    """What the tables hold of their own."""
    names = [name for kind, name, _ in described(connection) if kind == "table"]
    return {name: [tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM {name}")] for name in names}


def test_the_baseline_is_the_one_that_the_migrations_give() -> None:
    assert baseline_path().read_text() == render_baseline(), "run make reference"


def test_the_versions_are_those_that_alembic_knows() -> None:
    script = ScriptDirectory(str(migrations_folder()))
    known, newest = _known_versions(migrations_folder())
    assert known == {each.revision for each in script.walk_revisions()}
    assert newest == script.get_current_head()


@pytest.mark.parametrize("is_new", [True, False], ids=["new", "up to date"])
@pytest.mark.parametrize("backend", ["sqlite"])
async def test_alembic_is_imported_only_where_migrations_are_run(url: URL, is_new: bool) -> None:
    if not is_new:
        await upgrade_database(url)
    program = (
        "import asyncio, sys; from server.storage.engines import parse_url; "
        "from server.storage.migrations import upgrade_database; "
        f"asyncio.run(upgrade_database(parse_url({url.render_as_string()!r}))); "
        "sys.exit('alembic' in sys.modules)"
    )
    ended = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    assert await ended.wait() == 0


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
