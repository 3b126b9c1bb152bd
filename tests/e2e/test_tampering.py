"""Someone with the database file changes history: ``mlops-debug audit`` says so. Untouched history passes."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.playing import REFUSED_QUERY, Episode, Json, diagnosis_from, open_client, truth_of
from tests.e2e.running import ServerProcess, run_command

VICTIM = "victim"
KINDS = ("reset", "read", "query", "check", "refuse", "submit")


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with a finished episode that holds every kind of event, and the server stopped."""
    process = ServerProcess(tmp_path_factory.mktemp("played"))
    process.start()
    try:
        with open_client(process.url) as http:
            right = diagnosis_from(truth_of(http, "medium", 7), confidence=0.9)
            for episode_id in (VICTIM, "bystander"):
                episode = Episode(http, task_id="medium", seed=7, agent="honest", episode_id=episode_id)
                episode.play({"action_type": "read_logs", "log_filter": "loss"}, request_id="r-1")
                episode.step("query_artifact", artifact_name="config.yaml", field_path="optimizer.momentum")
                episode.step("run_sanity_check", sanity_check_type="data_leakage")
                episode.play(REFUSED_QUERY)
                episode.play(right)
            Episode(http, seed=8, episode_id="running").step("read_config")
            Episode(http, seed=8, episode_id="expired").play_to_the_limit()
    finally:
        process.stop()
    return process.database


