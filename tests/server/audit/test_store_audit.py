"""Tamper drills through the database file itself: each is found and the episode is named."""

from __future__ import annotations

import asyncio
import json
import resource
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from server.audit.checkpoint_audit import audit_against_checkpoint, audit_stored_checkpoints
from server.audit.checkpoints import draft_checkpoint, store_checkpoint, with_heads
from server.audit.report import StoreFinding, StoreReport, render_store_report
from server.audit.store_audit import audit_store
from server.episodes.rebuild import Rebuild, rebuild
from server.ranking.regrade import parse_rubric, regrade
from server.scenarios.simulation import InProcessSimulation
from server.security.secret_files import SecretFiles, secrets_folder
from server.security.signing import load_signer
from server.settings import Settings
from server.storage.connections import run_read, run_write
from tests.auditing import audit_by_settings
from tests.databases import of_stream
from tests.served import serving
from tests.server.ranking.test_rounds import key_of, opened
from tests.stores import record

NOW = "2030-01-01T00:00:00.000Z"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """36 practice episodes on 4 scenarios, and two ranked attempts, one of them running; with a checkpoint."""
    folder = tmp_path_factory.mktemp("recorded")
    settings = Settings(database_url=f"sqlite:///{folder / 'store.db'}", secrets_folder=str(folder / "secrets"))
    opened(settings, generator=InProcessSimulation.generator_version)
    key = key_of(settings, "ann")

    async def play() -> None:
        await record(settings, episodes=36, scenarios=4, simulation=InProcessSimulation())
        async with serving(settings, simulation=InProcessSimulation()) as served:
            served.client.headers["Authorization"] = f"Bearer {key}"
            for entry in (1, 2):
                info = (await served.reset(round="spring", entry=entry))["info"]
                await served.step(info["episode_id"], {"action_type": "read_config"})
            await served.step(info["episode_id"], {"action_type": "submit_diagnosis", "confidence": 0.5})
            await served.client.post("/sessions/s/reset", json={"seed": 1})
        signer = load_signer(SecretFiles(secrets_folder(settings)))
        signed = await run_read(settings.database_url, lambda reader: draft_checkpoint(reader, signer, now=NOW))
        assert signed is not None
        await run_write(settings.database_url, lambda writer: store_checkpoint(writer, signed))
        whole = await run_read(settings.database_url, lambda reader: with_heads(reader, signed))
        (folder / "checkpoint.json").write_text(json.dumps(whole))

    asyncio.run(play())
    return settings


@pytest.fixture
def store(recorded: Settings, tmp_path: Path) -> Settings:
    """A copy of the file, to be tampered with."""
    path = tmp_path / "store.db"
    with (
        closing(sqlite3.connect(recorded.database_url.removeprefix("sqlite:///"))) as source,
        closing(sqlite3.connect(path)) as target,
    ):
        source.backup(target)
    shutil.copytree(recorded.secrets_folder, tmp_path / "secrets")
    shutil.copy(Path(recorded.secrets_folder).parent / "checkpoint.json", tmp_path / "checkpoint.json")
    return replace(recorded, database_url=f"sqlite:///{path}", secrets_folder=str(tmp_path / "secrets"))


def tamper(settings: Settings, *statements: str) -> None:
    """As an attacker with the disk could: triggers are no obstacle."""
    connection = sqlite3.connect(settings.database_url.removeprefix("sqlite:///"), isolation_level=None)
    for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f'DROP TRIGGER "{trigger}"')
    for statement in statements:
        assert connection.execute(statement).rowcount > 0, statement
    connection.close()


def audit(settings: Settings, **which: str) -> StoreReport:
    files = SecretFiles(secrets_folder(settings))
    return audit_store(settings.database_url, files, create_pool=ThreadPoolExecutor, **which)  # type: ignore[arg-type]


def found(report: StoreReport) -> set[tuple[str, str | None]]:
    return {(each.code, each.episode_id) for each in report.findings}


def checkpoint_of(settings: Settings) -> list[StoreFinding]:
    """The store against the checkpoint that was kept elsewhere."""
    path = Path(settings.secrets_folder).parent / "checkpoint.json"
    signed = json.loads(path.read_text())
    key = load_signer(SecretFiles(secrets_folder(settings))).public_key
    return asyncio.run(run_read(settings.database_url, lambda reader: audit_against_checkpoint(reader, signed, key)))


def test_an_untouched_store_gives_no_finding(store: Settings) -> None:
    report = audit(store)
    print(render_store_report(report))
    assert (report.findings, report.notes, report.episodes) == ((), {}, 39)
    assert checkpoint_of(store) == []
    assert asyncio.run(run_read(store.database_url, lambda reader: audit_stored_checkpoints(reader, None))) == []


