"""Rebuild, regrade, checkpoints and bundles, on both backends and over HTTP."""

from __future__ import annotations

import asyncio
import hashlib
import zipfile
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from sqlalchemy import Connection, func, select
from sqlalchemy.util import await_only

from domain.rubric import RUBRIC
from server.audit.audit_records import Derived, DerivedEpisode, draft_record, fingerprint_of, store_record
from server.audit.bundle import writer
from server.audit.bundle.verifier import _compare_boards as compare_boards
from server.audit.bundle.writer import ExportSummary, export_bundle
from server.audit.checkpoint_audit import audit_against_checkpoint
from server.audit.checkpoints import with_heads
from server.audit.episode_index import open_index
from server.audit.ranked_checks import RankedAuditData
from server.audit.sweep import StoredEpisode, read_stored
from server.episodes import rebuild as rebuilding
from server.episodes.rebuild import rebuild
from server.ranking.leaderboard import read_board, read_board_with_ranks
from server.ranking.regrade import RegradeSummary, RubricError, parse_rubric, regrade
from server.security.signing import is_signed_by
from server.settings import Settings
from server.storage.connections import migrate_and_run, run_read, run_read_snapshot, run_write
from server.storage.schema import events, streams
from tests.operating import changed
from tests.served import Served, assert_problem, serving
from tests.server.ranking.test_rounds import key_of, opened

WORDS = {"action_type": "submit_diagnosis", "root_cause_file": "preprocessing.py", "confidence": 0.5}


@pytest.fixture
async def played(settings: Settings) -> AsyncIterator[Served]:
    opened(settings)
    key = key_of(settings, "ann")
    async with serving(settings) as served:
        served.client.headers["Authorization"] = f"Bearer {key}"
        for entry in (1, 2):
            info = (await served.reset(round="spring", entry=entry))["info"]
            await served.step(info["episode_id"], {"action_type": "read_config"}, request_id="r-1")
        await served.step(info["episode_id"], WORDS, request_id="r-2")
        await served.client.post("/sessions/s/reset")
        yield served


async def ended(served: Served) -> dict[str, Any]:
    """The answer to the reset of the attempt that has ended."""
    return (await served.reset(round="spring", entry=2, attempt=1))["info"]


@pytest.mark.both_backends
async def test_the_rebuilt_read_models_equal_the_live_ones(played: Served, settings: Settings) -> None:
    done = changed(settings, lambda connection: rebuild(connection, verify=True))
    assert (done.differences, done.rows) == ((), {"episodes": 3, "attempts": 2, "sessions": 1})
    assert changed(settings, lambda connection: rebuild(connection, verify=True)).differences == ()


@pytest.mark.both_backends
async def test_a_checkpoint_follows_the_one_before_and_is_public(played: Served, settings: Settings) -> None:
    made = await played.services.checkpointer.make()
    assert made is not None
    assert await played.services.checkpointer.make() is None
    public = (await played.client.get("/public-key")).json()["public_key"]
    assert (await played.client.get("/checkpoint")).json()["checkpoint"] == made
    assert is_signed_by(public, made)
    await played.reset(episode_id="more")
    following = await played.services.checkpointer.make()
    assert following is not None
    assert (following["statement"]["number"], following["statement"]["streams"]) == (2, 4)
    whole = await run_read(settings.database_url, lambda reader: with_heads(reader, made))
    assert await run_read(settings.database_url, lambda reader: audit_against_checkpoint(reader, whole, public)) == []


async def test_the_receipt_is_signed_and_the_same_whenever_it_is_asked_for(played: Served) -> None:
    receipt = (await ended(played))["receipt"]
    public = (await played.client.get("/public-key")).json()["public_key"]
    assert is_signed_by(public, receipt)
    assert (receipt["statement"]["score"], receipt["statement"]["round"]) == (0.25, "spring")
    name = receipt["statement"]["episode_id"]
    again = await played.step(name, WORDS, request_id="r-2")
    final = await played.step(name, {"action_type": "read_config"})
    assert again["info"]["receipt"] == final["info"]["receipt"] == receipt
    changed_statement = {**receipt, "statement": {**receipt["statement"], "score": 0.99}}
    assert not is_signed_by(public, changed_statement)
    (head,) = [
        each for each in (await played.client.get(f"/episodes/{name}/events")).json() if each["kind"] == "submit"
    ]
    assert receipt["statement"]["head_hash"] == head["hash"]


