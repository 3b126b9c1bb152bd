"""An audit records what it has derived; a later one derives what is new, and still finds an edit of anything older."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Callable

import pytest

from server.audit.audit_recorder import AuditRecorder
from server.audit.audit_records import fingerprint_of
from server.audit.report import StoreReport, render_store_report
from server.audit.store_audit import BY_OTHER_VERSION, Derive, audit_store
from server.progress import NO_PROGRESS, Progress
from server.scenarios.simulation import InProcessSimulation
from server.security.secret_files import SecretFiles, secrets_folder
from server.security.signing import load_signer
from server.settings import Settings
from tests.databases import of_stream
from tests.served import serving
from tests.server.audit.test_store_audit import tamper
from tests.server.operations.test_progress import Interrupted
from tests.server.ranking.test_rounds import key_of, opened
from tests.stores import record

EPISODES = 8


def at_noon() -> datetime:
    return datetime(2030, 1, 1, 12, tzinfo=UTC)


def recorder_of(settings: Settings) -> AuditRecorder:
    return AuditRecorder(settings.database_url, load_signer(SecretFiles(secrets_folder(settings))), clock=at_noon)


def audit(
    settings: Settings,
    which: str,
    *,
    sample: int = 0,
    progress: Progress = NO_PROGRESS,
    round_id: str | None = None,
    create_pool: Callable[[int], Executor] = ThreadPoolExecutor,
) -> StoreReport:
    files = SecretFiles(secrets_folder(settings))
    recorder = recorder_of(settings)
    try:
        report = audit_store(
            settings.database_url,
            files,
            round_id=round_id,
            create_pool=create_pool,
            derive=Derive(which, sample, load_signer(files).public_key),  # type: ignore[arg-type]
            record=recorder.add,
            progress=progress,
        )
    finally:
        recorder.flush()
    if which == "all":
        recorder.replace_earlier()
    assert recorder.problem is None
    return report


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Episodes on two scenarios, all of which an audit has derived."""
    folder = tmp_path_factory.mktemp("audited")
    settings = Settings(database_url=f"sqlite:///{folder / 'store.db'}", secrets_folder=str(folder / "secrets"))
    asyncio.run(record(settings, episodes=EPISODES, scenarios=2, simulation=InProcessSimulation()))
    assert audit(settings, "all").findings == ()
    return settings


@pytest.fixture
def store(audited: Settings, tmp_path: Path) -> Settings:
    """A copy, to be tampered with."""
    path = tmp_path / "store.db"
    with (
        closing(sqlite3.connect(audited.database_url.removeprefix("sqlite:///"))) as source,
        closing(sqlite3.connect(path)) as target,
    ):
        source.backup(target)
    shutil.copytree(audited.secrets_folder, tmp_path / "secrets")
    return replace(audited, database_url=f"sqlite:///{path}", secrets_folder=str(tmp_path / "secrets"))


def test_what_was_derived_is_not_derived_again_and_the_report_says_so(store: Settings) -> None:
    report = audit(store, "new")
    assert (report.findings, report.episodes, report.events, report.derived) == ((), EPISODES, 9 * EPISODES, 0)
    assert "8 were derived by earlier audits, the last at 2030-01-01T12:00:00.000Z" in render_store_report(report)


def test_only_what_is_new_is_derived(store: Settings) -> None:
    asyncio.run(_record_more(store))
    assert (audit(store, "new").derived, audit(store, "new").derived) == (2, 0)


async def _record_more(settings: Settings) -> None:
    await record(settings, episodes=2, scenarios=1, simulation=InProcessSimulation(), prefix="later")


VICTIM = f"{of_stream('e-7')} AND version"


@pytest.mark.parametrize(
    ("statements", "code", "message"),
    [
        ((f"UPDATE events SET payload = replace(payload, '0.5', '0.6') WHERE {VICTIM} = 9",), "chain", "hash"),
        ((f"UPDATE events SET actor = 'eve' WHERE {VICTIM} = 2",), "chain", "hash"),
        ((f"UPDATE events SET payload = CAST(payload AS BLOB) WHERE {VICTIM} = 9",), "chain", "another type"),
        ((f"UPDATE events SET schema_version = 9 WHERE {VICTIM} = 9",), "chain", "hash"),
        ((f"UPDATE events SET recorded_at = recorded_at + 1 WHERE {VICTIM} = 1",), "chain", "hash"),
        ((f"DELETE FROM events WHERE {VICTIM} = 1",), "chain", "does not fit"),
        ((f"DELETE FROM events WHERE {VICTIM} = 9",), "record", "version 9 is not the one that was audited at 2030"),
        ((f"DELETE FROM events WHERE {of_stream('e-7')}",), "row", "no events"),
        ((f"UPDATE episodes SET score = 0.99 WHERE {of_stream('e-7')}",), "row", "score is 0.99"),
        ((f"UPDATE episodes SET agent = 'eve' WHERE {of_stream('e-7')}",), "row", "agent is 'eve'"),
        ((f"DELETE FROM episodes WHERE {of_stream('e-7')}",), "row", "no row"),
        (
            (f"DELETE FROM events WHERE {of_stream('e-7')}", f"DELETE FROM episodes WHERE {of_stream('e-7')}"),
            "record",
            "it is gone; when it was audited at 2030",
        ),
        (
            (
                f"UPDATE events SET hash = zeroblob(32) WHERE {VICTIM} = 9",
                f"UPDATE episodes SET head_hash = zeroblob(32) WHERE {of_stream('e-7')}",
            ),
            "record",
            "history was changed",
        ),
    ],
)
def test_an_edit_of_what_was_derived_before_is_found(
    store: Settings, statements: tuple[str, ...], code: str, message: str
) -> None:
    tamper(store, *statements)
    found = audit(store, "new").findings
    assert {each.episode_id for each in found} == {"e-7"}
    assert [each for each in found if each.code == code and message in each.message]
    assert {(each.code, each.version) for each in audit(store, "all").findings} <= {
        (each.code, each.version) for each in found
    }


