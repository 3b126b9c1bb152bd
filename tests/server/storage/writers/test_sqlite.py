"""The SQLite writer: many appends in one transaction; no accepted append is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import Connection, Engine, event

from domain.chain import EMPTY
from server.storage.engines import BUSY_TIMEOUT_MS, create_write_engine, parse_url
from server.storage.errors import StoreUnavailableError
from server.storage.migrations import upgrade
from server.storage.stream_codec import read_stream
from server.storage.writers.batch import write_batch
from server.storage.writers.durability import UnsafeDatabaseError
from server.storage.writers.protocol import Append, Commit, Outcome, WriterStoppedError
from server.storage.writers.sqlite import SqliteWriter
from tests.databases import execute
from tests.server.storage.test_store import after
from tests.server.storage.test_store import event as an_event


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    engine = create_write_engine(parse_url(f"sqlite:///{tmp_path / 'writer.db'}"))
    upgrade(engine)
    return engine


def commit_to(stream_id: str) -> Commit:
    return Commit((Append(stream_id, 0, tuple(after(stream_id, EMPTY, an_event()))),))


async def test_waiting_appends_share_transactions(engine: Engine) -> None:
    sizes: list[int] = []

    def write(connection: Connection, batch: Sequence[Commit]) -> list[Outcome]:
        sizes.append(len(batch))
        return write_batch(connection, batch)

    writer = SqliteWriter(engine, write, batch_limit=64)
    await writer.start()
    await asyncio.gather(*(writer.submit(commit_to(f"s{n}")) for n in range(200)))
    await writer.stop()
    engine.dispose()
    print(f"200 appends in {len(sizes)} transactions")
    assert sum(sizes) == 200
    assert max(sizes) <= 64
    assert len(sizes) <= 60


async def test_at_most_one_append_of_a_stream_in_a_batch(engine: Engine) -> None:
    batches: list[list[str]] = []

    def write(connection: Connection, batch: Sequence[Commit]) -> list[Outcome]:
        batches.append([each.appends[0].stream_id for each in batch])
        return write_batch(connection, batch)

    writer = SqliteWriter(engine, write, batch_limit=64)
    await writer.start()
    outcomes = await asyncio.gather(
        *(writer.submit(commit_to(name)) for name in ("a", "a", "b", "a")), return_exceptions=True
    )
    await writer.stop()
    engine.dispose()
    assert sum(not isinstance(each, Exception) for each in outcomes) == 2
    assert all(len(batch) == len(set(batch)) for batch in batches)


async def test_an_append_whose_caller_went_away_is_still_written(engine: Engine) -> None:
    writer = SqliteWriter(engine, write_batch, batch_limit=64)
    await writer.start()
    task = asyncio.create_task(writer.submit(commit_to("s")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await writer.stop()
    with engine.connect() as connection:
        assert len(read_stream(connection, "s")) == 1
    engine.dispose()


async def test_stopping_writes_what_is_waiting_and_takes_no_more(engine: Engine) -> None:
    writer = SqliteWriter(engine, write_batch, batch_limit=2)
    await writer.start()
    waiting = [asyncio.create_task(writer.submit(commit_to(f"s{n}"))) for n in range(9)]
    await asyncio.sleep(0)
    await writer.stop()
    assert len(await asyncio.gather(*waiting)) == 9
    with pytest.raises(WriterStoppedError):
        await writer.submit(commit_to("late"))
    engine.dispose()


async def test_a_database_that_is_not_durable_is_refused(engine: Engine) -> None:
    event.listen(engine, "connect", lambda opened, _: opened.execute("PRAGMA synchronous=OFF").close())
    engine.dispose()
    writer = SqliteWriter(engine, write_batch, batch_limit=2)
    with pytest.raises(UnsafeDatabaseError, match="synchronous is 0"):
        await writer.start()
    await writer.stop()
    engine.dispose()


async def test_a_batch_that_fails_in_an_unexpected_way_does_not_end_the_writer(engine: Engine) -> None:
    failures = iter([ZeroDivisionError("once")])

    def write(connection: Connection, batch: Sequence[Commit]) -> list[Outcome]:
        for failure in failures:
            raise failure
        return write_batch(connection, batch)

    writer = SqliteWriter(engine, write, batch_limit=2)
    await writer.start()
    with pytest.raises(ZeroDivisionError):
        await writer.submit(commit_to("s"))
    await writer.submit(commit_to("s"))
    await writer.stop()
    engine.dispose()


async def test_the_time_in_the_queue_is_taken_off_the_wait_for_a_foreign_lock(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[int] = []

    def write(connection: Connection, batch: Sequence[Commit]) -> list[Outcome]:
        limits.append(connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one())
        connection.rollback()
        return write_batch(connection, batch)

    writer = SqliteWriter(engine, write, batch_limit=2)
    await writer.start()
    for name, later in (("at-once", 0.0), ("late", 4.0), ("too-late", 11.0), ("again", 0.0)):
        clock = SimpleNamespace(monotonic=lambda later=later: time.monotonic() + later)
        monkeypatch.setattr("server.storage.writers.sqlite.time", clock)
        monkeypatch.setattr("server.storage.writers.sqlite.LATE_SECONDS", 2.0)
        await writer.submit(commit_to(name))
    await writer.stop()
    engine.dispose()
    assert (limits[0], limits[2], limits[3]) == (BUSY_TIMEOUT_MS, 0, BUSY_TIMEOUT_MS)
    assert BUSY_TIMEOUT_MS - 6_000 < limits[1] <= BUSY_TIMEOUT_MS - 4_000


async def test_writes_of_other_connections_are_counted_and_own_ones_are_not(engine: Engine, tmp_path: Path) -> None:
    writer = SqliteWriter(engine, write_batch, batch_limit=64)
    await writer.start()
    before = await writer.foreign_writes()
    assert await writer.submit(commit_to("own")) == before
    assert await writer.foreign_writes() == before
    execute(f"sqlite:///{tmp_path / 'writer.db'}", "INSERT INTO rubrics (rubric_version, body) VALUES ('0', '{}')")
    # The commit says what was known before it, so that what was written between is found by the next look.
    assert await writer.submit(commit_to("later")) == before
    assert await writer.foreign_writes() not in (None, before)
    await writer.stop()
    engine.dispose()


async def test_the_look_for_other_writes_fails_where_the_database_must_not_be_used(engine: Engine) -> None:
    def refuse() -> None:
        raise StoreUnavailableError("moved")

    writer = SqliteWriter(engine, write_batch, batch_limit=64, check=refuse)
    await writer.start()
    with pytest.raises(StoreUnavailableError, match="moved"):
        await writer.foreign_writes()
    await writer.stop()
    assert await writer.foreign_writes() is None
    engine.dispose()
