"""Derives a bundle again: chains, seeds, artifacts, observations, rewards, grades, receipts and ranks.

Episodes are read from the file one after another and derived in worker processes by the code that audits the database of a server.
Nothing is kept of them but their heads and the rows of ranked attempts, in a temporary file.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from concurrent.futures import Executor
from contextlib import AbstractContextManager, ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any, Callable, Iterator

from sqlalchemy import Connection

from server.audit.bounded_map import map_bounded
from server.audit.bundle.checkpoints import NO_CHECKPOINT, BundleCheckpoints
from server.audit.bundle.episode_checks import CheckContext, CheckedBatch, check_batch
from server.audit.bundle.episodes import RawBatch, read_batches
from server.audit.bundle.facts import Facts, insert_manifest, open_facts, round_row
from server.audit.bundle.findings import (
    UNSIGNED,
    ExternalEvidence,
    check_boards,
    check_commitments,
    check_kept_receipts,
    check_signature,
)
from server.audit.bundle.format_1 import gathered_batches
from server.audit.bundle.reader import BundleError, OpenBundle, naming_file, open_bundle, refusing_malformed
from server.audit.ranked_checks import RankedAuditData, check_round, to_round_audit_data
from server.audit.report import StoreFinding, StoreReport
from server.progress import NO_PROGRESS, Progress
from server.ranking.leaderboard import read_board, read_board_with_ranks
from server.scenarios.simulation import create_process_pool

__all__ = ["BundleError", "verify_bundle"]

MAX_FINDINGS = 10_000
"""Listed of the episodes; further ones are counted."""
_RUNNING = "still running when the bundle was made: only its chain was verified"


def verify_bundle(
    path: Path,
    public_key: str,
    *,
    evidence: ExternalEvidence = ExternalEvidence(),  # noqa: B008 - immutable
    workers: int | None = None,
    create_pool: Callable[[int], Executor] = create_process_pool,
    progress: Progress = NO_PROGRESS,
) -> StoreReport:
    """Verify a bundle with nothing but the public key of its host; raises ``BundleError``.

    Args:
        path: the bundle.
        public_key: the host's, 64 hex digits.
        evidence: signed statements of the host from before.
        workers: processes; None: one a core.
        create_pool: starts them.
        progress: is told of the episodes that are done.
    """
    began = time.monotonic()
    with open_bundle(path) as bundle, open_facts() as facts:
        checkpoints = BundleCheckpoints(bundle, facts, public_key, evidence.checkpoints)
        with refusing_malformed(path):
            checkpoints.expect()
        ranked, found = _read_rounds(bundle)
        kept = evidence.receipts_by_episode(public_key)
        context = CheckContext(public_key, ranked, bundle.closed_rounds, kept)
        episodes = _Episodes(facts)
        progress.begin("episodes", _episodes_signed(bundle))
        for batch, checked in _check_batches(bundle, path, context, workers or os.cpu_count() or 1, create_pool):
            with naming_file(path):
                episodes.add(batch, checked)
            progress.advance(len(batch.episodes))
        found += _check_whole(bundle, facts, checkpoints, public_key, evidence)
        found += _insert_manifest(facts.connection, bundle) or _compare_boards(facts.connection, bundle)
        streams = facts.summary().streams
        return StoreReport(
            episodes=streams,
            events=episodes.audited_events,
            scenarios=episodes.scenarios,
            seconds=time.monotonic() - began,
            seconds_a_scenario=episodes.seconds / episodes.generated if episodes.generated else None,
            findings=(*found, *episodes.all_findings()),
            notes={**_notes(bundle, episodes.withheld, streams), **episodes.notes},
        )


class _Episodes:
    """What the checks of the episodes gave, summed up."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._scenario: bytes | None = None
        self._findings: list[StoreFinding] = []
        self._unlisted = 0
        self.notes: Counter[str] = Counter()
        self.scenarios = self.audited_events = self.withheld = self.generated = 0
        self.seconds = 0.0

    def add(self, batch: RawBatch, checked: CheckedBatch) -> None:
        found = [*checked.findings, *self._facts.add(checked)]
        room = MAX_FINDINGS - len(self._findings)
        self._findings += found[:room]
        self._unlisted += len(found[room:])
        if batch.scenario is not None and batch.scenario is not self._scenario:
            self.scenarios += 1
            self._scenario = batch.scenario
        self.notes.update(checked.notes)
        self.audited_events += checked.audited_events
        self.withheld += checked.withheld
        self.generated += checked.generated
        self.seconds += checked.seconds

    def all_findings(self) -> list[StoreFinding]:
        if not self._unlisted:
            return self._findings
        return [*self._findings, _finding("fold", f"{self._unlisted} further findings are not listed")]


