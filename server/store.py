"""The event store: streams, versions, bytes, hashes. It does not know what an event means.

Rule 1: an append is acknowledged only after its transaction is durable. Rule 2: an append whose expected version is not
current fails alone, whatever it shares a transaction with. Rule 3: rows given with an append are written with it or not
at all; what they say is not looked at. Rule 4: nothing here changes or removes an event.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from functools import partial
from typing import Any, Iterator, Sequence

from sqlalchemy import Connection, Row, Select, bindparam, select
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.chain import Link, digest_of
from server.statements import Statement, StatementRow, insert_together, run_rows
from server.store_errors import (
    ConnectionLostError,
    RequestIdReusedError,
    RowRefusedError,
    StoreError,
    StoreUnavailableError,
    UnansweredCommitError,
    UnreadableEventError,
    WrongExpectedVersionError,
)
from server.tables import events
from server.transaction import RunRows, transaction
from server.writer import Append, Outcome, Writer

_EVENT_COLUMNS = (
    "stream_id",
    "version",
    "kind",
    "schema_version",
    "recorded_at",
    "actor",
    "request_id",
    "payload",
    "prev_hash",
    "hash",
)
_INSERT = Statement(
    events.insert().values({name: bindparam(name) for name in _EVENT_COLUMNS}),
    _EVENT_COLUMNS,
    insert_together(events, _EVENT_COLUMNS),
)
CONFLICTS = ("uq_events_stream_id_version", "uq_events_stream_id_request_id", "events_follow")
"""What the database calls the constraints that make an append fail because of another one."""
_STREAM: Select[Any] = select(events).where(events.c.stream_id == bindparam("stream")).order_by(events.c.version)


class EventStore:
    """Appends go through the one writer; reads go through connections of their own."""

    def __init__(self, writer: Writer, reader: AsyncEngine) -> None:
        self._writer = writer
        self._reader = reader
        self._waiting = 0
        self._last_refusal: float | None = None

    @property
    def queue_depth(self) -> int:
        """Appends that wait for their answer."""
        return self._waiting

    def refused_within(self, seconds: float) -> bool:
        """Whether the database did not take the latest append, and that is not longer ago."""
        return self._last_refusal is not None and time.monotonic() - self._last_refusal <= seconds

    async def append(
        self, stream_id: str, expected_version: int, linked: Sequence[Link], rows: Sequence[StatementRow] = ()
    ) -> None:
        """Add events atomically at the expected version; returns once they are durable."""
        await self.write(Append(stream_id, expected_version, tuple(linked), tuple(rows)))

    async def write(self, append: Append) -> None:
        """The same with what is written beside it; an error names the stream of the part at fault."""
        for each in append.parts():
            if [link.version for link in each.linked] != [
                each.expected_version + n + 1 for n in range(len(each.linked))
            ]:
                raise ValueError(f"{each.stream_id}: events must be linked after version {each.expected_version}")
        self._waiting += 1
        try:
            await self._writer.submit(append)
            self._last_refusal = None
        except StoreUnavailableError:
            self._last_refusal = time.monotonic()
            raise
        finally:
            self._waiting -= 1

    async def read(self, stream_id: str) -> tuple[Link, ...]:
        """The whole stream in order; empty: there is none."""
        with unavailable_if_silent():
            async with self._reader.connect() as connection:
                found = await connection.execute(_STREAM, {"stream": stream_id})
                return tuple(to_link(row) for row in found)


@contextmanager
def unavailable_if_silent() -> Iterator[None]:
    """A database that fails, cannot be reached, or has no connection free is unavailable."""
    try:
        yield
    except DBAPIError as error:
        raise StoreUnavailableError(str(error.orig)) from error
    except (OSError, PoolTimeoutError) as error:
        raise StoreUnavailableError(str(error) or "it does not answer in time") from error


def read_stream(connection: Connection, stream_id: str) -> tuple[Link, ...]:
    """The same, over a connection at hand."""
    return tuple(to_link(row) for row in connection.execute(_STREAM, {"stream": stream_id}))


def to_link(row: Row[Any]) -> Link:
    """A stored row as a link; raises ``UnreadableEventError`` where a column has lost its type."""
    if not (isinstance(row.payload, str) and isinstance(row.hash, bytes) and isinstance(row.prev_hash, bytes)):
        raise UnreadableEventError(f"{row.stream_id}: version {row.version} holds a value of another type")
    payload = row.payload.encode()
    return Link(
        stream_id=row.stream_id,
        version=row.version,
        position=row.position,
        kind=row.kind,
        schema_version=row.schema_version,
        recorded_at=row.recorded_at,
        actor=row.actor,
        request_id=row.request_id,
        payload=payload,
        payload_digest=digest_of(payload),
        prev_hash=row.prev_hash,
        hash=row.hash,
    )


def write_batch(connection: Connection, batch: Sequence[Append]) -> list[Outcome]:
    """Write appends of different streams in one transaction; for each, null or why it was not written."""
    is_committing = False
    try:
        with transaction(connection) as run:
            _write(run, batch, is_alone=_is_sqlite(connection))
            is_committing = True
        return [None] * len(batch)
    except IntegrityError:
        # Some append is in conflict, and the transaction cannot say which: each again, alone.
        return _write_each(connection, batch)
    except (DBAPIError, OSError) as error:
        if _is_sqlite(connection) or _is_lost(error):
            return [_unavailable(error, is_committing)] * len(batch)
        # One append may wait for another server's transaction, or hold what cannot be stored: the others need not.
        return _write_each(connection, batch)


def write_again(connection: Connection, batch: Sequence[Append]) -> list[Outcome]:
    """The same after an ``UnansweredCommitError``: what the log holds already is no conflict, but was written."""
    return _write_each(connection, batch, may_be_written=True)


def _write_each(connection: Connection, batch: Sequence[Append], *, may_be_written: bool = False) -> list[Outcome]:
    is_committing = False
    try:
        with connection.begin():
            outcomes = [_write_alone(connection, append, may_be_written) for append in batch]
            is_committing = True
        return outcomes
    except (DBAPIError, OSError) as error:
        if may_be_written:
            return [UnansweredCommitError(_reason(error))] * len(batch)
        return [_unavailable(error, is_committing)] * len(batch)


def _write(run: RunRows, batch: Sequence[Append], *, is_alone: bool) -> None:
    """``is_alone``: no other server writes at the same time."""
    parts = [part for append in batch for part in append.parts()]
    if not is_alone:
        parts.sort(key=lambda part: part.stream_id)
    parameters = [
        (
            each.stream_id,
            each.version,
            each.kind,
            each.schema_version,
            each.recorded_at,
            each.actor,
            each.request_id,
            (each.payload or b"").decode(),
            each.prev_hash,
            each.hash,
        )
        for part in parts
        for each in part.linked
    ]
    run(_INSERT, parameters)
    grouped: dict[Statement, list[tuple[Any, ...]]] = {}
    for part in parts:
        for row in part.rows:
            grouped.setdefault(row.statement, []).append(row.values)
    for statement, values in grouped.items():
        if not is_alone:
            values.sort(key=_first)  # as the streams are: in one order on every server
        run(statement, values)


def _first(values: tuple[Any, ...]) -> str:
    return str(values[0])


def _write_alone(connection: Connection, append: Append, may_be_written: bool) -> Outcome:
    if may_be_written and _holds(connection, append):
        return None
    refusal = _refusal(connection, append)
    if refusal is not None:
        return refusal
    try:
        with connection.begin_nested():
            _write(partial(run_rows, connection), [append], is_alone=_is_sqlite(connection))
        return None
    except IntegrityError as error:
        if not any(name in str(error.orig) for name in CONFLICTS):
            return RowRefusedError(str(error.orig))
        # Another server was faster between the look and the write, or this one's own unanswered commit was.
        return None if may_be_written and _holds(connection, append) else _refusal(connection, append) or error
    except DBAPIError as error:
        if _is_sqlite(connection) or _is_lost(error):
            raise
        # Where it may have been written, what it waited for may be its own commit.
        return (UnansweredCommitError if may_be_written else StoreUnavailableError)(_reason(error))


def _holds(connection: Connection, append: Append) -> bool:
    """Whether the stream holds just these events: a hash covers everything before it. What is beside shared the commit."""
    stream, last = read_stream(connection, append.stream_id), append.linked[-1]
    return len(stream) >= last.version and stream[last.version - 1].hash == last.hash


def _refusal(connection: Connection, append: Append) -> StoreError | None:
    """Why a part cannot follow its stream; null: all can."""
    for part in append.parts():
        stream = read_stream(connection, part.stream_id)
        used = {each.request_id for each in stream}
        for each in part.linked:
            if each.request_id is not None and each.request_id in used:
                return RequestIdReusedError(part.stream_id, each.request_id)
        actual = stream[-1].version if stream else 0
        if actual != part.expected_version:
            return WrongExpectedVersionError(part.stream_id, part.expected_version, actual)
    return None


def _is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def _unavailable(error: DBAPIError | OSError, is_committing: bool) -> StoreUnavailableError:
    if not _is_lost(error):
        return StoreUnavailableError(_reason(error))
    return (UnansweredCommitError if is_committing else ConnectionLostError)(_reason(error))


def _is_lost(error: DBAPIError | OSError) -> bool:
    """Whether the connection is gone."""
    return isinstance(error, OSError) or error.connection_invalidated


def _reason(error: DBAPIError | OSError) -> str:
    return (str(error.orig) if isinstance(error, DBAPIError) else str(error)) or "it does not answer in time"
