"""A database that could lose what it acknowledged is refused, unless a setting accepts that by name."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event

from server.settings import Settings
from server.storage.backend import open_backend
from server.storage.engines import create_write_engine
from server.storage.writers.durability import UnsafeDatabaseError
from tests.databases import connect
from tests.postgres import PrivatePostgres
from tests.served import serving


@pytest.fixture
async def weakened(
    settings: Settings, backend: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Settings:
    """A database that does not wait for the disk."""
    if backend == "postgres":
        postgres: PrivatePostgres = request.getfixturevalue("postgres")
        await postgres.alter(settings.database_url, "SET synchronous_commit = off")
        return settings

    def create(url: Any) -> Any:
        engine = create_write_engine(url)
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF").close())
        return engine

    monkeypatch.setattr("server.storage.backend.create_write_engine", create)
    return settings


@pytest.mark.both_backends
async def test_a_database_that_does_not_wait_for_the_disk_is_refused(weakened: Settings) -> None:
    with pytest.raises(UnsafeDatabaseError, match="MLOPS_DEBUG_ACCEPT_DATA_LOSS"):
        async with open_backend(weakened):
            pass


@pytest.mark.both_backends
async def test_where_that_is_accepted_ready_tells(weakened: Settings) -> None:
    async with serving(replace(weakened, accept_data_loss=True)) as served:
        ready = (await served.client.get("/ready")).json()
    assert ready["status"] == "ready"
    assert "synchronous" in ready["accepted_data_loss"]


@pytest.mark.both_backends
async def test_a_durable_database_has_nothing_to_tell(settings: Settings) -> None:
    async with serving(replace(settings, accept_data_loss=True)) as served:
        assert "accepted_data_loss" not in (await served.client.get("/ready")).json()


@pytest.mark.parametrize("backend", ["postgres"])
async def test_postgresql_without_fsync_is_refused(settings: Settings) -> None:
    connection = await connect(settings.database_url)
    try:
        await set_fsync(connection, "off")
        with pytest.raises(UnsafeDatabaseError, match="fsync is off"):
            async with open_backend(settings):
                pass
    finally:
        await set_fsync(connection, "on")
        await connection.close()


async def set_fsync(connection: Any, value: str) -> None:
    """A setting of the whole PostgreSQL server, which it takes up after a moment."""
    await connection.execute(f"ALTER SYSTEM SET fsync = {value}")
    await connection.execute("SELECT pg_reload_conf()")
    for _ in range(3000):
        if await connection.fetchval("SHOW fsync") == value:
            return
        await asyncio.sleep(0.01)
    raise TimeoutError(f"fsync is not {value} after 30 s")
