"""Writes a bundle: all data that is needed to verify the episodes without this server and its database.

Rule 1: of an episode that runs, the bundle has only what is public: its chain, without the payload of its reset, and
no scenario. Rule 2: a round's secret is in it once it is revealed, never before. Rule 3: manifest, boards, the last events
of all episodes and the checkpoint are signed together. Rule 4: of a round nothing else is read and written than the round.
Rule 5: episodes are read and written a few at a time, so that memory does not grow with the store.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import IO, Any, Callable, Iterable, Iterator, NamedTuple

from sqlalchemy import Connection, select

from domain.chain import Link
from domain.episode.observation import OBSERVATION_VERSION
from domain.events import ENDING_KINDS
from domain.generator import GENERATOR_VERSION
from domain.ranking.rounds import round_of_name
from domain.rubric import RUBRIC
from server.atomic_files import atomic_write
from server.audit.bundle.statement import HeadsSummary, bundle_statement
from server.audit.checkpoints import (
    HeadsHash,
    StreamHead,
    iterate_heads,
    last_events,
    named_as_attempt_of,
    read_checkpoints,
    read_latest_checkpoint,
)
from server.audit.episode_index import NO_SCENARIO, EpisodeIndex, NamedBatch, open_index
from server.episodes.responses import receipt_statement
from server.progress import NO_PROGRESS, Progress
from server.ranking.errors import UnknownRoundError
from server.ranking.leaderboard import read_board
from server.security.signing import Signer
from server.storage.schema import event_rows, events, keys, rounds, scenarios, streams
from server.storage.stream_codec import fold_links, to_link
from server.version import VERSION

FORMAT = 2
EPISODES_AT_A_TIME = 100
_FETCHED = 1000


class ExportSummary(NamedTuple):
    """What was written."""

    episodes: int
    running: int
    """Of them, those that had not ended."""
    events: int


class StaleCheckpointError(Exception):
    """A round was closed after the latest checkpoint, which cannot show that its attempts are all there."""


class _Planned(NamedTuple):
    exported: ExportSummary
    heads: HeadsSummary
    key_prefixes: frozenset[str]
    """Of a round: those of its agents' keys."""


def export_bundle(
    connection: Connection,
    signer: Signer,
    path: Path,
    *,
    round_id: str | None,
    now: str,
    progress: Progress = NO_PROGRESS,
) -> ExportSummary:
    """Write everything, or what belongs to a round, from one snapshot of the database, with the latest checkpoint, which
    should be a new one. The connection is in a transaction. Raises ``UnknownRoundError``, ``StaleCheckpointError`` or ``UnwritableFileError``."""
    published = [_round_json(row) for row in connection.execute(select(rounds).order_by(rounds.c.round_id))]
    if round_id is not None:
        published = [each for each in published if each["round_id"] == round_id]
        if not published:
            raise UnknownRoundError(round_id)
    latest = read_latest_checkpoint(connection)
    _require_closed(latest, published)
    boards = [read_board(connection, round_id=each["round_id"]) for each in published]
    with atomic_write(path) as unfinished, zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as bundle:
        with open_index() as index:
            planned = _plan(connection, index, round_id)
            progress.begin("episodes", planned.exported.episodes)
            with _lines(bundle, "episodes.jsonl") as write:
                _write_episodes(connection, signer, index, write, progress)
        manifest = _manifest(connection, signer, published, round_id, planned.key_prefixes, now)
        with _lines(bundle, "heads.jsonl") as write:
            for head in _heads_of_checkpoint(connection, latest, round_id):
                write(list(head))
        with _lines(bundle, "checkpoints.jsonl") as write:
            for each in read_checkpoints(connection):
                write(each)
        bundle.writestr("checkpoint.json", json.dumps(latest))
        bundle.writestr("boards.json", json.dumps(boards, indent=1))
        bundle.writestr("manifest.json", json.dumps(manifest, indent=1))
        statement = bundle_statement(manifest, boards, planned.heads, latest["statement"] if latest else None)
        bundle.writestr("signature.json", json.dumps(signer.sign(statement), indent=1))
        progress.finish()
    return planned.exported


def _require_closed(latest: dict[str, Any] | None, published: list[dict[str, Any]]) -> None:
    signed = {each["round"] for each in latest["statement"]["rounds"] if each["closed_at"]} if latest else set()
    if any(each["closed_at"] and each["round_id"] not in signed for each in published):
        raise StaleCheckpointError(
            "a round was closed after the latest checkpoint; make one with mlops-debug checkpoint"
        )


def _manifest(
    connection: Connection,
    signer: Signer,
    published: list[dict[str, Any]],
    round_id: str | None,
    key_prefixes: frozenset[str],
    now: str,
) -> dict[str, Any]:
    known = connection.execute(select(keys.c.prefix, keys.c.name, keys.c.kind).order_by(keys.c.prefix))
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
            for row in known
            if round_id is None or row.prefix in key_prefixes
        ],
    }