def _check_batches(
    bundle: OpenBundle, path: Path, context: CheckContext, workers: int, create_pool: Callable[[int], Executor]
) -> Iterator[tuple[RawBatch, CheckedBatch]]:
    """Every batch with its result; only a few are in memory at a time."""
    with ExitStack() as opened:
        with refusing_malformed(path):
            opening: AbstractContextManager[Iterator[RawBatch]]
            opening = gathered_batches(bundle) if bundle.format == 1 else closing(read_batches(bundle))
            batches = opened.enter_context(opening)
        pool = opened.enter_context(create_pool(workers))
        submitted: list[RawBatch] = []

        def noted() -> Iterator[RawBatch]:
            for each in _refusing(batches, path):
                submitted.append(each)
                yield each

        with naming_file(path):
            for checked in map_bounded(pool, partial(check_batch, context=context), noted(), workers=workers):
                yield submitted.pop(0), checked


def _refusing(batches: Iterator[RawBatch], path: Path) -> Iterator[RawBatch]:
    """The batches; what a malformed file makes their reading raise is refused with the name of the file."""
    while True:
        with refusing_malformed(path):
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


def _read_rounds(bundle: OpenBundle) -> tuple[RankedAuditData, list[StoreFinding]]:
    """What attempts are checked against, and what is wrong with the rounds themselves."""
    rounds = {}
    for each in bundle.manifest["rounds"]:
        secret = bytes.fromhex(each["secret"]) if each["secret"] else None
        rounds[each["round_id"]] = to_round_audit_data(round_row(each), secret)
    names = {each["prefix"]: each["name"] for each in bundle.manifest["keys"]}
    found = [_finding("round", wrong) for name, known in rounds.items() for wrong in check_round(name, known)]
    return RankedAuditData(rounds, names), found


def _check_whole(
    bundle: OpenBundle, facts: Facts, checkpoints: BundleCheckpoints, public_key: str, evidence: ExternalEvidence
) -> list[StoreFinding]:
    checks: list[Callable[[], list[StoreFinding]]] = [
        partial(check_signature, bundle, facts, public_key),
        partial(check_boards, bundle),
        checkpoints.check_own,
        checkpoints.check_kept,
        partial(check_kept_receipts, facts, public_key, evidence),
        partial(check_commitments, bundle, evidence),
    ]
    found: list[StoreFinding] = []
    for check in checks:
        try:
            found += check()
        except (ValueError, TypeError, LookupError, AttributeError) as error:  # any content of an untrusted file
            found.append(_finding("fold", f"the bundle cannot be compared: {error}"))
    return found


def _notes(bundle: OpenBundle, withheld: int, streams: int) -> dict[str, int]:
    notes = {_RUNNING: withheld} if withheld else {}
    if bundle.signature is None:
        notes[UNSIGNED] = streams
    if bundle.checkpoint is None and streams:
        notes[NO_CHECKPOINT] = streams
    return notes


def _episodes_signed(bundle: OpenBundle) -> int | None:
    """How many episodes the bundle states that it has, for the display of progress. None: it does not say."""
    try:
        streams = bundle.signature["statement"]["streams"]
    except (TypeError, LookupError):
        return None
    return streams if isinstance(streams, int) else None


def _insert_manifest(connection: Connection, bundle: OpenBundle) -> list[StoreFinding]:
    try:
        insert_manifest(connection, bundle.manifest)
    except Exception as error:  # noqa: BLE001 - any content of an untrusted file is a finding
        return [_finding("fold", f"rounds and keys cannot be read: {error}")]
    return []


def _compare_boards(connection: Connection, bundle: OpenBundle) -> list[StoreFinding]:
    """Every rank and score of every board, from the events."""
    found = []
    for board in bundle.boards:
        read = read_board if "has_ranks" in board else read_board_with_ranks
        try:
            again = read(connection, round_id=board["round"])
        except Exception as error:  # noqa: BLE001 - any content of an untrusted file is a finding
            found.append(_finding("board", f"the board of round {board['round']} cannot be computed: {error}"))
            continue
        if _comparable(again) != _comparable(board):
            wrong = [
                row["agent"]
                for row, mine in zip(_comparable(board)["rows"], _comparable(again)["rows"], strict=False)
                if row != mine
            ]
            message = f"the board of round {board['round']} does not follow from the events"
            found.append(_finding("board", message + (f": {', '.join(wrong)}" if wrong else "")))
    return found


def _comparable(board: dict[str, Any]) -> dict[str, Any]:
    """Without running attempts, whose payloads are withheld, and without the audit marks of the server."""
    rows = []
    for row in board["rows"]:
        kept = {key: value for key, value in row.items() if key not in ("verified", "attempts")}
        rows.append({**kept, "ended": row["attempts"]["used"] - row["attempts"]["running"]})
    return {**board, "rows": [row for row in rows if row["ended"]]}


def _finding(code: str, message: str) -> StoreFinding:
    return StoreFinding(code=code, version=None, message=message, episode_id=None)
