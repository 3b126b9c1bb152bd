"""The log of an SQLite database is truncated when no reader uses it; while one does, a warning is logged."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from server.operations.doctor import run_checks
from server.settings import Settings
from server.storage.engines import parse_url
from server.storage.sqlite_files import wal_bytes
from tests.served import Served, serving

LIMIT = 100_000


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.storage.engines.WAL_LIMIT_BYTES", LIMIT)
    monkeypatch.setattr("server.operations.doctor.WAL_LIMIT_BYTES", LIMIT)
    monkeypatch.setattr("server.storage.wal_limit.RETRY_SECONDS", 0.0)
    monkeypatch.setattr("server.storage.wal_limit.CHECKPOINT_TIMEOUT_MS", 1)


async def grow(served: Served, path: Path, start: int) -> None:
    for number in range(start, start + 200):
        await served.reset(episode_id=f"e{number}")
        if wal_bytes(path) > 2 * LIMIT:
            return
    raise AssertionError("the log does not grow")


async def database_line(settings: Settings) -> str:
    found = await run_checks(settings, now=datetime(2030, 1, 1, tzinfo=UTC))
    return next(each.message for each in found if each.name == "database")


async def test_a_log_that_grew_during_a_read_is_reported_and_truncated_after_it(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    path = Path(str(parse_url(settings.database_url).database))
    async with serving(settings) as served:
        await served.reset(episode_id="first")
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM events").fetchone()
            await grow(served, path, 0)
            assert "because a reader has it open" in await database_line(settings)
            assert any("because a reader holds it" in each for each in caplog.messages)
            scraped = (await served.client.get("/metrics")).text
            (line,) = [each for each in scraped.splitlines() if each.startswith("mlops_debug_log_bytes ")]
            assert float(line.split()[1]) > LIMIT
        await served.reset(episode_id="last")
        assert wal_bytes(path) <= LIMIT