@pytest.mark.both_backends
async def test_another_rubric_is_kept_beside_the_recorded_grade(played: Served, settings: Settings) -> None:
    rubric = parse_rubric({"version": "mine", "few_reads_penalty": 0.0, "file_points": 0.5})

    def again(connection: Any) -> RegradeSummary:
        return regrade(connection, rubric, round_id="spring", now="n")

    assert changed(settings, again) == RegradeSummary(graded=1, skipped=0, changed=1)
    assert changed(settings, again) == RegradeSummary(graded=0, skipped=1, changed=0)
    shown = {}
    for version in (RUBRIC.version, "mine"):
        (row,) = (await played.client.get("/leaderboard.json", params={"rubric_version": version})).json()["rows"]
        shown[version] = row["tasks"]["medium"]["mean"]
    assert shown[RUBRIC.version] == 0.25
    assert shown["mine"] != shown[RUBRIC.version]
    assert (await ended(played))["score"] == 0.25
    assert changed(settings, lambda connection: rebuild(connection, verify=True)).differences == ()


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"version": "1"},
        {"version": RUBRIC.version},
        {"version": 3},
        {"version": "mine", "points": 1},
        {"version": "mine", "file_points": "many"},
    ],
)
def test_a_rubric_that_cannot_be_used_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(RubricError):
        parse_rubric(given)


@pytest.mark.both_backends
async def test_an_export_is_of_one_moment(played: Served, settings: Settings) -> None:
    def counted_twice(reader: Connection) -> list[int]:
        counts = [reader.execute(select(func.count()).select_from(events)).scalar_one()]
        await_only(played.reset(episode_id="meanwhile"))
        return [*counts, reader.execute(select(func.count()).select_from(events)).scalar_one()]

    first, second = await run_read_snapshot(settings.database_url, counted_twice)
    assert first == second
    assert (
        await run_read(
            settings.database_url, lambda reader: reader.execute(select(func.count()).select_from(events)).scalar_one()
        )
        > first
    )


@pytest.mark.both_backends
async def test_a_bundle_withholds_what_runs(played: Served, settings: Settings, tmp_path: Path) -> None:
    path, signer = tmp_path / "b.zip", played.services.signer
    exported = await run_read_snapshot(
        settings.database_url,
        lambda reader: export_bundle(reader, signer, path, round_id="spring", now="2030-01-01T00:00:00.000Z"),
    )
    assert (exported.episodes, exported.running) == (2, 1)
    with ThreadPoolExecutor(1) as thread:
        lines = await asyncio.wrap_future(thread.submit(_lines, path, "episodes.jsonl"))
    withheld = [line for line in lines if '"kind": "reset"' in line and '"payload": null' in line]
    scenarios = [line for line in lines if line.startswith('{"scenario"')]
    assert (len(withheld), len(scenarios)) == (1, 1)
    assert lines[0] == withheld[0], "before every scenario, so that nothing tells which it is on"


@pytest.mark.both_backends
async def test_for_a_bundle_of_a_round_nothing_else_is_read(played: Served, settings: Settings, tmp_path: Path) -> None:
    other = (await played.reset(episode_id="practice"))["info"]["episode_id"]
    seen: list[str] = []
    signer = played.services.signer

    def export(reader: Connection) -> ExportSummary:
        original = writer.to_link

        def to_link(row: Any) -> Any:
            seen.append(row.stream_id)
            return original(row)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(writer, "to_link", to_link)
            return export_bundle(reader, signer, tmp_path / "b.zip", round_id="spring", now="2030-01-01T00:00:00.000Z")

    exported = await run_read_snapshot(settings.database_url, export)
    assert (exported.episodes, other in seen) == (2, False)
    assert len(set(seen)) == 2


def _lines(path: Path, name: str) -> list[str]:
    with zipfile.ZipFile(path) as bundle:
        return bundle.read(name).decode().splitlines()


