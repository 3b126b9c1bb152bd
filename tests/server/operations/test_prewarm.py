"""Scenarios generated ahead are found by the server, and none is generated twice."""

from __future__ import annotations

import sqlite3

import pytest
from typer.testing import CliRunner

from domain.types import TaskId
from server.cli import cli
from server.operations.prewarm import prewarm
from server.settings import Settings
from server.storage.engines import parse_url
from server.storage.migrations import upgrade_database
from tests.databases import execute
from tests.hand_made import HandMadeSimulation
from tests.served import assert_problem, serving

KEYS: list[tuple[TaskId, int]] = [("easy", 1), ("hard", 1), ("easy", 2), ("easy", 1)]


@pytest.mark.both_backends
async def test_what_was_warmed_is_not_generated_at_reset(settings: Settings) -> None:
    await upgrade_database(parse_url(settings.database_url))
    ahead, later = HandMadeSimulation(), HandMadeSimulation()
    done: list[None] = []
    assert await prewarm(settings.database_url, ahead, KEYS, concurrency=2, done=lambda: done.append(None)) == (3, 0)
    assert await prewarm(settings.database_url, ahead, KEYS, concurrency=2, done=lambda: done.append(None)) == (0, 3)
    async with serving(settings, simulation=later) as served:
        await served.reset(task_id="hard", seed=1)
        await served.reset(task_id="easy", seed=3)
    assert (len(done), later.generated) == (6, [("easy", 3)])


async def test_what_another_generator_made_is_generated_anew(settings: Settings) -> None:
    async with serving(settings) as served:
        await served.reset(seed=3)
    newer = HandMadeSimulation(generator_version="next")
    async with serving(settings, simulation=newer) as served:
        await served.reset(seed=3)
    assert newer.generated == [("easy", 3)]


async def test_a_stored_scenario_that_was_changed_is_not_played(settings: Settings, database_url: str) -> None:
    async with serving(settings) as served:
        await served.reset(seed=3)
    execute(database_url, "DROP TRIGGER scenarios_refuse_update", "UPDATE scenarios SET body = x'00'")
    async with serving(settings) as served:
        answer = await served.client.post("/reset", json={"seed": 3, "episode_id": "anew"})
    assert_problem(answer, 500, "scenario_lost")


def test_the_command_warms_a_suite(tmp_path) -> None:  # type: ignore[no-untyped-def]
    suite = tmp_path / "two.json"
    suite.write_text(
        '{"name": "two", "generator_version": "1", "entries": [{"task_id": "easy", "seed": 1}, {"task_id": "hard", "seed": 1}]}'
    )
    database = str(tmp_path / "warm.db")
    said = CliRunner().invoke(cli, ["warm", "--suite", str(suite), "--database", database])
    assert said.exit_code == 0, said.output
    assert "2 scenarios generated, 0 found" in said.output
    with sqlite3.connect(database) as opened:
        assert opened.execute("SELECT task_id, seed FROM scenarios ORDER BY task_id").fetchall() == [
            ("easy", "1"),
            ("hard", "1"),
        ]


def test_an_unknown_suite_is_reported_in_one_line(tmp_path) -> None:  # type: ignore[no-untyped-def]
    said = CliRunner().invoke(cli, ["warm", "--suite", "none", "--database", str(tmp_path / "warm.db")])
    assert (said.exit_code, len(said.output.strip().splitlines())) == (2, 1)