VICTIM = f"{of_stream('e-7')} AND version"


@pytest.mark.parametrize(
    ("statements", "code"),
    [
        ((f"UPDATE events SET payload = replace(payload, '0.5', '0.6') WHERE {VICTIM} = 9",), "chain"),
        ((f"DELETE FROM events WHERE {VICTIM} = 9",), "row"),
        ((f"DELETE FROM events WHERE {of_stream('e-7')}",), "row"),
        (
            (
                f"UPDATE events SET version = 99 WHERE {VICTIM} = 3",
                f"UPDATE events SET version = 3 WHERE {VICTIM} = 4",
                f"UPDATE events SET version = 4 WHERE {VICTIM} = 99",
            ),
            "chain",
        ),
        ((f"UPDATE episodes SET score = 0.99 WHERE {of_stream('e-7')}",), "row"),
    ],
    ids=["a byte of a payload", "the last event", "all events", "two events swapped", "a score in the read model"],
)
def test_a_change_of_one_episode_is_found_and_named(store: Settings, statements: tuple[str, ...], code: str) -> None:
    tamper(store, *statements)
    report = audit(store)
    assert (code, "e-7") in found(report)
    assert {name for _, name in found(report)} == {"e-7"}


def test_two_episodes_swapped_are_found_and_named(store: Settings) -> None:
    tamper(
        store,
        "UPDATE streams SET stream_id = 'swap' WHERE stream_id = 'e-7'",
        "UPDATE streams SET stream_id = 'e-7' WHERE stream_id = 'e-8'",
        "UPDATE streams SET stream_id = 'e-8' WHERE stream_id = 'swap'",
    )
    assert {("chain", "e-7"), ("chain", "e-8")} <= found(audit(store))


def test_a_whole_episode_that_is_gone_without_trace_is_named_by_the_checkpoint(store: Settings) -> None:
    tamper(store, f"DELETE FROM events WHERE {of_stream('e-7')}", f"DELETE FROM episodes WHERE {of_stream('e-7')}")
    assert audit(store).findings == ()
    assert [(each.episode_id, "it is gone" in each.message) for each in checkpoint_of(store)] == [("e-7", True)]
    (kept,) = asyncio.run(run_read(store.database_url, lambda reader: audit_stored_checkpoints(reader, None)))
    assert "not those of checkpoint 1" in kept.message


def test_an_episode_that_was_rolled_back_consistently_is_named_by_the_checkpoint(store: Settings) -> None:
    tamper(
        store,
        f"DELETE FROM events WHERE {VICTIM} > 5",
        "UPDATE episodes SET version = 5, step_count = 4, score = NULL, end_reason = NULL, ended_position = NULL, "
        f"head_hash = (SELECT hash FROM events WHERE {VICTIM} = 5), "
        f"updated_at = (SELECT recorded_at FROM events WHERE {VICTIM} = 5), total_reward = 0.08 "
        f"WHERE {of_stream('e-7')}",
    )
    assert audit(store).findings == ()
    (rolled,) = checkpoint_of(store)
    assert (rolled.episode_id, rolled.message) == ("e-7", "it ends at version 5; at the checkpoint it had 9 events")


def test_rows_whose_stream_has_lost_its_name_are_reported(store: Settings) -> None:
    tamper(store, "DELETE FROM streams WHERE stream_id = 'e-7'")
    messages = [each.message for each in audit(store).findings]
    assert [message.split(" ", 2)[2] for message in messages] == [
        "has events, but no name",
        "has a row of an episode, but no name",
    ]
    assert [(each.episode_id, "it is gone" in each.message) for each in checkpoint_of(store)] == [("e-7", True)]


def test_an_attempt_of_which_only_the_row_is_left_is_named(store: Settings) -> None:
    tamper(
        store,
        *(
            f"DELETE FROM {table} WHERE stream IN (SELECT stream FROM streams WHERE stream_id LIKE '%.spring:2:1')"
            for table in ("events", "episodes")
        ),
    )
    ((code, name),) = found(audit(store))
    assert (code, str(name)[9:]) == ("row", ".spring:2:1")


def test_the_signed_statement_alone_shows_that_something_is_gone(store: Settings) -> None:
    path = Path(store.secrets_folder).parent / "checkpoint.json"
    signed = json.loads(path.read_text())
    del signed["heads"]
    path.write_text(json.dumps({"checkpoint": signed}))
    assert checkpoint_of(store) == []
    tamper(store, f"DELETE FROM events WHERE {of_stream('e-7')}", f"DELETE FROM episodes WHERE {of_stream('e-7')}")
    assert [each.message for each in checkpoint_of(store)] == ["the episodes are not those of the checkpoint"]


