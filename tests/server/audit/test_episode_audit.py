"""Audit finds every change of what was recorded."""

from __future__ import annotations

import sqlite3
import zlib
from typing import Any

import pytest

from server.audit.replay import render_replay, replay_episode
from server.audit.report import AuditReport, render_report
from server.episodes.errors import UnfoldableEpisodeError, UnknownEpisodeError
from server.settings import Settings
from server.storage.connections import NotOurDatabaseError, open_read_connection
from tests.auditing import audit_by_settings
from tests.databases import of_stream
from tests.hand_made import REPAIR, HandMadeSimulation, hand_made_scenario
from tests.served import serving

ACTIONS: list[dict[str, Any]] = [
    {"action_type": "read_config"},
    {"action_type": "read_logs", "log_filter": "Epoch:1"},
    {"action_type": "query_artifact", "artifact_name": "config.yaml", "field_path": "optimizer.nope"},
    {"action_type": "query_artifact", "artifact_name": "config.yaml", "field_path": "optimizer.name"},
    {"action_type": "run_sanity_check", "sanity_check_type": "data_leakage"},
    {"action_type": "submit_diagnosis", "root_cause_file": "preprocessing.py", "patch": [REPAIR.model_dump()]},
]


@pytest.fixture
async def recorded(settings: Settings) -> Settings:
    """A database with one finished episode, ``done``, one running, ``open``, and one that was left, ``left``."""
    async with serving(settings) as served:
        for episode_id, steps in (("done", 6), ("open", 3)):
            await served.reset(task_id="medium", seed=7, episode_id=episode_id, agent="a")
            for n, action in enumerate(ACTIONS[:steps]):
                await served.step(episode_id, action, request_id=f"r-{n}")
        async with served.socket() as socket:
            await socket.say({"type": "reset", "data": {"episode_id": "left", "task_id": "easy"}})
            await socket.say({"type": "reset"})
        await served.reset(episode_id="limit", task_id="easy")
        for _ in range(20):
            await served.step("limit", ACTIONS[0])
    return settings


async def audit(settings: Settings, episode_id: str = "done", **simulation: Any) -> AuditReport:
    return await audit_by_settings(settings, HandMadeSimulation(**simulation), episode_id)


def tamper(settings: Settings, *statements: str, **values: Any) -> None:
    """Change the database file as an attacker with the disk could: the triggers first."""
    connection = sqlite3.connect(settings.database_url.removeprefix("sqlite:///"))
    for name in (
        "events_refuse_update",
        "events_refuse_delete",
        "streams_refuse_update",
        "scenarios_refuse_update",
        "scenarios_refuse_delete",
    ):
        connection.execute(f"DROP TRIGGER IF EXISTS {name}")
    for statement in statements:
        assert connection.execute(statement, values).rowcount > 0
    connection.commit()
    connection.close()


@pytest.mark.parametrize("episode_id", ["done", "open", "left", "limit"])
async def test_an_honest_episode_has_no_findings(recorded: Settings, episode_id: str) -> None:
    report = await audit(recorded, episode_id)
    assert (report.findings, report.notes) == ((), ())
    assert "0 findings" in render_report(report)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("stream", "stream + 1000"),
        ("stream", "-1"),
        ("version", "77"),
        ("kind", "'check'"),
        ("schema_version", "9"),
        ("recorded_at", "recorded_at + 1"),
        ("recorded_at", "'2031-01-01T00:00:00.000Z'"),
        ("recorded_at", "x'00'"),
        ("actor", "'b'"),
        ("actor", "x'00'"),
        ("request_id", "'other'"),
        ("request_id", "NULL"),
        ("request_id", "x'00'"),
        ("payload", "replace(payload, 'config.yaml', 'train.log')"),
        ("payload", "payload || ' '"),
        ("payload", "'{}'"),
        ("payload", "x'00'"),
        ("digests", "zeroblob(16)"),
        ("digests", "x'00'"),
        ("digests", "'text'"),
        ("digests", "NULL"),
        ("hash", "zeroblob(32)"),
        ("hash", "'text'"),
    ],
)
@pytest.mark.parametrize("version", [2, 7])
async def test_a_change_of_any_column_of_an_event_is_found(
    recorded: Settings, column: str, value: str, version: int
) -> None:
    change = f"UPDATE events SET {column} = {value} WHERE {of_stream('done')} AND version = {version}"
    if version == 7 and "config.yaml" in value:
        change = change.replace("'config.yaml', 'train.log'", "'55', '56'")
    tamper(recorded, change)
    assert (await audit(recorded)).findings


async def test_position_alone_is_not_covered(recorded: Settings) -> None:
    tamper(recorded, "UPDATE events SET position = position + 1000")
    assert (await audit(recorded)).findings == ()


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM scenarios",
        "UPDATE scenarios SET digest = 'x' || substr(digest, 2)",
        "UPDATE scenarios SET generator_version = '0'",
        "UPDATE scenarios SET task_id = 'easy'",
        "UPDATE scenarios SET seed = '8'",
        "UPDATE scenarios SET body = x'00'",
        "UPDATE scenarios SET body = body || x'00'",
        "UPDATE scenarios SET body = :other",
        "UPDATE scenarios SET body = 'text'",
    ],
)
async def test_a_change_of_the_scenario_is_found(recorded: Settings, change: str) -> None:
    other = zlib.compress(hand_made_scenario().body.replace(b'"flag":true', b'"flag":false'))
    tamper(recorded, change + " WHERE task_id = 'medium' AND :other IS NOT NULL", other=other)
    report = await audit(recorded)
    assert [each.code for each in report.findings] == ["scenario"]


