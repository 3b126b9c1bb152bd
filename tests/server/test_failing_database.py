"""A database that takes nothing more: told clearly, nothing half written, and taken up again when it recovers."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from server.database import create_write_engine
from server.settings import Settings
from server.store import StoreUnavailableError
from tests.served import Served, assert_problem, serving

READ = {"action_type": "read_config"}
Fault = Callable[[], Callable[[], None]]
"""Breaks the database; what it returns mends it."""


@pytest.fixture
def writers(monkeypatch: pytest.MonkeyPatch) -> list[sqlite3.Connection]:
    """The connections that the server's writer opened; the latest is the one in use."""
    opened: list[sqlite3.Connection] = []

    def create(url: Any) -> Any:
        engine = create_write_engine(url)
        event.listen(engine, "connect", lambda connection, _: opened.append(connection))
        return engine

    monkeypatch.setattr("server.database.BUSY_TIMEOUT_MS", 50)
    monkeypatch.setattr("server.installation.create_write_engine", create)
    return opened


@pytest.fixture
async def played(settings: Settings, writers: list[sqlite3.Connection]) -> AsyncIterator[Served]:
    """A server with an open episode, ``e``."""
    async with serving(settings) as running:
        await running.client.post("/sessions/k/reset", json={"episode_id": "e", "task_id": "medium"})
        await running.step("e", READ)
        yield running


@pytest.fixture(params=["full", "read-only", "locked"])
def fault(request: pytest.FixtureRequest, settings: Settings, writers: list[sqlite3.Connection]) -> Fault:
    def full() -> Callable[[], None]:
        pages = writers[-1].execute("PRAGMA page_count").fetchone()[0]
        writers[-1].execute(f"PRAGMA max_page_count={pages}")
        return lambda: writers[-1].execute("PRAGMA max_page_count=1000000").close()

    def read_only() -> Callable[[], None]:
        writers[-1].execute("PRAGMA query_only=ON")
        return lambda: writers[-1].execute("PRAGMA query_only=OFF").close()

    def locked() -> Callable[[], None]:
        lock = sqlite3.connect(settings.database_url.removeprefix("sqlite:///"), isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        return lock.close

    return {"full": full, "read-only": read_only, "locked": locked}[request.param]


async def refused_reset(played: Served) -> tuple[dict[str, Any], str]:
    """Begin episodes until the database takes no more; the refused request, and what was said."""
    for n in range(200):
        body = {"episode_id": f"new-{n}", "seed": n}
        response = await played.client.post("/sessions/k/reset", json=body)
        if response.status_code != 200:
            return body, str(assert_problem(response, 503, "store_unavailable")["detail"])
    raise AssertionError("the database took everything")


def rows(settings: Settings, query: str) -> list[Any]:
    with sqlite3.connect(settings.database_url.removeprefix("sqlite:///")) as connection:
        found = connection.execute(query).fetchall()
    connection.close()
    return found


async def test_what_is_refused_is_told_and_not_written_by_halves(
    played: Served, settings: Settings, fault: Fault
) -> None:
    mend = fault()
    refused, detail = await refused_reset(played)
    said = {"its disk is full", "it can only be read", "another program holds its lock"}
    assert any(each in detail for each in said), detail
    assert rows(settings, f"SELECT * FROM events WHERE stream_id = '{refused['episode_id']}'") == []
    assert rows(settings, f"SELECT * FROM episodes WHERE episode_id = '{refused['episode_id']}'") == []
    assert rows(settings, "SELECT episode_id FROM sessions") != [(refused["episode_id"],)]
    in_step = "SELECT count(*) FROM episodes e WHERE version <> (SELECT max(version) FROM events WHERE stream_id = episode_id)"
    assert rows(settings, in_step) == [(0,)]
    mend()


async def test_reading_goes_on_and_writing_again_when_the_cause_is_gone(played: Served, fault: Fault) -> None:
    mend = fault()
    refused, _ = await refused_reset(played)
    assert (await played.client.get("/health")).status_code == 200
    assert (await played.client.get("/state?episode_id=e")).json()["step_count"] == 1
    unready = await played.client.get("/ready")
    assert (unready.status_code, unready.json()["code"]) == (503, "not_ready")
    mend()
    assert (await played.client.post("/sessions/k/reset", json=refused)).json()["info"]["version"] == 1
    assert (await played.client.get("/ready")).status_code == 200


async def test_a_socket_hears_of_it_and_its_episode_goes_on(played: Served, fault: Fault) -> None:
    async with played.socket("/sessions/s/ws") as socket:
        begun = await socket.say({"type": "reset", "data": {"task_id": "hard"}})
        mend = fault()
        await refused_reset(played)
        answers = [await socket.say({"type": "step", "data": READ}) for _ in range(3)]
        told = [each["data"]["code"] for each in answers if each["type"] == "error"]
        assert set(told) <= {"CAPACITY_REACHED"}
        mend()
        on = await socket.say({"type": "step", "data": {"action_type": "read_logs"}})
        assert on["data"]["metadata"]["episode_id"] == begun["data"]["metadata"]["episode_id"]
        assert on["data"]["metadata"]["version"] == 1 + len(answers) - len(told) + 1


async def test_a_batch_that_fails_while_a_conflict_is_sorted_out_is_unavailable_too(
    played: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))

    monkeypatch.setattr("server.store._write_alone", fail)
    links = await played.installation.episodes.events("e")
    with pytest.raises(StoreUnavailableError, match="full"):
        await played.installation.store.append("e", 0, links[:1])
    monkeypatch.undo()
    assert (await played.step("e", READ))["info"]["version"] == 3


async def test_an_episode_that_cannot_be_closed_does_not_fail_the_one_that_began(
    played: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> bool:
        raise StoreUnavailableError("database is locked")

    monkeypatch.setattr(played.installation.episodes, "close", fail)
    begun = await played.client.post("/sessions/k/reset", json={"episode_id": "next"})
    assert begun.status_code == 200
    assert (await played.client.get("/sessions/k/state")).json()["episode_id"] == "next"