def _plan(connection: Connection, index: EpisodeIndex, round_id: str | None) -> _Planned:
    """Note all episodes with their scenarios, those of running ones not among them, and hash their heads."""
    # By name, not by a read model: a row that is missing there must not leave an episode out here.
    columns = (streams.c.stream_id, event_rows.c.version, event_rows.c.kind, event_rows.c.hash)
    found = last_events(connection, *columns, round_id=round_id)
    hashed = HeadsHash()
    running = written = 0
    prefixes: set[str] = set()
    with open_index() as ended:
        for rows in _partitions(connection, found, lambda row: row.stream_id, round_id):
            index.add(row.stream_id for row in rows)
            ended.add(row.stream_id for row in rows if row.kind in ENDING_KINDS)
            running += sum(row.kind not in ENDING_KINDS for row in rows)
            written += sum(row.version for row in rows)
            for row in rows:
                hashed.add(StreamHead(row.stream_id, row.version, row.hash.hex()))
            if round_id is not None:
                prefixes.update(row.stream_id.split(".", 1)[0] for row in rows)
        resets = select(events.c.stream_id, events.c.payload).where(events.c.version == 1)
        if round_id is not None:
            of_round = select(streams.c.stream_id).where(named_as_attempt_of(round_id))
            resets = resets.where(events.c.stream_id.in_(of_round))
        for rows in _partitions(connection, resets, lambda row: row.stream_id, round_id):
            named = {row.stream_id: _scenario_of(row.payload) for row in rows}
            index.set_scenarios((name, named[name]) for name in ended.which(named))
    exported = ExportSummary(hashed.streams, running, written)
    return _Planned(exported, HeadsSummary(hashed.streams, written, hashed.hex()), frozenset(prefixes))


def _partitions(
    connection: Connection, query: Any, name_of: Callable[[Any], str], round_id: str | None
) -> Iterator[list[Any]]:
    for rows in connection.execute(query, execution_options={"yield_per": _FETCHED}).partitions():
        # LIKE ignores case in some databases.
        yield [row for row in rows if round_id is None or round_of_name(name_of(row)) == round_id]


def _scenario_of(payload: str) -> str:
    """The digest that a reset names; empty: it cannot be read, as verification reports."""
    try:
        return str(json.loads(payload)["scenario_digest"])
    except (ValueError, LookupError, TypeError):
        return NO_SCENARIO


def _write_episodes(
    connection: Connection, signer: Signer, index: EpisodeIndex, write: Callable[[Any], None], progress: Progress
) -> None:
    before = NO_SCENARIO
    for batch in index.groups(EPISODES_AT_A_TIME):
        if batch.digest != before:
            before = batch.digest
            for each in _scenario_json(connection, batch.digest):
                write(each)
        for links in _read_streams(connection, batch):
            write(episode_json(links, signer))
            progress.advance()


def _read_streams(connection: Connection, batch: NamedBatch) -> Iterator[tuple[Link, ...]]:
    rows = connection.execute(
        select(events).where(events.c.stream_id.in_(batch.names)).order_by(events.c.stream_id, events.c.version)
    )
    for _, found in groupby(rows, key=lambda row: row.stream_id):
        yield tuple(to_link(row) for row in found)


def episode_json(links: tuple[Link, ...], signer: Signer) -> dict[str, Any]:
    """An episode: its events, and its receipt if it has ended."""
    name, has_ended = links[0].stream_id, links[-1].kind in ENDING_KINDS
    return {
        "episode": name,
        "events": [event_json(each, is_withheld=each.kind == "reset" and not has_ended) for each in links],
        "receipt": _receipt(name, links, signer) if has_ended else None,
    }


def _receipt(name: str, links: tuple[Link, ...], signer: Signer) -> dict[str, Any] | None:
    try:
        folded = fold_links(links)
    except ValueError:
        return None  # verification reports why it cannot be folded
    return signer.sign(receipt_statement(name, folded.state, folded.head))


def event_json(each: Link, *, is_withheld: bool) -> dict[str, Any]:
    """One event. The payload as text, because its very bytes are what the chain covers; of a withheld one, its digest."""
    payload = None if is_withheld or each.payload is None else each.payload.decode()
    return {
        "version": each.version,
        "position": each.position,
        "kind": each.kind,
        "schema_version": each.schema_version,
        "recorded_at": each.recorded_at,
        "actor": each.actor,
        "request_id": each.request_id,
        "payload": payload,
        **({"payload_digest": each.payload_digest.hex()} if payload is None else {}),
        "hash": each.hash.hex(),
    }


def _scenario_json(connection: Connection, digest: str) -> Iterator[dict[str, Any]]:
    row = connection.execute(select(scenarios).where(scenarios.c.digest == digest)).one_or_none()
    if row is not None:  # verification reports a missing one
        body = zlib.decompress(row.body).decode()
        yield {"scenario": {"digest": digest, "split": row.split, "body": body}}


def _heads_of_checkpoint(
    connection: Connection, latest: dict[str, Any] | None, round_id: str | None
) -> Iterable[StreamHead]:
    """The heads of the checkpoint; of a round only its own, if the checkpoint has their hash."""
    if latest is None:
        return ()
    statement = latest["statement"]
    has_own = any(each["round"] == round_id and "heads_hash" in each for each in statement["rounds"])
    only = round_id if has_own else None
    return iterate_heads(connection, statement["position"], round_id=only, is_snapshot=True)


@contextmanager
def _lines(bundle: zipfile.ZipFile, name: str) -> Iterator[Callable[[Any], None]]:
    """A member of any size with one JSON value a line."""
    with bundle.open(name, "w", force_zip64=True) as out:
        yield lambda value: _write_line(out, value)


def _write_line(out: IO[bytes], value: Any) -> None:
    out.write(json.dumps(value).encode() + b"\n")


def _round_json(row: Any) -> dict[str, Any]:
    """A row of rounds; the secret is in the table only after it was revealed."""
    return dict(row._mapping)
