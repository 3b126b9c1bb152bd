"""Derives a bundle again: chains, seeds, artifacts, observations, rewards, grades, receipts and ranks.

The events are inserted into a temporary database, and the read models are rebuilt from them, so that a bundle is audited
by the same code as the database of a server.
"""

from __future__ import annotations

import asyncio
import tempfile
import zlib
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import Any, Callable

from sqlalchemy import Connection, create_engine

from domain.chain import Link, verify_chain
from domain.scenario import Scenario
from server.audit.bundle.checkpoints import NO_CHECKPOINT, check_own_checkpoint
from server.audit.bundle.findings import (
    UNSIGNED,
    ExternalEvidence,
    check_boards,
    check_evidence,
    check_receipts,
    check_signature,
    check_withheld,
)
from server.audit.bundle.reader import Bundle, BundleError, read_bundle
from server.audit.report import StoreFinding, StoreReport
from server.audit.store_audit import audit_store
from server.episodes.rebuild import rebuild
from server.ranking.leaderboard import read_board, read_board_with_ranks
from server.scenarios.simulation import create_process_pool
from server.storage.connections import run_read
from server.storage.migrations import create_tables
from server.storage.schema import event_rows, keys, rounds, scenarios, streams

__all__ = ["BundleError", "verify_bundle"]

_NO_HASH = bytes(32)
_ABSENT = {"split": "train"}
"""What a column of a round is where the bundle was made before it was there."""
_RUNNING = "still running when the bundle was made: only its chain was verified"
_EMPTY_REPORT = StoreReport(
    episodes=0, events=0, scenarios=0, seconds=0.0, seconds_a_scenario=None, findings=(), notes={}
)


def verify_bundle(
    path: Path,
    public_key: str,
    *,
    evidence: ExternalEvidence = ExternalEvidence(),  # noqa: B008 - immutable
    workers: int | None = None,
    create_pool: Callable[[int], Executor] = create_process_pool,
) -> StoreReport:
    """Verify a bundle with nothing but the public key of its host; raises ``BundleError``.

    Args:
        path: the bundle.
        public_key: the host's, 64 hex digits.
        words: signed statements of the host from before.
        workers: processes; None: one a core.
        create_pool: starts them.
    """
    bundle = read_bundle(path)
    found = _check_consistency(bundle, public_key, evidence)
    with tempfile.TemporaryDirectory(prefix="mlops-debug-verify-") as folder:
        database_url = f"sqlite:///{Path(folder) / 'bundle.db'}"
        report = _EMPTY_REPORT
        if not (unreadable := _load(database_url, lambda opened: _insert(opened, bundle))):
            found += _load(database_url, lambda opened: rebuild(opened, verify=False))
            report = audit_store(database_url, None, workers=workers, create_pool=create_pool)
            found += asyncio.run(run_read(database_url, lambda opened: _compare_boards(opened, bundle)))
        found += unreadable
    withheld_count = len(bundle.streams) - len(bundle.whole)
    return report.model_copy(
        update={
            "episodes": report.episodes + withheld_count,
            "findings": (*found, *report.findings),
            "notes": {**_notes(bundle, withheld_count), **report.notes},
        }
    )


def _check_consistency(bundle: Bundle, public_key: str, evidence: ExternalEvidence) -> list[StoreFinding]:
    checks: list[Callable[[], list[StoreFinding]]] = [
        partial(check_signature, bundle, public_key),
        partial(check_withheld, bundle),
        partial(_check_links, bundle),
        partial(check_receipts, bundle, public_key),
        partial(check_boards, bundle),
        partial(check_own_checkpoint, bundle, public_key),
        partial(check_evidence, bundle, public_key, evidence),
    ]
    found: list[StoreFinding] = []
    for check in checks:
        try:
            found += check()
        except (ValueError, TypeError, LookupError, AttributeError) as error:  # any content of an untrusted file
            found.append(_finding("fold", f"the bundle cannot be compared: {error}", None))
    return found


def _check_links(bundle: Bundle) -> list[StoreFinding]:
    """Check the previous hashes that the events state; the database derives them from the events before."""
    return [
        StoreFinding(code="chain", version=each.version, message="prev_hash does not fit", episode_id=name)
        for name, links in bundle.whole.items()
        for each in verify_chain(name, links)
        if each.fault == "prev_hash"
    ]


