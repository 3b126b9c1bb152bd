"""The contract of the event store."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from domain.chain import EMPTY, Head, Link, NewEvent, link, verify_chain
from server.database import create_read_engine, create_write_engine, parse_url, upgrade
from server.statements import Statement, StatementRow
from server.store import (
    EventStore,
    RequestIdReusedError,
    StoreUnavailableError,
    WrongExpectedVersionError,
    write_batch,
)
from server.writer import Writer


def event(payload: bytes = b"{}", request_id: str | None = None) -> NewEvent:
    return NewEvent(
        kind="read",
        schema_version=1,
        recorded_at="2030-01-01T00:00:00.000Z",
        actor="agent",
        request_id=request_id,
        payload=payload,
    )


def after(stream_id: str, head: Head, *events: NewEvent) -> list[Link]:
    linked: list[Link] = []
    for each in events:
        linked.append(link(stream_id, head, each))
        head = Head(linked[-1].version, linked[-1].hash)
    return linked


def head_of(linked: list[Link]) -> Head:
    return Head(linked[-1].version, linked[-1].hash)


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("server.database.BUSY_TIMEOUT_MS", 200)
    return tmp_path / "store.db"


@pytest.fixture
async def store(database: Path) -> AsyncIterator[EventStore]:
    url = parse_url(f"sqlite:///{database}")
    engine = create_write_engine(url)
    upgrade(engine)
    reader = create_read_engine(url)
    writer = Writer(engine, write_batch, batch_limit=256)
    await writer.start()
    yield EventStore(writer, reader)
    await writer.stop()
    await reader.dispose()
    engine.dispose()


async def test_events_are_read_back_in_order_and_verify(store: EventStore) -> None:
    linked = after("s", EMPTY, event(b'{"a":"\xc3\xb6"}'), event(b"[]", "r-1"))
    await store.append("s", 0, linked[:1])
    await store.append("s", 1, linked[1:])
    stored = await store.read("s")
    assert [(each.version, each.payload, each.request_id) for each in stored] == [
        (1, b'{"a":"\xc3\xb6"}', None),
        (2, b"[]", "r-1"),
    ]
    assert verify_chain("s", stored) == ()
    positions = [each.position or 0 for each in stored]
    assert positions == sorted(positions)


async def test_an_unknown_stream_is_empty(store: EventStore) -> None:
    assert await store.read("nobody") == ()


@pytest.mark.parametrize("stale", [0, 1, 3])
async def test_a_wrong_expected_version_is_refused_with_the_actual_one(store: EventStore, stale: int) -> None:
    first = after("s", EMPTY, event(), event())
    await store.append("s", 0, first)
    racing = after("s", Head(stale, b"x" * 32), event())
    with pytest.raises(WrongExpectedVersionError) as refused:
        await store.append("s", stale, racing)
    assert (refused.value.expected, refused.value.actual) == (stale, 2)
    assert len(await store.read("s")) == 2


async def test_a_link_to_another_past_is_refused(store: EventStore) -> None:
    await store.append("s", 0, after("s", EMPTY, event()))
    with pytest.raises(Exception, match="events_follow"):
        await store.append("s", 1, after("s", Head(1, b"x" * 32), event()))


async def test_a_request_id_is_taken_once_in_a_stream_and_looked_up_before_the_version(store: EventStore) -> None:
    first = after("s", EMPTY, event(request_id="r-1"))
    await store.append("s", 0, first)
    with pytest.raises(RequestIdReusedError):
        await store.append("s", 1, after("s", head_of(first), event(request_id="r-1")))
    with pytest.raises(RequestIdReusedError):
        await store.append("s", 0, after("s", EMPTY, event(request_id="r-1")))
    await store.append("other", 0, after("other", EMPTY, event(request_id="r-1")))


async def test_several_events_are_appended_together_or_not_at_all(store: EventStore) -> None:
    first = after("s", EMPTY, event(request_id="r-1"))
    await store.append("s", 0, first)
    with pytest.raises(RequestIdReusedError):
        await store.append("s", 1, after("s", head_of(first), event(), event(request_id="r-1")))
    assert len(await store.read("s")) == 1


async def test_of_many_racers_one_wins_and_the_others_learn_the_version(store: EventStore) -> None:
    outcomes = await asyncio.gather(
        *(store.append("s", 0, after("s", EMPTY, event(b"%d" % n))) for n in range(20)), return_exceptions=True
    )
    assert outcomes.count(None) == 1
    losers = [each for each in outcomes if each is not None]
    assert all(isinstance(each, WrongExpectedVersionError) and each.actual == 1 for each in losers)


async def test_a_conflict_fails_alone(store: EventStore) -> None:
    await store.append("old", 0, after("old", EMPTY, event()))
    streams = [*(f"s{n}" for n in range(9)), "old"]
    outcomes = await asyncio.gather(
        *(store.append(name, 0, after(name, EMPTY, event())) for name in streams), return_exceptions=True
    )
    assert outcomes[:-1] == [None] * 9
    assert isinstance(outcomes[-1], WrongExpectedVersionError)


async def test_rows_are_written_with_the_append_and_dropped_with_a_conflict(store: EventStore, database: Path) -> None:
    keep = Statement(
        text(
            "INSERT INTO scenarios (digest, generator_version, task_id, seed, body) "
            "VALUES (:digest, '1', 'easy', '1', x'00')"
        ),
        ("digest",),
    )
    first = after("s", EMPTY, event())
    await store.append("s", 0, first, [StatementRow(keep, ("kept",))])
    with pytest.raises(WrongExpectedVersionError):
        await store.append("s", 0, first, [StatementRow(keep, ("dropped",))])
    with sqlite3.connect(database) as connection:
        assert connection.execute("SELECT digest FROM scenarios").fetchall() == [("kept",)]
    connection.close()


async def test_a_locked_database_is_unavailable_and_then_works_again(store: EventStore, database: Path) -> None:
    await store.append("warm", 0, after("warm", EMPTY, event()))
    lock = sqlite3.connect(database, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    attempt = asyncio.create_task(store.append("s", 0, after("s", EMPTY, event())))
    with pytest.raises(StoreUnavailableError):
        await attempt
    lock.execute("ROLLBACK")
    lock.close()
    await store.append("s", 0, after("s", EMPTY, event()))
    assert len(await store.read("s")) == 1


@pytest.mark.parametrize("table", ["events", "scenarios"])
@pytest.mark.parametrize("change", ["UPDATE {} SET rowid = 99", "DELETE FROM {}"])
async def test_changing_what_is_recorded_is_refused(store: EventStore, database: Path, table: str, change: str) -> None:
    keep = Statement(
        text("INSERT INTO scenarios (digest, generator_version, task_id, seed, body) VALUES (:d, '1', 'e', '1', x'')"),
        ("d",),
    )
    await store.append("s", 0, after("s", EMPTY, event()), [StatementRow(keep, ("d",))])
    connection = sqlite3.connect(database)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(change.format(table))
    connection.close()


@pytest.mark.parametrize(
    "replacement",
    [
        "INSERT OR REPLACE INTO events SELECT * FROM events",
        "INSERT OR REPLACE INTO events SELECT NULL, stream_id, version, kind, schema_version, recorded_at, actor, "
        "request_id, payload, prev_hash, hash FROM events",
        "INSERT OR REPLACE INTO scenarios SELECT digest, generator_version, task_id, seed, x'ff' FROM scenarios",
    ],
)
async def test_replacing_what_is_recorded_is_refused(store: EventStore, database: Path, replacement: str) -> None:
    keep = Statement(
        text("INSERT INTO scenarios (digest, generator_version, task_id, seed, body) VALUES (:d, '1', 'e', '1', x'')"),
        ("d",),
    )
    await store.append("s", 0, after("s", EMPTY, event()), [StatementRow(keep, ("d",))])
    connection = sqlite3.connect(database)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(replacement)
    connection.close()


async def test_appending_what_does_not_follow_is_a_mistake_of_the_caller(store: EventStore) -> None:
    with pytest.raises(ValueError, match="linked"):
        await store.append("s", 3, after("s", EMPTY, event()))