@pytest.fixture
def database(played: Path, tmp_path: Path) -> Path:
    """A copy of that file, to be changed."""
    copy = tmp_path / "copy.db"
    with closing(sqlite3.connect(played)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


@pytest.fixture
def attacker(database: Path) -> Iterator[sqlite3.Connection]:
    """A connection to the copy whose triggers are gone; every statement is final at once."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f'DROP TRIGGER "{trigger}"')
        yield connection


def audit(database: Path, episode_id: str = VICTIM) -> tuple[int, list[Json]]:
    """Exit code and findings of ``mlops-debug audit``."""
    done = run_command("audit", episode_id, "--json", "--database", str(database))
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    findings: list[Json] = json.loads(done.stdout)["findings"]
    return done.returncode, findings


def columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def changed(value: Any) -> Any:
    """Another value of the same kind, as near to the old one as can be."""
    if value is None:
        return "x"
    if isinstance(value, int | float):
        return value + 1000
    if isinstance(value, bytes):
        return value[:-1] + bytes([value[-1] ^ 1]) if value else b"x"
    return value[:-1] + ("0" if value[-1:] != "0" else "1")


def unnoticed_changes(
    database: Path, attacker: sqlite3.Connection, table: str, where: str, skip: str = ""
) -> list[str]:
    """Change one column of one row at a time, audit, and put it back; the columns that the audit did not miss."""
    (row_id,) = attacker.execute(f"SELECT rowid FROM {table} WHERE {where}").fetchone()
    unnoticed = []
    for column in columns(attacker, table):
        if column == skip:
            continue
        before = attacker.execute(f'SELECT "{column}" FROM {table} WHERE rowid = ?', (row_id,)).fetchone()[0]
        update = f'UPDATE {table} SET "{column}" = ? WHERE rowid = ?'
        attacker.execute(update, (changed(before), row_id))
        code, findings = audit(database)
        if code == 0 or not findings:
            unnoticed.append(column)
        attacker.execute(update, (before, row_id))
    return unnoticed


@pytest.mark.parametrize("episode_id", [VICTIM, "bystander", "running", "expired"])
def test_untouched_history_has_no_findings(played: Path, episode_id: str) -> None:
    assert audit(played, episode_id) == (0, [])


def test_audit_finds_the_database_by_the_environment(played: Path) -> None:
    done = run_command("audit", VICTIM, settings={"MLOPS_DEBUG_DATABASE_URL": f"sqlite:///{played}"})
    assert done.returncode == 0, done.stdout + done.stderr


def test_audit_says_in_words_what_it_found(attacker: sqlite3.Connection, database: Path) -> None:
    attacker.execute("DELETE FROM events WHERE stream_id = ? AND version = 6", (VICTIM,))
    done = run_command("audit", VICTIM, "--database", str(database))
    _, findings = audit(database)
    assert done.returncode == 1
    assert [finding for finding in findings if finding["message"] not in " ".join(done.stdout.split())] == []


def test_a_finding_has_code_version_and_message(attacker: sqlite3.Connection, database: Path) -> None:
    attacker.execute("UPDATE events SET actor = 'x' WHERE stream_id = ? AND version = 3", (VICTIM,))
    _, findings = audit(database)
    assert all({"code", "version", "message"} <= set(finding) for finding in findings)
    assert 3 in [finding["version"] for finding in findings]


def test_audit_of_an_unknown_episode_is_no_success(played: Path) -> None:
    assert run_command("audit", "nobody", "--database", str(played)).returncode != 0


def test_every_column_of_events_is_guarded(attacker: sqlite3.Connection, database: Path) -> None:
    where = f"stream_id = '{VICTIM}' AND version = 2"
    assert unnoticed_changes(database, attacker, "events", where, skip="position") == []


def test_every_column_of_scenarios_is_guarded(attacker: sqlite3.Connection, database: Path) -> None:
    reset = attacker.execute("SELECT payload FROM events WHERE stream_id = ? AND version = 1", (VICTIM,)).fetchone()[0]
    scenario = json.loads(reset)["scenario_digest"]
    matching = [
        column
        for column in columns(attacker, "scenarios")
        if attacker.execute(
            f'SELECT 1 FROM scenarios WHERE "{column}" IN (?, ?)', (scenario, bytes.fromhex(scenario))
        ).fetchone()
    ]
    assert matching, "no column of scenarios holds the digest that the reset names"
    where = f"\"{matching[0]}\" IN ('{scenario}', x'{scenario}')"
    assert unnoticed_changes(database, attacker, "scenarios", where) == []


@pytest.mark.parametrize("version", range(1, 7), ids=KINDS)
def test_a_change_to_the_payload_of_any_kind_is_found(
    attacker: sqlite3.Connection, database: Path, version: int
) -> None:
    named = (VICTIM, version)
    payload = attacker.execute("SELECT payload FROM events WHERE stream_id = ? AND version = ?", named).fetchone()[0]
    as_text = payload.decode() if isinstance(payload, bytes) else payload
    edited = as_text.replace("e", "3", 1)
    stored = edited.encode() if isinstance(payload, bytes) else edited
    attacker.execute("UPDATE events SET payload = ? WHERE stream_id = ? AND version = ?", (stored, *named))
    code, findings = audit(database)
    assert code == 1
    assert version in [finding["version"] for finding in findings]


@pytest.mark.parametrize("kept", [1, 3, 5])
def test_a_cut_tail_is_found(attacker: sqlite3.Connection, database: Path, kept: int) -> None:
    attacker.execute("DELETE FROM events WHERE stream_id = ? AND version > ?", (VICTIM, kept))
    code, findings = audit(database)
    assert (code, bool(findings)) == (1, True)


def test_an_episode_whose_events_are_gone_while_its_row_remains_is_found(
    attacker: sqlite3.Connection, database: Path
) -> None:
    attacker.execute("DELETE FROM events WHERE stream_id = ?", (VICTIM,))
    code, findings = audit(database)
    assert (code, bool(findings)) == (1, True)


@pytest.mark.parametrize("version", [1, 3])
def test_a_removed_event_is_found(attacker: sqlite3.Connection, database: Path, version: int) -> None:
    attacker.execute("DELETE FROM events WHERE stream_id = ? AND version = ?", (VICTIM, version))
    assert audit(database)[0] == 1


def test_two_exchanged_events_are_found(attacker: sqlite3.Connection, database: Path) -> None:
    for old, new in ((2, 999), (3, 2), (999, 3)):
        attacker.execute("UPDATE events SET version = ? WHERE stream_id = ? AND version = ?", (new, VICTIM, old))
    assert audit(database)[0] == 1


def test_an_event_put_at_the_end_is_found(attacker: sqlite3.Connection, database: Path) -> None:
    names = [name for name in columns(attacker, "events") if name != "position"]
    listed = ", ".join(f'"{name}"' for name in names)
    values = ", ".join({"version": "7", "request_id": "NULL"}.get(name, f'"{name}"') for name in names)
    copied = f"INSERT INTO events ({listed}) SELECT {values} FROM events WHERE stream_id = ? AND version = 3"
    attacker.execute(copied, (VICTIM,))
    assert audit(database)[0] == 1


def test_a_scenario_that_is_gone_is_found(attacker: sqlite3.Connection, database: Path) -> None:
    attacker.execute("DELETE FROM scenarios")
    assert audit(database)[0] == 1


def test_tampering_with_one_episode_is_no_finding_on_another(attacker: sqlite3.Connection, database: Path) -> None:
    attacker.execute("UPDATE events SET actor = 'x' WHERE stream_id = ?", (VICTIM,))
    assert audit(database, "bystander") == (0, [])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET actor = 'x' WHERE version = 2",
        "UPDATE events SET position = position + 1000000",
        "DELETE FROM events WHERE version = 6",
        "DELETE FROM events",
    ],
)
def test_the_database_itself_refuses_to_change_events(database: Path, statement: str) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        before = connection.execute("SELECT * FROM events").fetchall()
        with pytest.raises(sqlite3.DatabaseError):
            connection.execute(statement)
        assert connection.execute("SELECT * FROM events").fetchall() == before


def test_a_running_server_goes_on_after_a_refused_change(own_server: ServerProcess) -> None:
    with open_client(own_server.url) as http:
        episode = Episode(http, seed=7)
        with (
            closing(sqlite3.connect(own_server.database, isolation_level=None)) as connection,
            pytest.raises(sqlite3.DatabaseError),
        ):
            connection.execute("DELETE FROM events")
        assert episode.step("read_config")["info"]["version"] == 2


def test_the_audit_does_not_change_the_file(played: Path, tmp_path: Path) -> None:
    copy = tmp_path / "untouched.db"
    shutil.copyfile(played, copy)
    with closing(sqlite3.connect(copy)) as connection:
        before = list(connection.iterdump())
    audit(copy)
    with closing(sqlite3.connect(copy)) as connection:
        assert list(connection.iterdump()) == before