def no_pool(_: int) -> Executor:
    raise AssertionError("a process was started")


def test_where_little_is_to_be_derived_no_process_is_started(store: Settings) -> None:
    assert audit(store, "new", create_pool=no_pool).derived == 0
    asyncio.run(_record_more(store))
    assert audit(store, "new", create_pool=no_pool).derived == 2
    assert audit(store, "sample", sample=1, create_pool=no_pool).derived == 1
    with pytest.raises(AssertionError, match="a process was started"):
        audit(store, "all", create_pool=no_pool)


def test_where_much_is_to_be_read_one_pool_reads_and_derives(store: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.audit.bounded_map.SECONDS_WORTH_PROCESSES", 0.0)
    monkeypatch.setattr("server.audit.known_episodes.EPISODES_PER_BATCH", 3)
    monkeypatch.setattr("server.audit.known_episodes.EPISODES_AT_A_TIME", 2)
    created: list[int] = []

    def pool(workers: int) -> Executor:
        created.append(workers)
        return ThreadPoolExecutor(workers)

    asyncio.run(_record_more(store))
    tamper(
        store,
        f"UPDATE events SET actor = 'eve' WHERE {VICTIM} = 2",
        f"UPDATE episodes SET score = 0.99 WHERE {of_stream('e-3')}",
    )
    report = audit(store, "new", create_pool=pool)
    found = {(each.episode_id, each.code) for each in report.findings}
    assert (found >= {("e-7", "chain"), ("e-3", "row")}, {name for name, _ in found}) == (True, {"e-7", "e-3"})
    assert (report.episodes, report.derived, report.events) == (EPISODES + 2, 4, 9 * (EPISODES + 2))
    assert len(created) == 1


def test_records_with_fingerprints_of_another_form_are_compared_and_the_episodes_derived_again(
    store: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.audit.sweep.fingerprint_of", lambda *read: fingerprint_of("another form", *read))
    tamper(store, f"DELETE FROM events WHERE {of_stream('e-7')}", f"DELETE FROM episodes WHERE {of_stream('e-7')}")
    report = audit(store, "new")
    assert ([(each.episode_id, each.code) for each in report.findings], report.derived) == ([("e-7", "record")], 7)
    assert audit(store, "new").derived == 0


SECOND_STREAM = """
PRAGMA legacy_alter_table = ON;
ALTER TABLE streams RENAME TO named;
CREATE TABLE streams (stream INTEGER PRIMARY KEY, stream_id TEXT);
INSERT INTO streams SELECT stream, stream_id FROM named UNION ALL SELECT -1, 'e-7';
INSERT INTO events (position, stream, version, kind, schema_version, recorded_at, actor, payload, hash)
SELECT position + 1000, -1, 10, kind, schema_version, recorded_at, actor, payload, hash FROM events
WHERE version = 9 AND stream = (SELECT stream FROM named WHERE stream_id = 'e-7');
"""


def test_events_under_a_second_stream_of_the_same_name_are_found(store: Settings) -> None:
    tamper(store)
    with closing(sqlite3.connect(store.database_url.removeprefix("sqlite:///"))) as connection:
        connection.executescript(SECOND_STREAM)
    found = audit(store, "new").findings
    assert {(each.episode_id, each.code) for each in found} == {("e-7", "chain"), ("e-7", "row"), ("e-7", "fold")}


@pytest.mark.parametrize("statement", ["UPDATE scenarios SET split = 'test'", "DELETE FROM scenarios"])
def test_an_edit_of_a_scenario_is_found_in_every_episode_on_it(store: Settings, statement: str) -> None:
    tamper(store, statement)
    found = audit(store, "new").findings
    assert {each.code for each in found} == {"scenario"}
    assert {each.episode_id for each in found} == {f"e-{number}" for number in range(EPISODES)}


def test_what_was_found_is_not_recorded_and_found_again(store: Settings) -> None:
    tamper(store, f"UPDATE episodes SET score = 0.99 WHERE {of_stream('e-7')}")
    for _ in range(2):
        report = audit(store, "new")
        assert ([each.code for each in report.findings], report.derived) == (["row"], 1)


def test_an_interrupted_audit_goes_on(store: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.audit.store_audit.EPISODES_PER_BATCH", 4)
    tamper(store, "DELETE FROM audit_records")
    with pytest.raises(KeyboardInterrupt):
        audit(store, "all", progress=Interrupted("episodes"))
    assert (audit(store, "new").derived, audit(store, "new").derived) == (EPISODES - 4, 0)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE audit_records SET statement = replace(statement, '\"episodes\":8', '\"episodes\":9')", "not signed"),
        ("UPDATE audit_records SET body = zeroblob(9)", "not the one that was signed"),
        ("UPDATE audit_records SET statement = '{'", "cannot be read"),
    ],
)
def test_a_record_that_was_changed_is_found_and_does_not_count(store: Settings, statement: str, message: str) -> None:
    tamper(store, statement)
    report = audit(store, "new")
    assert ([each.code for each in report.findings], report.derived) == (["record"], EPISODES)
    assert message in report.findings[0].message


def test_what_another_version_of_the_program_derived_is_derived_again(
    store: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.audit.audit_records.VERSION", "9.9")
    report = audit(store, "new")
    assert (report.derived, report.notes) == (EPISODES, {BY_OTHER_VERSION: EPISODES})
    assert audit(store, "new").derived == 0


def test_a_full_audit_derives_everything_and_replaces_the_records(store: Settings) -> None:
    for _ in range(2):
        assert audit(store, "all").derived is None
        with closing(sqlite3.connect(store.database_url.removeprefix("sqlite:///"))) as connection:
            assert connection.execute("SELECT count(*) FROM audit_records").fetchone() == (1,)


def test_a_sample_derives_so_many_and_compares_the_chains_of_all(store: Settings) -> None:
    report = audit(store, "sample", sample=3)
    assert (report.findings, report.derived, report.episodes) == ((), 3, EPISODES)
    assert "3 episodes derived; of the other 5 only chains and heads were compared" in render_store_report(report)
    tamper(
        store,
        f"UPDATE events SET actor = 'eve' WHERE {VICTIM} = 2",
        f"DELETE FROM events WHERE {of_stream('e-3')} AND version = 9",
    )
    found = {(each.episode_id, each.code) for each in audit(store, "sample", sample=1).findings}
    assert found >= {("e-7", "chain"), ("e-3", "row")}


def test_a_database_that_takes_no_records_is_audited_and_the_reason_is_kept(store: Settings) -> None:
    tamper(store, "DELETE FROM audit_records")
    with closing(sqlite3.connect(store.database_url.removeprefix("sqlite:///"))) as connection:
        connection.execute("DROP TABLE audit_records")
    files, recorder = SecretFiles(secrets_folder(store)), recorder_of(store)
    report = audit_store(
        store.database_url,
        files,
        create_pool=ThreadPoolExecutor,
        derive=Derive("new", 0, load_signer(files).public_key),
        record=recorder.add,
    )
    recorder.flush()
    assert (report.findings, report.derived) == ((), EPISODES)
    assert "no such table: audit_records" in str(recorder.problem)


@pytest.fixture
def with_attempts(tmp_path: Path) -> Settings:
    """An attempt of each of two agents in a round, and a practice episode, all audited."""
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'store.db'}", secrets_folder=str(tmp_path / "secrets"))
    opened(settings, generator=InProcessSimulation.generator_version)
    keys = [key_of(settings, name) for name in ("ann", "bob")]

    async def play() -> None:
        async with serving(settings, simulation=InProcessSimulation()) as served:
            for key in keys:
                served.client.headers["Authorization"] = f"Bearer {key}"
                name = (await served.reset(round="spring", entry=1))["info"]["episode_id"]
                await served.step(name, {"action_type": "submit_diagnosis", "confidence": 0.5})
            await served.reset(episode_id="practice", task_id="easy", seed=1)

    asyncio.run(play())
    assert audit(settings, "all").findings == ()
    assert audit(settings, "new").derived == 0
    return settings


def test_a_change_of_a_round_or_a_key_derives_its_attempts_again(with_attempts: Settings) -> None:
    tamper(with_attempts, "UPDATE rounds SET attempts = 3")
    report = audit(with_attempts, "new")
    assert (report.findings, report.derived) == ((), 2)
    tamper(with_attempts, "UPDATE keys SET name = 'eve' WHERE name = 'ann'")
    report = audit(with_attempts, "new")
    assert ([each.message for each in report.findings], report.derived) == (
        [f"ann is not the name of the key {report.findings[0].message.split()[-1]}"],
        1,
    )
    assert audit(with_attempts, "new", round_id="spring").derived == 1