def test_an_old_copy_of_the_database_is_found(store: Settings) -> None:
    tamper(
        store,
        "DELETE FROM checkpoints",
        "DELETE FROM events WHERE stream IN (SELECT stream FROM streams WHERE stream_id IN ('e-30', 'e-31'))",
    )
    messages = [each.message for each in checkpoint_of(store)]
    assert any("older copy" in message for message in messages)
    assert {each.episode_id for each in checkpoint_of(store)} == {None, "e-30", "e-31"}


def test_a_checkpoint_that_was_changed_is_not_believed(store: Settings) -> None:
    path = Path(store.secrets_folder).parent / "checkpoint.json"
    signed = json.loads(path.read_text())
    path.write_text(json.dumps({**signed, "heads": signed["heads"][1:]}))
    assert [each.message for each in checkpoint_of(store)] == ["the list of heads is not the one that was signed"]
    signed["statement"]["streams"] += 1
    path.write_text(json.dumps(signed))
    assert "not signed" in checkpoint_of(store)[0].message


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE attempts SET score = 0.9 WHERE entry = 2", "row"),
        ("UPDATE attempts SET agent = 'bob' WHERE entry = 2", "row"),
        ("DELETE FROM attempts WHERE entry = 2", "row"),
        ("UPDATE keys SET name = 'bob'", "round"),
        ("UPDATE rounds SET attempts = 0", "round"),
        ("UPDATE rounds SET commitment = replace(commitment, 'a', 'b')", "round"),
        ("UPDATE rounds SET suite_digest = 'x'", "round"),
    ],
)
def test_a_change_of_what_a_round_says_is_found(store: Settings, statement: str, code: str) -> None:
    tamper(store, statement)
    assert code in {each.code for each in audit(store, round_id="spring").findings}


def kept_findings(settings: Settings) -> list[str]:
    """The store against the checkpoints that it keeps itself, and against the one that was kept elsewhere."""
    kept = asyncio.run(run_read(settings.database_url, lambda reader: audit_stored_checkpoints(reader, None)))
    assert {each.message for each in kept} == {each.message for each in checkpoint_of(settings)}
    return [each.message for each in kept]


def sign_a_checkpoint(settings: Settings) -> None:
    signer = load_signer(SecretFiles(secrets_folder(settings)))

    async def sign() -> None:
        signed = await run_read(settings.database_url, lambda reader: draft_checkpoint(reader, signer, now=NOW))
        assert signed is not None
        await run_write(settings.database_url, lambda writer: store_checkpoint(writer, signed))

    asyncio.run(sign())


@pytest.mark.parametrize("is_signed_again", [False, True])
@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            f"UPDATE rounds SET commitment = '{'0' * 64}'",
            "round spring is committed to another secret than at a checkpoint",
        ),
        ("DELETE FROM rounds", "round spring is gone; a checkpoint names it"),
        ("UPDATE rounds SET attempts = 5", "attempts of round spring is 5; at a checkpoint it was 2"),
        (
            "UPDATE rounds SET suite_id = 'ranked-2'",
            "suite_id of round spring is ranked-2; at a checkpoint it was ranked-1",
        ),
    ],
)
def test_a_round_that_was_changed_is_found_by_every_checkpoint_before(
    store: Settings, statement: str, message: str, is_signed_again: bool
) -> None:
    """Also where the next checkpoint signed the change."""
    tamper(store, statement)
    if is_signed_again:
        sign_a_checkpoint(store)
    assert kept_findings(store) == [message]


def test_a_closed_round_that_was_opened_again_is_found(store: Settings) -> None:
    closed_at = "2030-02-01T00:00:00.000Z"
    tamper(store, f"UPDATE rounds SET closing_at = '{NOW}', closed_at = '{closed_at}', secret = '{'0' * 64}'")
    sign_a_checkpoint(store)
    assert asyncio.run(run_read(store.database_url, lambda reader: audit_stored_checkpoints(reader, None))) == []
    for now, told in (("NULL", "open"), (f"'{NOW}'", f"closed at {NOW}")):
        tamper(store, f"UPDATE rounds SET closed_at = {now}")
        (found_again,) = asyncio.run(
            run_read(store.database_url, lambda reader: audit_stored_checkpoints(reader, None))
        )
        assert found_again.message == f"round spring is {told}; by a checkpoint it was closed at {closed_at}"


def test_what_follows_the_reveal_of_a_secret_is_found(store: Settings) -> None:
    """Two attempts: one submitted, one that runs."""
    secret = bytes(range(32)).hex()
    tamper(
        store, f"UPDATE rounds SET closing_at = '2029-01-01', closed_at = '2030-01-01T00:00:00', secret = '{secret}'"
    )
    messages = {each.message for each in audit(store, round_id="spring").findings}
    assert "it runs, though round spring is closed" in messages
    assert "version 1 follows the reveal of the secret of round spring" in messages


