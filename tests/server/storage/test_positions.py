"""Reading by position: a reader that continues where it stopped misses no event, also none that was committed late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from domain.chain import EMPTY, Link
from server.settings import Settings
from server.storage.backend import Backend, open_backend
from server.storage.positions import read_positions, read_safe_position
from server.store import EventStore
from tests.databases import connect
from tests.server.storage.test_store import after, append, event, head_of

pytestmark = pytest.mark.always_postgres

INSERT = (
    "INSERT INTO recorded_events (stream_id, version, kind, schema_version, recorded_at, actor, payload, prev_hash, hash) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
)


@pytest.fixture
async def backend_of_test(settings: Settings) -> AsyncIterator[Backend]:
    async with open_backend(settings) as backend:
        yield backend


@pytest.fixture
def store(backend_of_test: Backend) -> EventStore:
    return EventStore(backend_of_test.writer, backend_of_test.reader)


async def insert(connection: asyncpg.Connection, *linked: Link) -> None:
    """Insert events as another program does, without this program's writer."""
    for each in linked:
        payload = (each.payload or b"").decode()
        inserted = (each.stream_id, each.version, each.kind, each.schema_version, each.recorded_at, each.actor, payload)
        await connection.execute(INSERT, *inserted, each.prev_hash, each.hash)


async def read_all(backend: Backend, *, start: int = 0, limit: int = 2) -> list[Link]:
    """Everything that can be read now, piece by piece."""
    found: list[Link] = []
    while piece := await read_positions(backend.reader, after=start, limit=limit):
        found.extend(piece)
        start = piece[-1].position or 0
    return found


@pytest.mark.both_backends
async def test_events_of_all_streams_come_in_order_and_in_pieces(backend_of_test: Backend, store: EventStore) -> None:
    assert await read_all(backend_of_test) == []
    for n in range(3):
        await append(store, f"s{n}", 0, after(f"s{n}", EMPTY, event(), event(b"[]")))
    found = await read_all(backend_of_test)
    assert [(each.stream_id, each.version) for each in found] == [(f"s{n}", v) for n in range(3) for v in (1, 2)]
    assert found[:2] == list(await store.read("s0"))
    assert await read_safe_position(backend_of_test.reader) == found[-1].position


@pytest.mark.parametrize("backend", ["postgres"])
@pytest.mark.parametrize("ending", ["commit", "rollback"])
async def test_an_event_that_commits_late_is_waited_for(
    backend_of_test: Backend, store: EventStore, database_url: str, ending: str
) -> None:
    await append(store, "before", 0, after("before", EMPTY, event()))
    connection = await connect(database_url)
    slow = connection.transaction()
    await slow.start()
    await insert(connection, *after("late", EMPTY, event()))
    await append(store, "after", 0, after("after", EMPTY, event()))
    seen = await read_all(backend_of_test)
    assert [each.stream_id for each in seen] == ["before"]
    assert len(await store.read("after")) == 1
    assert await read_safe_position(backend_of_test.reader) == seen[-1].position
    await (slow.commit() if ending == "commit" else slow.rollback())
    await connection.close()
    rest = await read_all(backend_of_test, start=seen[-1].position or 0)
    assert [each.stream_id for each in rest] == (["late", "after"] if ending == "commit" else ["after"])


@pytest.mark.parametrize("backend", ["postgres"])
async def test_a_transaction_that_writes_no_event_blocks_no_reader(
    backend_of_test: Backend, store: EventStore, database_url: str
) -> None:
    connection = await connect(database_url)
    slow = connection.transaction()
    await slow.start()
    await connection.execute("CREATE TABLE other (a integer)")
    await append(store, "s", 0, after("s", EMPTY, event()))
    assert [each.stream_id for each in await read_all(backend_of_test)] == ["s"]
    await slow.rollback()
    await connection.close()


@pytest.mark.parametrize("backend", ["postgres"])
async def test_an_insert_undone_to_a_savepoint_blocks_no_reader(
    backend_of_test: Backend, store: EventStore, database_url: str
) -> None:
    connection = await connect(database_url)
    outer, inner = connection.transaction(), connection.transaction()
    await outer.start()
    await inner.start()
    await insert(connection, *after("undone", EMPTY, event()))
    await inner.rollback()
    await append(store, "s", 0, after("s", EMPTY, event()))
    assert [each.stream_id for each in await read_all(backend_of_test)] == ["s"]
    await insert(connection, *after("kept", EMPTY, event()))
    await append(store, "t", 0, after("t", EMPTY, event()))
    assert [each.stream_id for each in await read_all(backend_of_test)] == ["s"]
    await outer.commit()
    await connection.close()
    assert [each.stream_id for each in await read_all(backend_of_test)] == ["s", "kept", "t"]


@pytest.mark.both_backends
async def test_a_reader_among_many_writers_skips_nothing(settings: Settings, backend: str) -> None:
    async with open_backend(settings) as one, open_backend(settings) as other:
        stores = [EventStore(each.writer, each.reader) for each in (one, other)]
        found: list[Link] = []

        async def write(number: int) -> None:
            head, name = EMPTY, f"s{number}"
            for _ in range(12):
                linked = after(name, head, event(), event())
                await append(stores[number % 2], name, head.version, linked)
                head = head_of(linked)

        async def follow() -> None:
            while len(found) < 16 * 24:
                start = (found[-1].position or 0) if found else 0
                found.extend(await read_positions(other.reader, after=start, limit=10))
                await asyncio.sleep(0)

        async with asyncio.timeout(60):
            await asyncio.gather(follow(), *(write(number) for number in range(16)))
    positions = [each.position or 0 for each in found]
    assert positions == sorted(set(positions))
    assert len(found) == 16 * 24
