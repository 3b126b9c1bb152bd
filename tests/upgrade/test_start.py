"""A start and the probe of a ready server do not read the store: their time does not grow with the number of events."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, event

from server.app import utc_now
from tests.served import serving
from tests.upgrade.stores import Store
from tests.upgrade.test_failing_upgrades import upgrade

GROWING = {"events", "episodes", "streams", "scenarios", "attempts", "transcripts", "regrades"}
"""Tables that get longer with every episode."""


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_start_scans_no_table_that_grows_with_the_episodes(store: Store) -> None:
    await asyncio.to_thread(upgrade, store)
    executed: list[tuple[str, Any]] = []

    def remember(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        executed.append((statement, parameters))

    event.listen(Engine, "after_cursor_execute", remember)
    try:
        async with serving(replace(store.settings, idle_seconds=1e9), clock=utc_now) as served:
            assert (await served.client.get("/ready")).status_code == 200
    finally:
        event.remove(Engine, "after_cursor_execute", remember)
    print(f"{len(executed)} statements")
    assert len(executed) > 5
    assert [scan for statement in executed for scan in scans(store, *statement)] == []


def scans(store: Store, statement: str, parameters: Any) -> list[str]:
    """The plan's steps that read a growing table, or an index of all its rows, from end to end."""
    if not statement.lstrip().upper().startswith(("SELECT", "WITH")):
        return []
    with closing(sqlite3.connect(store.folder / "mlops-debug.db")) as connection:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    steps = [each for each in plan if each.startswith("SCAN ") and "ix_episodes_open" not in each]
    return [f"{each}: {statement}" for each in steps if each.split()[1] in GROWING]