def test_of_a_round_that_an_earlier_version_closed_it_is_said_that_the_reveal_is_not_known(store: Settings) -> None:
    secret = bytes(range(32)).hex()
    tamper(store, f"UPDATE rounds SET closing_at = '{NOW}', closed_at = '{NOW}', secret = '{secret}'")
    report = audit(store, round_id="spring")
    assert {each.message for each in report.findings} == {"it runs, though round spring is closed"}
    assert [count for note, count in report.notes.items() if "was closed by an earlier version" in note] == [2]


@pytest.fixture
def regraded(store: Settings) -> Settings:
    """With the grades of all episodes under another rubric."""
    rubric = parse_rubric({"version": "1-strict-fix", "direction_only_fix_points": 0.0})
    asyncio.run(run_write(store.database_url, lambda writer: regrade(writer, rubric, round_id=None, now=NOW)))
    return store


def test_grades_under_another_rubric_are_derived_again(regraded: Settings) -> None:
    assert audit(regraded).findings == ()


@pytest.mark.parametrize(
    ("statement", "victim"),
    [
        ("UPDATE regrades SET score = 0.99 WHERE episode_id = 'e-7'", "e-7"),
        ("UPDATE regrades SET is_right = 1 WHERE episode_id = 'e-7'", "e-7"),
        ("UPDATE regrades SET round_id = 'spring' WHERE episode_id = 'e-7'", "e-7"),
        ("UPDATE regrades SET grade = NULL WHERE episode_id = 'e-7'", "e-7"),
        ("UPDATE regrades SET rubric_version = 'none' WHERE episode_id = 'e-7'", "e-7"),
        ("UPDATE regrades SET episode_id = 'made-up' WHERE episode_id = 'e-7'", "made-up"),
    ],
)
def test_a_forged_grade_under_another_rubric_is_found_and_named(
    regraded: Settings, statement: str, victim: str
) -> None:
    tamper(regraded, statement)
    assert ("regrade", victim) in found(audit(regraded))
    (alone,) = [
        each.code for each in asyncio.run(audit_by_settings(regraded, InProcessSimulation(), "e-7")).findings
    ] or ["gone"]
    assert alone == ("regrade" if victim == "e-7" else "gone")


def test_a_rubric_that_was_changed_afterwards_is_found(regraded: Settings) -> None:
    tamper(regraded, "UPDATE rubrics SET body = replace(body, '\"file_points\": 0.2', '\"file_points\": 0.9')")
    assert "regrade" in {each.code for each in audit(regraded).findings}


def rebuilt(settings: Settings, *, verify: bool) -> Rebuild:
    return asyncio.run(run_write(settings.database_url, lambda writer: rebuild(writer, verify=verify)))


def test_the_rebuilt_read_models_equal_the_live_ones(store: Settings) -> None:
    done = rebuilt(store, verify=True)
    assert (done.differences, done.is_replaced) == ((), True)
    assert done.rows == {"episodes": 39, "attempts": 2, "sessions": 1}
    assert audit(store).findings == ()


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        (f"UPDATE episodes SET score = 0.99 WHERE {of_stream('e-7')}", "episodes"),
        (f"DELETE FROM episodes WHERE {of_stream('e-7')}", "episodes"),
        ("UPDATE attempts SET tokens = 5 WHERE entry = 2", "attempts"),
        ("UPDATE sessions SET episode_id = 'e-7'", "sessions"),
    ],
)
def test_with_verification_nothing_is_replaced_unless_all_is_equal(store: Settings, statement: str, table: str) -> None:
    tamper(store, statement)
    before = everything(store)
    kept = rebuilt(store, verify=True)
    assert (kept.is_replaced, [each.table for each in kept.differences]) == (False, [table])
    assert everything(store) == before
    assert rebuilt(store, verify=False).is_replaced
    assert rebuilt(store, verify=True).differences == ()


def everything(settings: Settings) -> list[str]:
    with closing(sqlite3.connect(settings.database_url.removeprefix("sqlite:///"))) as connection:
        return list(connection.iterdump())


@pytest.mark.large
def test_ten_thousand_episodes_are_audited_in_under_a_minute(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'large.db'}")
    asyncio.run(record(settings, episodes=10_000, scenarios=500))
    before = processor_seconds()
    report = audit_store(settings.database_url, SecretFiles(secrets_folder(settings)))
    took = processor_seconds() - before
    print(f"{render_store_report(report)}\n{took:.1f} s of processor time, {took / 2:.1f} s for each of 2 cores")
    assert (report.findings, report.notes, report.episodes, report.scenarios) == ((), {}, 10_000, 500)
    # Not the time that passed: a machine may have other things to do.
    assert took / 2 < 60


def processor_seconds() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)
