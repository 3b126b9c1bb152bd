"""A file that is deleted, moved or replaced under the server: nothing more is acknowledged, and no new file is written to."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection

from server.settings import Settings
from server.storage.sqlite_files import DatabaseMovedError
from server.storage.writers.batch import write_batch
from server.storage.writers.protocol import Commit, Outcome
from tests.databases import execute
from tests.served import Served, assert_problem, serving, settings_for

READ = {"action_type": "read_config"}


def file_of(settings: Settings) -> Path:
    return Path(settings.database_url.removeprefix("sqlite:///"))


def delete(path: Path) -> None:
    path.unlink()


def move(path: Path) -> None:
    path.rename(path.with_name("moved.db"))


def replace_by_another(path: Path) -> None:
    other = path.with_name("other.db")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(other)) as copy:
        source.backup(copy)
    other.rename(path)


def delete_the_log(path: Path) -> None:
    path.with_name(f"{path.name}-wal").unlink()


CHANGES = pytest.mark.parametrize("change", [delete, move, replace_by_another, delete_the_log])


async def assert_refused(served: Served) -> None:
    step = await served.client.post("/step", json={"episode_id": "e", "action": READ})
    assert "must start the server again" in assert_problem(step, 503, "store_unavailable")["detail"]
    for path in ("/state?episode_id=e", "/episodes/e/events", "/leaderboard.json", "/checkpoint", "/tasks"):
        assert_problem(await served.client.get(path), 503, "store_unavailable")
    unready = await served.client.get("/ready")
    assert (unready.status_code, unready.json()["code"]) == (503, "not_ready")
    assert "must start the server again" in unready.json()["detail"]
    assert (await served.client.get("/health")).status_code == 200


@CHANGES
async def test_everything_is_refused_from_the_change_on(settings: Settings, change: Callable[[Path], None]) -> None:
    async with serving(settings) as served:
        await served.reset(episode_id="e", task_id="medium")
        await served.step("e", READ)
        change(file_of(settings))
        await assert_refused(served)


async def test_a_file_that_is_put_back_is_served_after_a_restart_only(settings: Settings) -> None:
    path = file_of(settings)
    async with serving(settings) as served:
        await served.reset(episode_id="e", task_id="medium")
        path.rename(path.with_name("moved.db"))
        await assert_refused(served)
        path.with_name("moved.db").rename(path)
        for ending in ("-wal", "-shm"):
            (aside,) = path.parent.glob(f"{path.name}{ending}.of-inode-*")
            aside.rename(path.with_name(f"{path.name}{ending}"))
        await assert_refused(served)
    async with serving(settings) as served:
        assert (await served.step("e", READ))["info"]["version"] == 2


async def test_a_database_moved_into_place_is_not_written_to(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = settings_for(tmp_path / "other")
    async with serving(other) as served:
        await served.reset(episode_id="of-the-other")
    path, arriving = file_of(settings), file_of(other)
    content = arriving.read_bytes()
    async with serving(settings) as served:
        await served.reset(episode_id="e", task_id="medium")
        arriving.rename(path)
        await assert_refused(served)
        for work in (served.services.checkpointer.make, served.services.auditor.audit_pending):
            with pytest.raises(DatabaseMovedError):
                await work()
    assert path.read_bytes() == content
    async with serving(settings) as served:
        assert (await served.step("of-the-other", READ))["info"]["version"] == 2
        assert_problem(await served.client.get("/state?episode_id=e"), 404, "unknown_episode")


async def test_a_change_while_it_is_written_is_not_acknowledged(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_and_move(connection: Connection, batch: list[Commit]) -> list[Outcome]:
        outcomes = write_batch(connection, batch)
        if batch[0].appends[0].stream_id == "moves":
            move(file_of(settings))
        return outcomes

    monkeypatch.setattr("server.services.write_batch", write_and_move)
    async with serving(settings) as served:
        await served.reset(episode_id="e", task_id="medium")
        response = await served.client.post("/reset", json={"episode_id": "moves"})
        assert "not known whether" in assert_problem(response, 503, "store_unavailable")["detail"]


async def test_two_servers_on_one_file_do_not_take_each_other_for_a_change(settings: Settings) -> None:
    async with serving(settings) as first:
        await first.reset(episode_id="e", task_id="medium")
        async with serving(settings) as second:
            await second.step("e", READ)
        assert (await first.step("e", READ))["info"]["version"] == 3
        async with serving(settings) as second:
            assert (await second.step("e", READ))["info"]["version"] == 4
    assert execute(settings.database_url, "SELECT count(*) FROM events") == [(4,)]
