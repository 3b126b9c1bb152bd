"""A database that takes no more writes: clear errors, nothing half written, and recovery."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError

from server.settings import Settings
from server.storage.engines import create_write_engine
from server.storage.errors import StoreUnavailableError, UnansweredCommitError
from server.storage.writers.batch import write_batch
from server.storage.writers.protocol import Append, Commit, Outcome
from tests.databases import connect, execute
from tests.postgres import PrivatePostgres
from tests.served import Served, assert_problem, serving
from tests.server.breaking import CAUSES, broken_postgres, broken_sqlite

READ = {"action_type": "read_config"}
Fault = Callable[[], AbstractAsyncContextManager[None]]
"""Breaks the database, and mends it on the way out."""


@pytest.fixture
def writers(monkeypatch: pytest.MonkeyPatch) -> list[sqlite3.Connection]:
    """The connections that the server's writer opened; the latest is the one in use."""
    opened: list[sqlite3.Connection] = []

    def create(url: Any) -> Any:
        engine = create_write_engine(url)
        event.listen(engine, "connect", lambda connection, _: opened.append(connection))
        return engine

    monkeypatch.setattr("server.storage.engines.BUSY_TIMEOUT_MS", 50)
    monkeypatch.setattr("server.storage.engines.LOCK_TIMEOUT_MS", 50)
    monkeypatch.setattr("server.storage.backend.create_write_engine", create)
    return opened


@pytest.fixture
async def played(settings: Settings, writers: list[sqlite3.Connection]) -> AsyncIterator[Served]:
    """A server with an open episode, ``e``."""
    async with serving(settings) as running:
        await running.client.post("/sessions/k/reset", json={"episode_id": "e", "task_id": "medium"})
        await running.step("e", READ)
        yield running


@pytest.fixture
def fault(
    cause: str, backend: str, database_url: str, writers: list[sqlite3.Connection], request: pytest.FixtureRequest
) -> Fault:
    if backend == "sqlite":
        return lambda: broken_sqlite(cause, database_url, writers[-1])
    return lambda: broken_postgres(cause, database_url, request.getfixturevalue("postgres"))


async def refused_reset(played: Served) -> tuple[dict[str, Any], str]:
    """Begin episodes until the database takes no more; the refused request, and what was said."""
    for n in range(200):
        body = {"episode_id": f"new-{n}", "seed": n}
        response = await played.client.post("/sessions/k/reset", json=body)
        if response.status_code != 200:
            return body, str(assert_problem(response, 503, "store_unavailable")["detail"])
    raise AssertionError("the database took everything")


@pytest.mark.parametrize(("backend", "cause"), CAUSES)
async def test_a_refused_commit_is_reported_and_not_written_partially(
    played: Served, database_url: str, cause: str, fault: Fault
) -> None:
    async with fault():
        refused, detail = await refused_reset(played)
    said = {
        "full": "its disk is full",
        "read-only": "it can only be read",
        "locked": "another program holds its lock",
        "gone": "it does not answer",
    }
    assert said[cause] in detail
    name = refused["episode_id"]
    assert execute(database_url, f"SELECT * FROM recorded_events WHERE stream_id = '{name}'") == []
    assert execute(database_url, f"SELECT * FROM recorded_episodes WHERE episode_id = '{name}'") == []
    assert execute(database_url, "SELECT episode_id FROM sessions") != [(name,)]
    in_step = "SELECT count(*) FROM episodes WHERE version <> (SELECT max(version) FROM events WHERE stream = episodes.stream)"
    assert execute(database_url, in_step) == [(0,)]


@pytest.mark.parametrize(("backend", "cause"), CAUSES)
async def test_reading_goes_on_and_writing_again_when_the_cause_is_gone(
    played: Served, cause: str, fault: Fault
) -> None:
    async with fault():
        refused, _ = await refused_reset(played)
        assert (await played.client.get("/health")).status_code == 200
        state = await played.client.get("/state?episode_id=e")
        if cause == "gone":
            assert_problem(state, 503, "store_unavailable")
        else:
            assert state.json()["step_count"] == 1
        unready = await played.client.get("/ready")
        assert (unready.status_code, unready.json()["code"]) == (503, "not_ready")
    assert (await played.client.post("/sessions/k/reset", json=refused)).json()["info"]["version"] == 1
    assert (await played.client.get("/ready")).status_code == 200


