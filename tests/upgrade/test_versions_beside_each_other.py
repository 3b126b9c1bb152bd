"""A server that runs while a later version upgrades its database refuses everything, and records nothing.

`python -m tests.upgrade.beside` shows it with the server of a released version. Here it is this version's, and the upgrade is what
that of 0010 does to the tables: the old ones get other names, and new ones of another shape get theirs.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from server.settings import Settings
from tests.databases import execute
from tests.postgres import PrivatePostgres
from tests.served import assert_problem, serving

LATER = (
    "DROP VIEW recorded_events",
    "DROP VIEW recorded_episodes",
    "ALTER TABLE events RENAME TO events_before",
    "ALTER TABLE episodes RENAME TO episodes_before",
    "CREATE TABLE events (position INTEGER PRIMARY KEY, content TEXT)",
    "CREATE TABLE episodes (number INTEGER PRIMARY KEY, content TEXT)",
    "UPDATE alembic_version SET version_num = '9999'",
    "SELECT count(*) FROM events_before",
)
READ = {"action_type": "read_config"}


@pytest.fixture
def settings(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    if backend == "sqlite":
        return Settings(database_url=f"sqlite:///{tmp_path / 'episodes.db'}")
    postgres: PrivatePostgres = request.getfixturevalue("postgres")
    return Settings(database_url=postgres.create_database(), secrets_folder=str(tmp_path / "secrets"))


async def test_a_server_whose_database_is_upgraded_beside_it_answers_503_and_records_nothing(
    settings: Settings,
) -> None:
    async with serving(settings) as served:
        await served.reset(episode_id="e")
        await served.step("e", READ)
        execute(settings.database_url, *LATER)
        for path, body in (("/step", {"episode_id": "e", "action": READ}), ("/reset", {"episode_id": "f"})):
            assert_problem(await served.client.post(path, json=body), 503, "store_unavailable")
        assert (await served.client.get("/ready")).status_code == 503
    assert execute(settings.database_url, "SELECT count(*) FROM events_before") == [(2,)]
    assert execute(settings.database_url, "SELECT count(*) FROM events") == [(0,)]
