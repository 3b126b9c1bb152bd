"""Someone with the database file changes history: ``mlops-debug audit`` says so. Untouched history passes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner

from server.cli import cli
from tests.databases import of_stream
from tests.e2e.playing import REFUSED_QUERY, Episode, Json, diagnosis_from, open_client, truth_of
from tests.e2e.running import ServerProcess, run_command, run_command_in_process

VICTIM = "victim"
KINDS = ("reset", "read", "query", "check", "experiment", "refuse", "submit")
OF_VICTIM = of_stream(VICTIM)
EVENT_OF_VICTIM = f"{OF_VICTIM} AND version"

TAMPERINGS: Mapping[str, tuple[str, ...]] = {
    "a cut tail of one": (f"DELETE FROM events WHERE {EVENT_OF_VICTIM} > 6",),
    "a cut tail of three": (f"DELETE FROM events WHERE {EVENT_OF_VICTIM} > 4",),
    "a cut tail down to the reset": (f"DELETE FROM events WHERE {EVENT_OF_VICTIM} > 1",),
    "all events gone while the row remains": (f"DELETE FROM events WHERE {OF_VICTIM}",),
    "the reset removed": (f"DELETE FROM events WHERE {EVENT_OF_VICTIM} = 1",),
    "an event in the middle removed": (f"DELETE FROM events WHERE {EVENT_OF_VICTIM} = 3",),
    "an event in the middle removed and the rest moved up": (
        f"DELETE FROM events WHERE {EVENT_OF_VICTIM} = 3",
        f"UPDATE events SET version = version - 1 WHERE {EVENT_OF_VICTIM} > 3",
    ),
    "two events exchanged": (
        f"UPDATE events SET version = 999 WHERE {EVENT_OF_VICTIM} = 2",
        f"UPDATE events SET version = 2 WHERE {EVENT_OF_VICTIM} = 3",
        f"UPDATE events SET version = 3 WHERE {EVENT_OF_VICTIM} = 999",
    ),
    "an event put at the end": (
        f"CREATE TEMP TABLE copied AS SELECT * FROM events WHERE {EVENT_OF_VICTIM} = 3",
        "UPDATE copied SET position = 1000000, version = 8, request_id = NULL",
        "INSERT INTO events SELECT * FROM copied",
    ),
    "all scenarios gone": ("DELETE FROM scenarios",),
}


class Audit(NamedTuple):
    """How ``mlops-debug audit`` ended."""

    code: int
    findings: list[Json]

    @property
    def found_something(self) -> bool:
        return self.code == 1 and bool(self.findings)


def audit(database: Path, episode_id: str = VICTIM) -> Audit:
    """The command in this process: starting another takes several times as long as an audit."""
    done = CliRunner().invoke(cli, ["audit", episode_id, "--json", "--database", str(database)])
    assert done.exit_code in {0, 1}, done.output
    return Audit(done.exit_code, json.loads(done.stdout)["findings"])


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with a finished episode that holds every kind of event, and the server stopped."""
    process = ServerProcess(tmp_path_factory.mktemp("played"))
    process.start()
    try:
        with open_client(process.url) as http:
            right = diagnosis_from(truth_of(http, "medium", 5), confidence=0.9)
            for episode_id in (VICTIM, "bystander"):
                episode = Episode(http, task_id="medium", seed=5, agent="honest", episode_id=episode_id)
                episode.play({"action_type": "read_logs", "log_filter": "loss"}, request_id="r-1")
                episode.step("query_artifact", artifact_name="config.yaml", field_path="optimizer.momentum")
                episode.step("run_sanity_check", sanity_check_type="data_leakage")
                episode.step("run_experiment")
                episode.play(REFUSED_QUERY)
                episode.play(right)
            Episode(http, seed=8, episode_id="running").step("read_config")
            Episode(http, seed=8, episode_id="expired").play_to_the_limit()
    finally:
        process.stop()
    return process.database


def copy_of(played: Path, directory: Path) -> Path:
    copy = directory / "copy.db"
    with closing(sqlite3.connect(played)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def attack(database: Path) -> sqlite3.Connection:
    """A connection for which triggers and checks are no obstacle; every statement is final at once."""
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("PRAGMA ignore_check_constraints = ON")
    for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f'DROP TRIGGER "{trigger}"')
    return connection


@pytest.fixture
def database(played: Path, tmp_path: Path) -> Path:
    """A copy of that file, to be changed."""
    return copy_of(played, tmp_path)


def places_of(reader: sqlite3.Connection) -> list[tuple[str, int, str]]:
    """Every column but ``position`` of one event, the payload of the others, every column of the scenario."""
    (event,) = reader.execute(f"SELECT rowid FROM events WHERE {EVENT_OF_VICTIM} = 2").fetchone()
    others = reader.execute(f"SELECT rowid FROM events WHERE {EVENT_OF_VICTIM} <> 2").fetchall()
    (reset,) = reader.execute(
        f"SELECT payload FROM recorded_events WHERE stream_id = '{VICTIM}' AND version = 1"
    ).fetchone()
    digest = json.loads(reset)["scenario_digest"]
    (scenario,) = reader.execute("SELECT rowid FROM scenarios WHERE digest = ?", (digest,)).fetchone()
    return [
        *(("events", event, column) for column in columns(reader, "events") if column != "position"),
        *(("events", row_id, "payload") for (row_id,) in others),
        *(("scenarios", scenario, column) for column in columns(reader, "scenarios")),
    ]


