"""Signed checkpoints: one hash over the heads of all streams, and the hash of the checkpoint before.

A copy stored elsewhere shows which episodes were removed or rolled back since. The file of a checkpoint also lists
the heads, so that what is missing can be named; the list is covered by the signature through its hash.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Iterable, Iterator, NamedTuple

from sqlalchemy import Connection, Row, bindparam, func, select

from domain.chain import canonical, digest_of
from server.security.signing import Signer
from server.storage.positions import safe_position
from server.storage.schema import checkpoints, event_rows, rounds, streams

_LAST_VERSIONS = (
    select(event_rows.c.stream, func.max(event_rows.c.version).label("version"))
    .where(event_rows.c.position <= bindparam("until"))
    .group_by(event_rows.c.stream)
    .subquery()
)
_HEADS = (
    select(streams.c.stream_id, event_rows.c.version, event_rows.c.hash)
    .join(_LAST_VERSIONS, _LAST_VERSIONS.c.stream == streams.c.stream)
    .join(
        event_rows,
        (event_rows.c.stream == _LAST_VERSIONS.c.stream) & (event_rows.c.version == _LAST_VERSIONS.c.version),
    )
)
_LATEST = select(checkpoints).order_by(checkpoints.c.number.desc()).limit(1)
_ALL = select(checkpoints).order_by(checkpoints.c.number)


ROUND_COLUMNS = (
    *("commitment", "closed_at", "suite_id", "suite_digest", "attempts", "rubric_version", "generator_version"),
    *("opened_at", "split"),
)
"""Columns of each round in a checkpoint; earlier versions wrote the first two only."""


class StreamHead(NamedTuple):
    """The last event of a stream."""

    stream_id: str
    version: int
    hash: str
    """Hex."""


def read_heads(connection: Connection, position: int) -> list[StreamHead]:
    """The heads as they were up to a position, in the order in which they are hashed."""
    return list(_heads(connection, position))


def _heads(connection: Connection, position: int) -> Iterator[StreamHead]:
    # By code points, as Python compares texts.
    is_sqlite = connection.dialect.name == "sqlite"
    query = _HEADS.order_by(streams.c.stream_id.collate("BINARY" if is_sqlite else "C"))
    if is_sqlite:
        # One call that fetches all of them would hold the interpreter for long. PostgreSQL has cursors in transactions only.
        query = query.execution_options(yield_per=1000)
    for row in connection.execute(query, {"until": position}):
        yield StreamHead(row.stream_id, row.version, _hex(row.hash))


def heads_hash(heads: Iterable[StreamHead]) -> str:
    """SHA-256 over one canonical line a head, sorted by stream."""
    return _hash_of_sorted(sorted(heads)).heads_hash


class _Heads(NamedTuple):
    streams: int
    heads_hash: str


def _hash_of_sorted(heads: Iterable[StreamHead]) -> _Heads:
    hashed, streams = hashlib.sha256(), 0
    for each in heads:
        hashed.update(canonical(list(each)) + b"\n")
        streams += 1
    return _Heads(streams, hashed.hexdigest())


def statement_hash(statement: dict[str, Any]) -> str:
    return digest_of(canonical(statement)).hex()


def draft_checkpoint(connection: Connection, signer: Signer, *, now: str) -> dict[str, Any] | None:
    """Sign a checkpoint of all recorded events. None: nothing was recorded since the latest. Only reads, because hashing
    the heads takes longer than a write transaction may."""
    latest = read_latest_checkpoint(connection)
    committed = _read_rounds(connection)
    position = safe_position(connection)  # read after the rounds: the attempts of a closed round lie below it
    previous = latest["statement"] if latest is not None else None
    if previous is not None and (previous["position"], previous["rounds"]) == (position, committed):
        return None
    heads = _hash_of_sorted(_heads(connection, position))
    return signer.sign(
        {
            "kind": "checkpoint",
            "number": previous["number"] + 1 if previous is not None else 1,
            "position": position,
            "streams": heads.streams,
            "heads_hash": heads.heads_hash,
            "previous_hash": statement_hash(previous) if previous is not None else None,
            "rounds": committed,
            "signs_bundles": True,
            "made_at": now,
        }
    )


def store_checkpoint(connection: Connection, signed: dict[str, Any]) -> None:
    """Insert it; raises ``IntegrityError`` if another server stored one with this number first."""
    connection.execute(
        checkpoints.insert().values(
            number=signed["statement"]["number"],
            statement=canonical(signed["statement"]).decode(),
            public_key=signed["public_key"],
            signature=signed["signature"],
        )
    )


def read_latest_checkpoint(connection: Connection) -> dict[str, Any] | None:
    """The newest checkpoint, without its heads. None: there is none."""
    row = connection.execute(_LATEST).one_or_none()
    return to_signed(row) if row is not None else None


def read_checkpoints(connection: Connection) -> list[dict[str, Any]]:
    """The oldest first."""
    return [to_signed(row) for row in connection.execute(_ALL)]


def with_heads(connection: Connection, signed: dict[str, Any]) -> dict[str, Any]:
    """The checkpoint with its heads, as it is written to a file."""
    heads = read_heads(connection, signed["statement"]["position"])
    return {**signed, "heads": [list(each) for each in heads]}


def to_signed(row: Row[Any]) -> dict[str, Any]:
    return {"statement": json.loads(row.statement), "public_key": row.public_key, "signature": row.signature}


def _read_rounds(connection: Connection) -> list[dict[str, Any]]:
    """All columns of every round, so that none can be changed unnoticed after the first checkpoint."""
    found = [row._mapping for row in connection.execute(select(rounds))]
    return sorted(
        ({"round": row["round_id"], **{name: row[name] for name in ROUND_COLUMNS}} for row in found),
        key=lambda each: str(each["round"]),
    )


def _hex(stored: object) -> str:
    """A hash that was replaced by text differs from every real one; it is not an error."""
    return stored.hex() if isinstance(stored, bytes) else str(stored)
