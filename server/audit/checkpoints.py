"""Signed checkpoints: one hash over the heads of all streams, and the hash of the checkpoint before.

A copy stored elsewhere shows which episodes were removed or rolled back since. The file of a checkpoint also lists
the heads, so that what is missing can be named; the list is covered by the signature through its hash.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Iterable, Iterator, NamedTuple, TextIO

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, func, select

from domain.chain import canonical, digest_of
from domain.ranking.rounds import round_of_name
from server.progress import NO_PROGRESS, Progress
from server.security.signing import Signer
from server.storage.positions import safe_position
from server.storage.schema import checkpoints, event_rows, rounds, streams

_LATEST = select(checkpoints).order_by(checkpoints.c.number.desc()).limit(1)
_NEXT = select(checkpoints).where(checkpoints.c.number > bindparam("after")).order_by(checkpoints.c.number).limit(100)


ROUND_COLUMNS = (
    *("commitment", "closed_at", "suite_id", "suite_digest", "attempts", "rubric_version", "generator_version"),
    *("opened_at", "split"),
)
"""Columns of each round in a checkpoint; earlier versions wrote the first two only."""
OF_ATTEMPTS = ("streams", "heads_hash")
"""What a checkpoint has of the attempts of each round beside its columns, so that a round can be proved to be complete by itself."""


class StreamHead(NamedTuple):
    """The last event of a stream."""

    stream_id: str
    version: int
    hash: str
    """Hex."""


def last_events(
    connection: Connection, *columns: Any, round_id: str | None = None, until: int | None = None
) -> Select[Any]:
    """The query for columns of the last event of each stream, by name in the order of code points, as Python compares texts.

    Args:
        connection: of the database.
        columns: of ``streams`` and ``event_rows``.
        round_id: only of streams named like attempts of this round, and nothing is read of the others.
        until: only events up to this position.
    """
    last = select(event_rows.c.stream, func.max(event_rows.c.version).label("version")).group_by(event_rows.c.stream)
    if until is not None:
        last = last.where(event_rows.c.position <= until)
    if round_id is not None:
        last = last.where(event_rows.c.stream.in_(select(streams.c.stream).where(named_as_attempt_of(round_id))))
    found = last.subquery()
    is_last = (event_rows.c.stream == found.c.stream) & (event_rows.c.version == found.c.version)
    order = streams.c.stream_id.collate("BINARY" if connection.dialect.name == "sqlite" else "C")
    return (
        select(*columns)
        .select_from(streams)
        .join(found, found.c.stream == streams.c.stream)
        .join(event_rows, is_last)
        .order_by(order)
    )


def read_heads(connection: Connection, position: int) -> list[StreamHead]:
    """The heads as they were up to a position, in the order in which they are hashed."""
    return list(iterate_heads(connection, position))


def iterate_heads(
    connection: Connection, position: int, *, round_id: str | None = None, is_snapshot: bool = False
) -> Iterator[StreamHead]:
    """The same, one by one; with ``round_id``, of the attempts of a round. ``is_snapshot``: the connection is in a transaction."""
    query = last_events(
        connection,
        streams.c.stream_id,
        event_rows.c.version,
        event_rows.c.hash,
        round_id=round_id,
        until=position,
    )
    if connection.dialect.name == "sqlite" or is_snapshot:
        # One call that fetches all of them would hold the interpreter for long. PostgreSQL has cursors in transactions only.
        query = query.execution_options(yield_per=1000)
    for row in connection.execute(query):
        if round_id is None or round_of_name(row.stream_id) == round_id:
            yield StreamHead(row.stream_id, row.version, _hex(row.hash))


def named_as_attempt_of(round_id: str) -> ColumnElement[bool]:
    """The condition on ``streams`` for names like those of the attempts of a round. `round_of_name` decides: LIKE ignores case in
    some databases."""
    escaped = round_id.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%")
    return streams.c.stream_id.like(f"k________.{escaped}:%", escape="\\")


def heads_hash(heads: Iterable[StreamHead]) -> str:
    """SHA-256 over one canonical line a head, sorted by stream."""
    return hash_sorted_heads(sorted(heads))


def hash_sorted_heads(heads: Iterable[StreamHead]) -> str:
    """`heads_hash` of heads that come in their order, and need not fit in memory."""
    hashed = HeadsHash()
    for each in heads:
        hashed.add(each)
    return hashed.hex()


class HeadsHash:
    """`heads_hash` of heads that are added in their order."""

    def __init__(self) -> None:
        self._hashed = hashlib.sha256()
        self.streams = 0

    def add(self, head: StreamHead) -> None:
        self._hashed.update(canonical(list(head)) + b"\n")
        self.streams += 1

    def hex(self) -> str:
        return self._hashed.hexdigest()


def statement_hash(statement: dict[str, Any]) -> str:
    return digest_of(canonical(statement)).hex()


def draft_checkpoint(
    connection: Connection, signer: Signer, *, now: str, progress: Progress = NO_PROGRESS
) -> dict[str, Any] | None:
    """Sign a checkpoint of all recorded events. None: nothing was recorded since the latest. Only reads, because hashing
    the heads takes longer than a write transaction may."""
    latest = read_latest_checkpoint(connection)
    committed = _read_rounds(connection)
    position = safe_position(connection)  # read after the rounds: the attempts of a closed round lie below it
    previous = latest["statement"] if latest is not None else None
    if previous is not None and previous["position"] == position and _is_of_same_rounds(previous, committed):
        return None
    heads, of_rounds = HeadsHash(), {str(each["round"]): HeadsHash() for each in committed}
    for each in iterate_heads(connection, position):
        heads.add(each)
        progress.advance()
        if (name := round_of_name(each.stream_id)) in of_rounds:
            of_rounds[name].add(each)
    return signer.sign(
        {
            "kind": "checkpoint",
            "number": previous["number"] + 1 if previous is not None else 1,
            "position": position,
            "streams": heads.streams,
            "heads_hash": heads.hex(),
            "previous_hash": statement_hash(previous) if previous is not None else None,
            "rounds": [_with_heads_of_round(each, of_rounds[str(each["round"])]) for each in committed],
            "signs_bundles": True,
            "made_at": now,
        }
    )


def _is_of_same_rounds(previous: dict[str, Any], committed: list[dict[str, Any]]) -> bool:
    """Whether a checkpoint is of these rounds, and has the heads of each by themselves, as earlier versions did not write."""
    columns = [{name: value for name, value in each.items() if name not in OF_ATTEMPTS} for each in previous["rounds"]]
    return columns == committed and all("heads_hash" in each for each in previous["rounds"])


def _with_heads_of_round(committed: dict[str, Any], heads: HeadsHash) -> dict[str, Any]:
    return {**committed, "streams": heads.streams, "heads_hash": heads.hex()}


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


def read_checkpoints(connection: Connection) -> Iterator[dict[str, Any]]:
    """The oldest first, one by one: each lists all rounds, and there is one an hour."""
    after = 0
    while rows := connection.execute(_NEXT, {"after": after}).all():
        yield from map(to_signed, rows)
        after = rows[-1].number


def read_checkpoint_of(connection: Connection, number: int) -> dict[str, Any] | None:
    """The checkpoint of a number. None: there is none."""
    row = connection.execute(select(checkpoints).where(checkpoints.c.number == number)).one_or_none()
    return to_signed(row) if row is not None else None


def with_heads(connection: Connection, signed: dict[str, Any]) -> dict[str, Any]:
    """The checkpoint with its heads, as it is written to a file."""
    heads = read_heads(connection, signed["statement"]["position"])
    return {**signed, "heads": [list(each) for each in heads]}


def write_with_heads(connection: Connection, signed: dict[str, Any], file: TextIO, progress: Progress) -> None:
    """Write the checkpoint with its heads as JSON, head by head. The connection is in a transaction."""
    file.write(json.dumps(signed, indent=1).removesuffix("\n}") + ',\n "heads": [')
    separator = "\n  "
    for each in iterate_heads(connection, signed["statement"]["position"], is_snapshot=True):
        file.write(separator + json.dumps(list(each)))
        separator = ",\n  "
        progress.advance()
    file.write("\n ]\n}\n")


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