@pytest.mark.parametrize("episode_id", ["done", "open", "limit"])
async def test_a_cut_tail_is_found(recorded: Settings, episode_id: str) -> None:
    tamper(
        recorded,
        f"DELETE FROM events WHERE {of_stream(episode_id)} "
        f"AND version = (SELECT max(version) FROM events WHERE {of_stream(episode_id)})",
    )
    assert "row" in [each.code for each in (await audit(recorded, episode_id)).findings]


async def test_an_episode_whose_events_are_gone_is_found(recorded: Settings) -> None:
    tamper(recorded, f"DELETE FROM events WHERE {of_stream('done')}")
    report = await audit(recorded)
    assert (report.events, [each.code for each in report.findings]) == (0, ["row"])


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM episodes",
        "UPDATE episodes SET version = 3",
        "UPDATE episodes SET head_hash = zeroblob(32)",
        "UPDATE episodes SET score = 0.99",
        "UPDATE episodes SET agent = 'better'",
        "UPDATE episodes SET total_reward = 1.0",
    ],
)
async def test_a_change_of_the_read_model_is_found(recorded: Settings, change: str) -> None:
    tamper(recorded, f"{change} WHERE {of_stream('done')}")
    assert [each.code for each in (await audit(recorded)).findings] == ["row"]


async def test_a_grade_that_does_not_follow_is_found_even_in_a_chain_that_verifies(settings: Settings) -> None:
    class Generous(HandMadeSimulation):
        def grade(self, *args: Any, **kwargs: Any) -> Any:
            return super().grade(*args, **kwargs).model_copy(update={"score": 0.99})

    async with serving(settings, simulation=Generous()) as served:
        await served.reset(episode_id="done", task_id="medium", seed=7)
        await served.step("done", {"action_type": "submit_diagnosis"})
    assert {each.code for each in (await audit(settings)).findings} == {"grade", "execute"}


async def test_evidence_that_was_not_generated_is_found(settings: Settings) -> None:
    class Kind(HandMadeSimulation):
        async def generate(self, task_id: Any, seed: int) -> Any:
            scenario = await super().generate(task_id, seed)
            kinder = scenario.evidence.model_copy(update={"run_id": "run-the-answer"})
            return scenario.model_copy(update={"evidence": kinder})

    async with serving(settings, simulation=Kind()) as served:
        await served.reset(episode_id="done", task_id="medium", seed=7)
    assert [each.code for each in (await audit(settings)).findings] == ["generate"]


async def test_another_generator_version_is_a_note_not_a_finding(recorded: Settings) -> None:
    report = await audit(recorded, generator_version="next")
    assert report.findings == ()
    assert "recorded by generator hand-made, this is next" in report.notes[0]


async def test_other_observations_are_a_note_within_another_version_and_a_finding_within_one(
    recorded: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domain.episode.observation._opening", lambda task_id: b'"observation":{"new":1,')
    assert {each.code for each in (await audit(recorded)).findings} == {"execute"}
    monkeypatch.setattr("server.audit.episode_audit.OBSERVATION_VERSIONS", frozenset({"next"}))
    report = await audit(recorded)
    assert report.findings == ()
    assert "not executed again" in report.notes[0]


async def test_an_unknown_episode_is_reported(recorded: Settings) -> None:
    with pytest.raises(UnknownEpisodeError):
        await audit(recorded, "nobody")
    with pytest.raises(UnknownEpisodeError):
        await replay_episode(recorded.database_url, "nobody")


async def test_replay_tells_every_step_and_what_it_earned(recorded: Settings) -> None:
    replayed = await replay_episode(recorded.database_url, "done")
    assert [(each.kind, each.reward) for each in replayed.events] == [
        ("reset", None),
        ("read", 0.02),
        ("read", 0.02),
        ("refuse", 0.0),
        ("query", 0.0),
        ("check", 0.01),
        ("submit", 0.55),
    ]
    assert (replayed.score, replayed.end_reason, replayed.events[-1].total_reward) == (0.55, "submitted", 0.6)
    shown = render_replay(replayed)
    assert "read train.log where 'Epoch:1'" in shown
    assert shown.endswith("ended: submitted, score 0.55")
    assert render_replay(await replay_episode(recorded.database_url, "open")).endswith("still running")
    assert "expired: abandoned" in render_replay(await replay_episode(recorded.database_url, "left"))


async def test_a_log_that_cannot_be_folded_is_not_replayed(recorded: Settings) -> None:
    tamper(recorded, f"UPDATE events SET payload = '{{}}' WHERE {of_stream('done')} AND version = 3")
    with pytest.raises(UnfoldableEpisodeError):
        await replay_episode(recorded.database_url, "done")


@pytest.mark.both_backends
async def test_the_database_is_only_read(settings: Settings) -> None:
    with pytest.raises(NotOurDatabaseError, match=r"read-?only"):
        async with open_read_connection(settings.database_url) as connection:
            await connection.exec_driver_sql("CREATE TABLE t (a integer)")