def columns(reader: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in reader.execute(f"PRAGMA table_info({table})")]


def changed(value: Any) -> Any:
    """Another value of the same kind, as near to the old one as can be."""
    if value is None:
        return "x"
    if isinstance(value, int | float):
        return value + 1000
    if isinstance(value, bytes):
        return value[:-1] + bytes([value[-1] ^ 1])
    return value[:-1] + ("0" if value[-1] != "0" else "1")


@pytest.mark.parametrize("episode_id", [VICTIM, "bystander", "running", "expired"])
def test_untouched_history_has_no_findings(played: Path, episode_id: str) -> None:
    done = run_command_in_process("audit", episode_id, "--json", "--database", str(played))
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["findings"] == []


@pytest.mark.parametrize("name", TAMPERINGS)
def test_audit_finds(database: Path, name: str) -> None:
    with closing(attack(database)) as attacker:
        for statement in TAMPERINGS[name]:
            attacker.execute(statement)
    assert audit(database).found_something


@pytest.mark.parametrize("table", ["events", "scenarios"])
def test_audit_finds_a_change_of_any_column(database: Path, table: str) -> None:
    unnoticed = []
    with closing(attack(database)) as attacker:
        places = [place for place in places_of(attacker) if place[0] == table]
        for _, row_id, column in places:
            (before,) = attacker.execute(f'SELECT "{column}" FROM {table} WHERE rowid = {row_id}').fetchone()
            change = f'UPDATE {table} SET "{column}" = ? WHERE rowid = {row_id}'
            attacker.execute(change, (changed(before),))
            if not audit(database).found_something:
                unnoticed.append((row_id, column))
            attacker.execute(change, (before,))
    print(f"\n{table}: {len(places)} changed values, {len(places) - len(unnoticed)} found")
    assert len(places) >= 5
    assert unnoticed == []


def test_a_value_put_back_is_no_finding(database: Path) -> None:
    with closing(attack(database)) as attacker:
        (before,) = attacker.execute(f"SELECT actor FROM events WHERE {EVENT_OF_VICTIM} = 2").fetchone()
        for actor in ("x", before):
            attacker.execute(f"UPDATE events SET actor = ? WHERE {EVENT_OF_VICTIM} = 2", (actor,))
    assert audit(database) == Audit(0, [])


def test_a_finding_has_code_version_and_message(database: Path) -> None:
    with closing(attack(database)) as attacker:
        for statement in TAMPERINGS["two events exchanged"]:
            attacker.execute(statement)
    findings = audit(database).findings
    assert all({"code", "version", "message"} <= set(finding) for finding in findings)


def test_a_finding_names_the_version_of_the_event(database: Path) -> None:
    with closing(attack(database)) as attacker:
        attacker.execute(f"UPDATE events SET actor = 'x' WHERE {EVENT_OF_VICTIM} = 3")
    assert 3 in [finding["version"] for finding in audit(database).findings]


def test_audit_says_in_words_what_it_found(database: Path) -> None:
    with closing(attack(database)) as attacker:
        attacker.execute(f"DELETE FROM events WHERE {EVENT_OF_VICTIM} = 6")
    done = run_command_in_process("audit", VICTIM, "--database", str(database))
    assert done.returncode == 1
    words = " ".join(done.stdout.split())
    assert [finding for finding in audit(database).findings if finding["message"] not in words] == []


def test_audit_finds_the_database_by_the_environment(played: Path) -> None:
    done = run_command("audit", VICTIM, settings={"MLOPS_DEBUG_DATABASE_URL": f"sqlite:///{played}"})
    assert done.returncode == 0, done.stdout + done.stderr


def test_audit_of_an_unknown_episode_is_neither_clean_nor_a_finding(played: Path) -> None:
    assert run_command_in_process("audit", "nobody", "--database", str(played)).returncode not in {0, 1}


def test_tampering_with_one_episode_is_no_finding_on_another(database: Path) -> None:
    with closing(attack(database)) as attacker:
        attacker.execute(f"UPDATE events SET actor = 'x' WHERE {OF_VICTIM}")
    assert audit(database, "bystander") == Audit(0, [])


def test_the_audit_does_not_change_the_file(database: Path) -> None:
    with closing(sqlite3.connect(database)) as reader:
        before = list(reader.iterdump())
    audit(database)
    with closing(sqlite3.connect(database)) as reader:
        assert list(reader.iterdump()) == before


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
        episode = Episode(http, seed=5)
        with (
            closing(sqlite3.connect(own_server.database, isolation_level=None)) as connection,
            pytest.raises(sqlite3.DatabaseError),
        ):
            connection.execute("DELETE FROM events")
        assert episode.step("read_config")["info"]["version"] == 2