@pytest.mark.parametrize("backend", ["postgres"])
async def test_nothing_is_recorded_while_the_read_models_are_rebuilt(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.storage.engines.LOCK_TIMEOUT_MS", 50)
    during: list[httpx.Response] = []
    async with serving(settings) as served:
        await served.reset(episode_id="before")
        loop = asyncio.get_running_loop()

        def compare(*arguments: Any) -> Any:
            if not during:
                sent = served.client.post("/reset", json={"episode_id": "during"})
                during.append(asyncio.run_coroutine_threadsafe(sent, loop).result(30))
            return compared(*arguments)

        compared = rebuilding._compare
        monkeypatch.setattr(rebuilding, "_compare", compare)
        done = await asyncio.to_thread(changed, settings, lambda connection: rebuild(connection, verify=False))
        assert done.is_replaced
        assert_problem(during[0], 503, "store_unavailable")
        await served.reset(episode_id="during")
        monkeypatch.setattr(rebuilding, "_compare", compared)
        assert changed(settings, lambda connection: rebuild(connection, verify=True)).rows["episodes"] == 2


@pytest.mark.parametrize("backend", ["postgres"])
async def test_what_may_take_long_has_no_limit_of_time(settings: Settings) -> None:
    def limits(connection: Connection) -> list[Any]:
        names = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
        driver: Any = connection.connection.driver_connection
        return [
            driver._config.command_timeout,
            *(connection.exec_driver_sql(f"SHOW {name}").scalar() for name in names),
        ]

    assert await migrate_and_run(settings.database_url, limits, may_take_long=True) == [None, "0", "0", "0"]


async def test_the_boards_of_bundles_from_before_are_derived_with_the_ranks_that_they_hold(
    played: Served, settings: Settings
) -> None:
    earlier = await run_read(settings.database_url, lambda reader: read_board_with_ranks(reader, "spring"))
    present = await run_read(settings.database_url, lambda reader: read_board(reader, round_id="spring"))
    changed_rank = {**earlier, "rows": [{**row, "rank": row["rank"] + 1} for row in earlier["rows"]]}
    ranked = {**present, "rows": [{**row, "rank": 1} for row in present["rows"]]}
    assert (earlier["rows"][0]["rank"], present["rows"][0]["rank"]) == (1, None)

    async def findings(board: dict[str, Any]) -> list[str]:
        bundle = cast(Any, SimpleNamespace(boards=[board]))
        return [
            each.code for each in await run_read(settings.database_url, lambda reader: compare_boards(reader, bundle))
        ]

    messages = [await findings(board) for board in (earlier, present, changed_rank, ranked)]
    assert messages == [[], [], ["board"], ["board"]]


@pytest.mark.both_backends
async def test_a_record_holds_the_fingerprint_that_a_stored_episode_has_until_it_changes(
    played: Served, settings: Settings
) -> None:
    await played.reset(episode_id="practice")
    signer, url, name = played.services.signer, settings.database_url, next(iter(await _names(settings)))

    async def read() -> StoredEpisode:
        stored = await run_read(url, lambda opened: read_stored(opened, [(name, "")], RankedAuditData({}, {})))
        return stored[name]

    first = await read()
    assert (await read(), first.events) == (first, 1)
    assert first.head is not None
    derived = DerivedEpisode(name, *first.head[:1], first.head[1].hex(), first.fingerprint, ("a note",))
    signed, body = draft_record(signer, [derived], now="2030-01-01T00:00:00.000Z")
    await run_write(url, lambda opened: store_record(opened, signed, body))
    with open_index() as index:
        records = Derived(index.connection)
        assert await run_read(url, lambda opened: records.load(opened, signer.public_key)) == []
        assert records.of([name]) == {name: derived._replace(made_at="2030-01-01T00:00:00.000Z")}
    await played.step("practice", {"action_type": "read_config"})
    changed_since = await read()
    assert (changed_since.events, changed_since.fingerprint == first.fingerprint) == (2, False)


async def _names(settings: Settings) -> list[str]:
    names = await run_read(
        settings.database_url, lambda opened: opened.execute(select(streams.c.stream_id)).scalars().all()
    )
    return [name for name in names if name.endswith("practice")]


def test_a_fingerprint_differs_by_the_type_of_a_value_and_by_where_it_stands() -> None:
    alike: list[Any] = [
        "1", b"1", 1, 1.0, None, "", b"", (), ("1",), ["1"], ("1", None), (None, "1"), (("1",), None), "1\0", "1\0\0", -1, 2**40
    ]  # fmt: skip
    assert len({fingerprint_of(each) for each in alike}) == len(alike)
    assert fingerprint_of("ab", "c") != fingerprint_of("a", "bc")


def test_a_fingerprint_does_not_depend_on_which_objects_hold_the_values() -> None:
    shared = "".join(["a", "text"])
    apart = tuple("".join(["a", "text"]) for _ in range(2))
    assert fingerprint_of((shared, shared), 1000) == fingerprint_of(apart, int("1000"))
    digest = hashlib.sha256(b"(\x02\x00\x00\x00u\x01\x00\x00\x00ai\x01\x00\x00\x00").hexdigest()
    assert fingerprint_of("a", 1) == digest, "as any version of Python writes it"
