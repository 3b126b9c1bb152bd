"""What `python -m bench.big_store` measures, and what it compares with a bound."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from pathlib import Path

import pytest

from bench import big_store, big_store_serving
from bench.big_store import AUDIT, EXPORT, SINCE_LAST, START, VERIFY, Measured, _bounds, _run, _table
from bench.big_store_serving import Served, measure_serving, serving_table
from bench.extra import PACKAGES
from bench.fill_store import fill
from bench.workers import Turn

MISSING = [name for name in PACKAGES if find_spec(name) is None]


def test_the_memory_of_a_command_is_not_that_of_the_program_that_started_it() -> None:
    large = bytearray(300 << 20)
    assert 10 < _run(None, "--help").peak_mb < len(large) >> 20


def test_a_command_that_fails_is_no_measurement() -> None:
    with pytest.raises(RuntimeError, match="nonsense ended with 2"):
        _run(None, "nonsense")


def test_bounds_are_of_the_same_store_and_a_start_is_compared_with_that_of_an_empty_one() -> None:
    found = {
        0: {START: Measured(1.0, 2.0, 100.0)},
        500: {
            START: Measured(9.0, 3.0, 100.0),
            AUDIT: Measured(9.0, 10.0, 120.0),
            EXPORT: Measured(9.0, 4.0, 110.0),
            VERIFY: Measured(9.0, 12.0, 301.0),
            SINCE_LAST: Measured(9.0, 0.9, 100.0),
        },
    }
    assert list(_bounds(found)) == [
        "0: start to ready takes 1.00 of that of an empty store (at most 2.0)",
        "500: verify takes 1.20 of audit --all (at most 1.3 at any size)",
        "500: audit --since-last, 1,000 new takes 0.09 of audit --all (at most 0.1 on 118,720)",
        "500: export --bundle takes 110 MB (at most 300 at any size)",
        "500: verify takes 301 MB (at most 300 at any size)",
        "500: start to ready takes 1.50 of that of an empty store (at most 2.0)",
    ]


def test_the_table_has_a_dash_where_a_command_was_not_run_on_a_store() -> None:
    found = {0: {START: Measured(1.0, 2.0, 3.0)}, 500: {AUDIT: Measured(4.0, 5.0, 6.0)}}
    lines = _table(found, {}).splitlines()
    assert lines[2:4] == ["| start to ready | 1.0 / 2.0 / 3 | - |", f"| {AUDIT} | - | 4.0 / 5.0 / 6 |"]


def test_serving_is_compared_with_the_first_store_by_the_cpu_of_a_step() -> None:
    served = {
        0: Served(Turn(2_000.0, 400.0, 1.0, 2.0, 3.0), 120.0, {"/": 5.0}),
        500: Served(Turn(1_000.0, 440.0, 1.0, 2.0, 3.0), 130.0, {"/": 5.0, "/live": 9.0}),
    }
    lines = list(serving_table(served))
    assert "| slowest page, ms | 5: `/` | 9: `/live` |" in lines
    assert lines[-1] == "500: a step takes 1.10 of the CPU of the first store (at most 1.15)"


@pytest.mark.slow
@pytest.mark.skipif(bool(MISSING), reason=f"needs the extra bench: {', '.join(MISSING)} missing")
def test_an_empty_store_and_a_filled_one_are_served_in_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(big_store_serving, "TURNS", 1)
    monkeypatch.setattr(big_store_serving, "TURN_SECONDS", 1.0)
    monkeypatch.setattr(big_store_serving, "REQUESTS_A_PAGE", 1)
    databases = {size: tmp_path / str(size) / "store.db" for size in (0, 300)}
    for size, database in databases.items():
        database.parent.mkdir()
        asyncio.run(fill(database, size))
    served = measure_serving(databases)
    assert all(each.turn.steps_per_second > 0 and each.memory_mb > 10 for each in served.values())
    assert {"/episodes/…", "/compare?a=…&b=…"} <= served[300].pages.keys()
    assert "/agent?name=agent-123" in served[300].pages.keys() - served[0].pages.keys()


def test_an_empty_store_is_only_started(tmp_path: Path) -> None:
    assert list(big_store._commands(tmp_path / "store.db", 1, size=0)) == [START]