def _notes(bundle: Bundle, withheld_count: int) -> dict[str, int]:
    notes = {_RUNNING: withheld_count} if withheld_count else {}
    if bundle.signature is None:
        notes[UNSIGNED] = len(bundle.streams)
    if bundle.checkpoint is None and bundle.streams:
        notes[NO_CHECKPOINT] = len(bundle.streams)
    return notes


def _load(database_url: str, statements: Callable[[Connection], object]) -> list[StoreFinding]:
    """Run statements on the database of the bundle in one transaction."""
    engine = create_engine(database_url)
    try:
        with engine.begin() as connection:
            statements(connection)
    except Exception as error:  # noqa: BLE001 - any content of an untrusted file is a finding
        return [_finding("fold", f"the events cannot be read back: {error}", None)]
    finally:
        engine.dispose()
    return []


def _insert(connection: Connection, bundle: Bundle) -> None:
    create_tables(connection, is_guarded=False)  # every content of the bundle is let in, for the audit to find
    names = list(bundle.whole)
    if names:
        numbered = [{"stream": number, "stream_id": name} for number, name in enumerate(names, start=1)]
        connection.execute(streams.insert(), numbered)
    for number, name in enumerate(names, start=1):
        connection.execute(event_rows.insert(), [_event_row(number, each) for each in bundle.whole[name]])
    if bundle.manifest["rounds"]:
        columns = [column.name for column in rounds.columns]
        connection.execute(
            rounds.insert(),
            [{name: each.get(name, _ABSENT.get(name)) for name in columns} for each in bundle.manifest["rounds"]],
        )
    if bundle.manifest["keys"]:
        filled = {"scopes": "agent", "secret_hash": _NO_HASH, "created_at": "", "revoked_at": None}
        connection.execute(keys.insert(), [{**each, **filled} for each in bundle.manifest["keys"]])
    bodies = [_scenario_row(digest, body, bundle.splits) for digest, body in bundle.scenarios.items()]
    if bodies:
        connection.execute(scenarios.insert(), bodies)


def _event_row(stream: int, each: Link) -> dict[str, Any]:
    """The row with the payload as it is, and with a text as its time."""
    given = each._asdict()
    named = {column.name: given[column.name] for column in event_rows.columns if column.name in given}
    return {**named, "stream": stream, "payload": (each.payload or b"").decode(), "digests": None}


def _scenario_row(digest: str, body: str, splits: dict[str, str]) -> dict[str, Any]:
    scenario = Scenario.model_validate_json(body)
    return {
        "digest": digest,
        "generator_version": scenario.generator_version,
        "task_id": scenario.task_id,
        "seed": str(scenario.seed),
        "split": splits.get(digest, "train"),
        "body": zlib.compress(body.encode(), 1),
    }


def _compare_boards(connection: Connection, bundle: Bundle) -> list[StoreFinding]:
    """Every rank and score of every board, from the events."""
    found = []
    for board in bundle.boards:
        read = read_board if "has_ranks" in board else read_board_with_ranks
        try:
            again = read(connection, round_id=board["round"])
        except Exception as error:  # noqa: BLE001 - any content of an untrusted file is a finding
            found.append(_finding("board", f"the board of round {board['round']} cannot be computed: {error}", None))
            continue
        if _comparable(again) != _comparable(board):
            wrong = [
                row["agent"]
                for row, mine in zip(_comparable(board)["rows"], _comparable(again)["rows"], strict=False)
                if row != mine
            ]
            message = f"the board of round {board['round']} does not follow from the events"
            found.append(_finding("board", message + (f": {', '.join(wrong)}" if wrong else ""), None))
    return found


def _comparable(board: dict[str, Any]) -> dict[str, Any]:
    """Without running attempts, whose payloads are withheld, and without the audit marks of the server."""
    rows = []
    for row in board["rows"]:
        check_evidence = {key: value for key, value in row.items() if key not in ("verified", "attempts")}
        rows.append({**check_evidence, "ended": row["attempts"]["used"] - row["attempts"]["running"]})
    return {**board, "rows": [row for row in rows if row["ended"]]}


def _finding(code: str, message: str, episode_id: str | None) -> StoreFinding:
    return StoreFinding(code=code, version=None, message=message, episode_id=episode_id)
