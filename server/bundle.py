"""Writes a bundle: everything that is needed to derive what happened again, without this server and its database.

Rule 1: of an episode that runs, the bundle holds what everybody may see: its chain, without the payload of its reset, and
no scenario. Rule 2: a round's secret is in it once it is revealed, never before.
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
from domain.generator import GENERATOR_VERSION
from domain.observation import OBSERVATION_VERSION
from domain.rubric import RUBRIC
from server.checkpoints import read_latest, with_heads
from server.folding import fold_links
from server.leaderboard import read_board
from server.receipts import receipt_statement
from server.round_errors import UnknownRoundError
from server.signing import Signer
from server.store import to_link
from server.tables import events, keys, rounds, scenarios
from server.version import VERSION

FORMAT = 1
_ENDS = ("submit", "expire")


class Exported(NamedTuple):
    """What was written."""

    episodes: int
    running: int
    """Of them, those that had not ended."""
    events: int


def export_bundle(connection: Connection, signer: Signer, path: Path, *, round_id: str | None, now: str) -> Exported:
    """Write everything, or what belongs to a round; raises ``UnknownRoundError``."""
    published = [_round(row) for row in connection.execute(select(rounds).order_by(rounds.c.round_id))]
    if round_id is not None:
        published = [each for each in published if each["round_id"] == round_id]
        if not published:
            raise UnknownRoundError(round_id)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        exported, digests = _write_streams(connection, signer, bundle, round_id)
        _write_lines(bundle, "scenarios.jsonl", _scenarios(connection, digests))
        latest = read_latest(connection)
        bundle.writestr("checkpoint.json", json.dumps(with_heads(connection, latest) if latest else None))
        boards = [read_board(connection, round_id=each["round_id"]) for each in published]
        bundle.writestr("boards.json", json.dumps(boards, indent=1))
        bundle.writestr("manifest.json", json.dumps(_manifest(connection, signer, published, round_id, now), indent=1))
    return exported


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


def _write_streams(
    connection: Connection, signer: Signer, bundle: zipfile.ZipFile, round_id: str | None
) -> tuple[Exported, list[str]]:
    """The events, and receipts of what has ended; with the digests of the scenarios that may be shown."""
    receipts: list[dict[str, Any]] = []
    digests: set[str] = set()
    count = running = written = 0
    with bundle.open("events.jsonl", "w") as out:
        for links in _streams(connection, round_id):
            has_ended = links[-1].kind in _ENDS
            for each in links:
                is_withheld = each.kind == "reset" and not has_ended
                out.write(json.dumps(event_json(each, is_withheld=is_withheld)).encode() + b"\n")
            count, running, written = count + 1, running + (not has_ended), written + len(links)
            if has_ended:
                folded = fold_links(links)
                digests.add(folded.state.reset.scenario_digest)
                receipts.append(signer.sign(receipt_statement(links[0].stream_id, folded.state, folded.head)))
    _write_lines(bundle, "receipts.jsonl", iter(receipts))
    return Exported(count, running, written), sorted(digests)


def _streams(connection: Connection, round_id: str | None) -> Iterator[tuple[Link, ...]]:
    rows = connection.execute(_query(round_id))
    for name, found in groupby(rows, key=lambda row: row.stream_id):
        if round_id is None or f".{round_id}:" in name:  # LIKE does not tell small letters from capitals everywhere
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
    return {
        "stream_id": each.stream_id,
        "version": each.version,
        "position": each.position,
        "kind": each.kind,
        "schema_version": each.schema_version,
        "recorded_at": each.recorded_at,
        "actor": each.actor,
        "request_id": each.request_id,
        "payload": payload,
        "payload_digest": each.payload_digest.hex(),
        "prev_hash": each.prev_hash.hex(),
        "hash": each.hash.hex(),
    }


def _scenarios(connection: Connection, digests: list[str]) -> Iterator[dict[str, Any]]:
    for digest in digests:
        row = connection.execute(select(scenarios).where(scenarios.c.digest == digest)).one_or_none()
        if row is not None:  # what is missing, the verification names
            yield {"digest": digest, "split": row.split, "body": zlib.decompress(row.body).decode()}


def _write_lines(bundle: zipfile.ZipFile, name: str, lines: Iterator[dict[str, Any]]) -> None:
    with bundle.open(name, "w") as out:
        for each in lines:
            out.write(json.dumps(each).encode() + b"\n")


def _round(row: Any) -> dict[str, Any]:
    """A row of rounds; the secret is in the table only after it was revealed."""
    return {key: value for key, value in row._mapping.items() if key != "closing_at"}
