"""Writes a bundle: all data that is needed to verify the episodes without this server and its database.

Rule 1: of an episode that runs, the bundle has only what is public: its chain, without the payload of its reset, and
no scenario. Rule 2: a round's secret is in it once it is revealed, never before. Rule 3: manifest, boards, the last events
of all episodes and the checkpoint are signed together.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from itertools import groupby
from pathlib import Path
from typing import Any, Iterator, NamedTuple

from sqlalchemy import Connection, Select, select

from domain.chain import Link
from domain.episode.observation import OBSERVATION_VERSION
from domain.events import ENDING_KINDS
from domain.generator import GENERATOR_VERSION
from domain.ranking.rounds import round_of_name
from domain.rubric import RUBRIC
from server.atomic_files import atomic_write
from server.audit.bundle.statement import bundle_statement
from server.audit.checkpoints import StreamHead, read_checkpoints, with_heads
from server.episodes.responses import receipt_statement
from server.ranking.errors import UnknownRoundError
from server.ranking.leaderboard import read_board
from server.security.signing import Signer
from server.storage.schema import events, keys, rounds, scenarios
from server.storage.stream_codec import fold_links, link_json, to_link
from server.version import VERSION

FORMAT = 1


class ExportSummary(NamedTuple):
    """What was written."""

    episodes: int
    running: int
    """Of them, those that had not ended."""
    events: int


class StaleCheckpointError(Exception):
    """A round was closed after the latest checkpoint, which cannot show that its attempts are all there."""


class _Written(NamedTuple):
    exported: ExportSummary
    heads: list[StreamHead]
    digests: list[str]
    """Of the scenarios that may be shown."""


def export_bundle(
    connection: Connection, signer: Signer, path: Path, *, round_id: str | None, now: str
) -> ExportSummary:
    """Write everything, or what belongs to a round, from one snapshot of the database, with the latest checkpoint, which
    should be a new one. Raises ``UnknownRoundError``, ``StaleCheckpointError`` or ``UnwritableFileError``."""
    published = [_round_json(row) for row in connection.execute(select(rounds).order_by(rounds.c.round_id))]
    if round_id is not None:
        published = [each for each in published if each["round_id"] == round_id]
        if not published:
            raise UnknownRoundError(round_id)
    manifest = _manifest(connection, signer, published, round_id, now)
    boards = [read_board(connection, round_id=each["round_id"]) for each in published]
    checkpoints = read_checkpoints(connection)
    latest = checkpoints[-1] if checkpoints else None
    _require_closed(latest, published)
    with atomic_write(path) as unfinished, zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as bundle:
        written = _write_streams(connection, signer, bundle, round_id)
        _write_lines(bundle, "scenarios.jsonl", _scenarios(connection, written.digests))
        _write_lines(bundle, "checkpoints.jsonl", iter(checkpoints))
        bundle.writestr("checkpoint.json", json.dumps(with_heads(connection, latest) if latest else None))
        bundle.writestr("boards.json", json.dumps(boards, indent=1))
        bundle.writestr("manifest.json", json.dumps(manifest, indent=1))
        statement = bundle_statement(manifest, boards, written.heads, latest["statement"] if latest else None)
        bundle.writestr("signature.json", json.dumps(signer.sign(statement), indent=1))
    return written.exported


def _require_closed(latest: dict[str, Any] | None, published: list[dict[str, Any]]) -> None:
    signed = {each["round"] for each in latest["statement"]["rounds"] if each["closed_at"]} if latest else set()
    if any(each["closed_at"] and each["round_id"] not in signed for each in published):
        raise StaleCheckpointError(
            "a round was closed after the latest checkpoint; make one with mlops-debug checkpoint"
        )


def _manifest(
    connection: Connection, signer: Signer, published: list[dict[str, Any]], round_id: str | None, now: str
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "made_at": now,
        "of_round": round_id,
        "server_version": VERSION,
        "generator_version": GENERATOR_VERSION,
        "rubric_version": RUBRIC.version,
        "observation_version": OBSERVATION_VERSION,
        "public_key": signer.public_key,
        "rounds": published,
        "keys": [
            {"prefix": row.prefix, "name": row.name, "kind": row.kind}
            for row in connection.execute(select(keys.c.prefix, keys.c.name, keys.c.kind).order_by(keys.c.prefix))
        ],
    }


def _write_streams(connection: Connection, signer: Signer, bundle: zipfile.ZipFile, round_id: str | None) -> _Written:
    """The events, and receipts of what has ended."""
    heads: list[StreamHead] = []
    receipts: list[dict[str, Any]] = []
    digests: set[str] = set()
    count = running = written = 0
    with bundle.open("events.jsonl", "w") as out:
        for links in _streams(connection, round_id):
            has_ended = links[-1].kind in ENDING_KINDS
            for each in links:
                is_withheld = each.kind == "reset" and not has_ended
                out.write(json.dumps(event_json(each, is_withheld=is_withheld)).encode() + b"\n")
            count, running, written = count + 1, running + (not has_ended), written + len(links)
            heads.append(StreamHead(links[-1].stream_id, links[-1].version, links[-1].hash.hex()))
            if has_ended:
                folded = fold_links(links)
                digests.add(folded.state.reset.scenario_digest)
                receipts.append(signer.sign(receipt_statement(links[0].stream_id, folded.state, folded.head)))
    _write_lines(bundle, "receipts.jsonl", iter(receipts))
    return _Written(ExportSummary(count, running, written), heads, sorted(digests))


def _streams(connection: Connection, round_id: str | None) -> Iterator[tuple[Link, ...]]:
    rows = connection.execute(_query(round_id))
    for name, found in groupby(rows, key=lambda row: row.stream_id):
        if round_id is None or round_of_name(name) == round_id:  # LIKE ignores case in some databases
            yield tuple(to_link(row) for row in found)


def _query(round_id: str | None) -> Select[Any]:
    query = select(events).order_by(events.c.stream_id, events.c.version)
    if round_id is None:
        return query
    # By name, not by a read model: a row that is missing there must not leave an episode out here.
    return query.where(events.c.stream_id.like(f"k________.{_escaped(round_id)}:%", escape="\\"))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%")


def event_json(each: Link, *, is_withheld: bool) -> dict[str, Any]:
    """One event. The payload as text, because its very bytes are what the chain covers."""
    payload = None if is_withheld or each.payload is None else each.payload.decode()
    return {**link_json(each), "payload": payload}


def _scenarios(connection: Connection, digests: list[str]) -> Iterator[dict[str, Any]]:
    for digest in digests:
        row = connection.execute(select(scenarios).where(scenarios.c.digest == digest)).one_or_none()
        if row is not None:  # verification reports a missing one
            yield {"digest": digest, "split": row.split, "body": zlib.decompress(row.body).decode()}


def _write_lines(bundle: zipfile.ZipFile, name: str, lines: Iterator[dict[str, Any]]) -> None:
    with bundle.open(name, "w") as out:
        for each in lines:
            out.write(json.dumps(each).encode() + b"\n")


def _round_json(row: Any) -> dict[str, Any]:
    """A row of rounds; the secret is in the table only after it was revealed."""
    return dict(row._mapping)