@pytest.mark.parametrize(("backend", "cause"), CAUSES)
async def test_a_socket_gets_the_error_and_its_episode_goes_on(played: Served, fault: Fault) -> None:
    async with played.socket("/sessions/s/ws") as socket:
        begun = await socket.say({"type": "reset", "data": {"task_id": "hard"}})
        async with fault():
            await refused_reset(played)
            answers = [await socket.say({"type": "step", "data": READ}) for _ in range(3)]
            error_codes = [each["data"]["code"] for each in answers if each["type"] == "error"]
            assert set(error_codes) <= {"CAPACITY_REACHED"}
        on = await socket.say({"type": "step", "data": {"action_type": "read_logs"}})
        assert on["data"]["metadata"]["episode_id"] == begun["data"]["metadata"]["episode_id"]
        assert on["data"]["metadata"]["version"] == 1 + len(answers) - len(error_codes) + 1


@pytest.mark.parametrize("backend", ["postgres"])
async def test_a_connection_that_breaks_between_the_batches_fails_no_request(
    played: Served, postgres: PrivatePostgres, database_url: str
) -> None:
    await postgres.alter(database_url, "RESET ALL")
    assert (await played.step("e", {"action_type": "read_logs"}))["info"]["version"] == 3


@pytest.mark.parametrize("backend", ["postgres"])
async def test_an_append_whose_commit_went_unanswered_is_looked_up(
    played: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_and_break(connection: Connection, batch: Sequence[Commit]) -> list[Outcome]:
        assert write_batch(connection, batch) == [None] * len(batch)
        return [UnansweredCommitError("the connection broke after the commit")] * len(batch)

    writer = played.services.store._writer
    monkeypatch.setattr(writer, "_write", write_and_break)
    assert (await played.step("e", {"action_type": "read_logs"}))["info"]["version"] == 3
    assert len((await played.client.get("/episodes/e/events")).json()) == 3


@pytest.mark.parametrize("backend", ["postgres"])
async def test_an_unanswered_commit_is_not_reported_as_not_recorded(
    played: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(connection: Connection, batch: Sequence[Commit]) -> list[Outcome]:
        return [UnansweredCommitError("the connection broke")] * len(batch)

    monkeypatch.setattr(played.services.store._writer, "_write", lose)
    monkeypatch.setattr("server.storage.writers.postgres.write_again", lose)
    response = await played.client.post("/step", json={"episode_id": "e", "action": READ})
    detail = assert_problem(response, 503, "store_unavailable")["detail"]
    assert "not known whether" in detail
    assert "Nothing was recorded" not in detail


@pytest.mark.parametrize("backend", ["postgres"])
async def test_one_append_that_waits_for_another_program_does_not_fail_the_others(
    played: Served, database_url: str
) -> None:
    other = await connect(database_url)
    transaction = other.transaction()
    await transaction.start()
    await other.execute("UPDATE episodes SET task_id = task_id")
    blocked, *free = await asyncio.gather(
        played.client.post("/step", json={"episode_id": "e", "action": READ}),
        *(played.client.post("/reset", json={"episode_id": f"n{n}"}) for n in range(5)),
    )
    assert_problem(blocked, 503, "store_unavailable")
    assert [each.status_code for each in free] == [200] * 5
    await transaction.rollback()
    await other.close()
    assert (await played.step("e", READ))["info"]["version"] == 3


async def test_a_batch_that_fails_while_a_conflict_is_sorted_out_is_unavailable_too(
    played: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))

    monkeypatch.setattr("server.storage.writers.batch._write_alone", fail)
    links = await played.services.episodes.events("e")
    with pytest.raises(StoreUnavailableError, match="full"):
        await played.services.store.append(Commit((Append("e", 0, links[:1]),)))
    monkeypatch.undo()
    assert (await played.step("e", READ))["info"]["version"] == 3


async def test_an_episode_that_cannot_be_closed_does_not_fail_the_one_that_began(
    played: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> bool:
        raise StoreUnavailableError("database is locked")

    monkeypatch.setattr(played.services.episodes, "close", fail)
    begun = await played.client.post("/sessions/k/reset", json={"episode_id": "next"})
    assert begun.status_code == 200
    assert (await played.client.get("/sessions/k/state")).json()["episode_id"] == "next"
