"""The PostgreSQL writer: an unanswered commit is looked up, pending ones are written."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest
from sqlalchemy import Connection

from domain.chain import EMPTY
from server.settings import Settings
from server.storage.backend import open_backend
from server.storage.errors import UnansweredCommitError
from server.storage.writers.batch import write_batch
from server.storage.writers.protocol import Append, Commit, Outcome, WriterStoppedError
from server.store import EventStore
from tests.databases import connect, execute
from tests.server.storage.test_positions import insert
from tests.server.storage.test_store import after, event

pytestmark = pytest.mark.parametrize("backend", ["postgres"])


def commit_to(stream_id: str) -> Commit:
    return Commit((Append(stream_id, 0, tuple(after(stream_id, EMPTY, event()))),))


async def wait_for_a_waiter(watcher: asyncpg.Connection) -> None:
    for _ in range(2000):
        if await watcher.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            return
        await asyncio.sleep(0.01)
    raise TimeoutError("nobody waits")


async def test_an_unanswered_commit_that_is_still_under_way_is_waited_for(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.storage.engines.LOCK_TIMEOUT_MS", 30_000)
    async with open_backend(settings) as backend:
        monkeypatch.setattr(backend.writer, "_write", lambda _, batch: [UnansweredCommitError("")] * len(batch))
        ours = commit_to("s")
        first, watcher = await connect(settings.database_url), await connect(settings.database_url)
        under_way = first.transaction()
        await under_way.start()
        await insert(first, *ours.appends[0].linked)
        waiting = asyncio.create_task(backend.writer.submit(ours))
        await wait_for_a_waiter(watcher)
        await under_way.commit()
        await waiting
        assert len(await EventStore(backend.writer, backend.reader).read("s")) == 1
        await first.close()
        await watcher.close()


async def test_stopping_writes_what_is_waiting_and_takes_no_more(settings: Settings) -> None:
    async with open_backend(settings) as backend:
        waiting = [asyncio.create_task(backend.writer.submit(commit_to(f"s{n}"))) for n in range(9)]
        await asyncio.sleep(0)
    assert await asyncio.gather(*waiting) == [None] * 9
    with pytest.raises(WriterStoppedError):
        await backend.writer.submit(commit_to("late"))
    assert execute(settings.database_url, "SELECT count(*) FROM events") == [(9,)]


async def test_an_append_whose_caller_went_away_is_still_written(settings: Settings) -> None:
    async with open_backend(settings) as backend:
        task = asyncio.create_task(backend.writer.submit(commit_to("s")))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert execute(settings.database_url, "SELECT count(*) FROM events") == [(1,)]


async def test_waiting_appends_share_transactions_and_a_stream_is_in_each_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[list[str]] = []

    def write(connection: Connection, batch: Sequence[Commit]) -> list[Outcome]:
        batches.append([each.appends[0].stream_id for each in batch])
        return write_batch(connection, batch)

    async with open_backend(settings) as backend:
        monkeypatch.setattr(backend.writer, "_write", write)
        names = [f"s{n}" for n in range(200)] + ["s7", "s7"]
        outcomes = await asyncio.gather(
            *(backend.writer.submit(commit_to(name)) for name in names), return_exceptions=True
        )
    print(f"202 appends in {len(batches)} transactions")
    assert outcomes.count(None) == 200
    assert all(batch == sorted(set(batch)) for batch in batches)
    assert len(batches) <= 10


async def test_a_batch_that_fails_in_an_unexpected_way_does_not_end_the_writer(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter([ZeroDivisionError("once")])

    def write(connection: Connection, batch: Sequence[Commit]) -> list[Outcome]:
        for failure in failures:
            raise failure
        return write_batch(connection, batch)

    async with open_backend(settings) as backend:
        monkeypatch.setattr(backend.writer, "_write", write)
        with pytest.raises(ZeroDivisionError):
            await backend.writer.submit(commit_to("s"))
        await backend.writer.submit(commit_to("s"))
