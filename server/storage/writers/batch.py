"""Writes a batch of commits in one transaction, with an outcome for each commit."""

from __future__ import annotations

from functools import partial
from typing import Any, Sequence

from sqlalchemy import Connection, bindparam
from sqlalchemy.exc import DBAPIError, IntegrityError

from server.storage.errors import (
    ConnectionLostError,
    RequestIdReusedError,
    RowRefusedError,
    StoreError,
    StoreUnavailableError,
    UnansweredCommitError,
    WrongExpectedVersionError,
)
from server.storage.payloads import split_digests
from server.storage.schema import events
from server.storage.sql import Statement, multi_row_insert, run_rows
from server.storage.stream_codec import read_stream
from server.storage.writers.protocol import Commit, Outcome
from server.storage.writers.transaction import RunRows, transaction

_EVENT_COLUMNS = (
    "stream_id",
    "version",
    "kind",
    "schema_version",
    "recorded_at",
    "actor",
    "request_id",
    "payload",
    "digests",
    "prev_hash",
    "hash",
)


_INSERT = Statement(
    events.insert().values({name: bindparam(name) for name in _EVENT_COLUMNS}),
    _EVENT_COLUMNS,
    multi_row_insert(events, _EVENT_COLUMNS),
)


CONFLICTS = ("uq_events_stream_version", "uq_events_stream_request_id", "events_follow")
"""Names of the constraints by which an append conflicts with another one."""


def write_batch(connection: Connection, batch: Sequence[Commit]) -> list[Outcome]:
    """Write commits to different streams in one transaction; return None or the error for each."""
    is_committing = False
    try:
        with transaction(connection) as run:
            _write(run, batch, is_alone=_is_sqlite(connection))
            is_committing = True
        return [None] * len(batch)
    except IntegrityError:
        # Some commit is in conflict, and the error does not name it: retry each alone.
        return _write_each(connection, batch)
    except (DBAPIError, OSError) as error:
        if _is_sqlite(connection) or _is_lost(error):
            return [_unavailable(error, is_committing)] * len(batch)
        # One commit may wait for another server's transaction, or contain what cannot be stored: the others must not fail.
        return _write_each(connection, batch)


def write_again(connection: Connection, batch: Sequence[Commit]) -> list[Outcome]:
    """Write again after an ``UnansweredCommitError``; commits that are in the database already count as written."""
    return _write_each(connection, batch, may_be_written=True)


def _write_each(connection: Connection, batch: Sequence[Commit], *, may_be_written: bool = False) -> list[Outcome]:
    is_committing = False
    try:
        with connection.begin():
            outcomes = [_write_alone(connection, commit, may_be_written) for commit in batch]
            is_committing = True
        return outcomes
    except (DBAPIError, OSError) as error:
        if may_be_written:
            return [UnansweredCommitError(_reason(error))] * len(batch)
        return [_unavailable(error, is_committing)] * len(batch)


def _write(run: RunRows, batch: Sequence[Commit], *, is_alone: bool) -> None:
    """``is_alone``: no other server writes at the same time."""
    appends = [append for commit in batch for append in commit.appends]
    if not is_alone:
        appends.sort(key=lambda append: append.stream_id)
    parameters = [
        (
            each.stream_id,
            each.version,
            each.kind,
            each.schema_version,
            each.recorded_at,
            each.actor,
            each.request_id,
            *split_digests(each.kind, (each.payload or b"").decode()),
            each.prev_hash,
            each.hash,
        )
        for append in appends
        for each in append.linked
    ]
    run(_INSERT, parameters)
    grouped: dict[Statement, list[tuple[Any, ...]]] = {}
    for append in appends:
        for row in append.rows:
            grouped.setdefault(row.statement, []).append(row.values)
    for statement, values in grouped.items():
        if not is_alone:
            values.sort(key=_first)  # as the streams are: in one order on every server
        run(statement, values)


def _first(values: tuple[Any, ...]) -> str:
    return str(values[0])


def _write_alone(connection: Connection, commit: Commit, may_be_written: bool) -> Outcome:
    if may_be_written and _is_written(connection, commit):
        return None
    refusal = _refusal(connection, commit)
    if refusal is not None:
        return refusal
    try:
        with connection.begin_nested():
            _write(partial(run_rows, connection), [commit], is_alone=_is_sqlite(connection))
        return None
    except IntegrityError as error:
        if not any(name in str(error.orig) for name in CONFLICTS):
            return RowRefusedError(str(error.orig))
        # Another server, or this one's own unanswered commit, wrote between the query and the write.
        return None if may_be_written and _is_written(connection, commit) else _refusal(connection, commit) or error
    except DBAPIError as error:
        if _is_sqlite(connection) or _is_lost(error):
            raise
        # The lock that it waited for may be that of its own unanswered commit.
        return (UnansweredCommitError if may_be_written else StoreUnavailableError)(_reason(error))


def _is_written(connection: Connection, commit: Commit) -> bool:
    """Whether the events are stored. The last hash of the first append is enough: it covers all before it, and all appends
    share one transaction."""
    first = commit.appends[0]
    stream, last = read_stream(connection, first.stream_id), first.linked[-1]
    return len(stream) >= last.version and stream[last.version - 1].hash == last.hash


def _refusal(connection: Connection, commit: Commit) -> StoreError | None:
    """Why an append does not continue its stream; None: all do."""
    for append in commit.appends:
        stream = read_stream(connection, append.stream_id)
        used = {each.request_id for each in stream}
        for each in append.linked:
            if each.request_id is not None and each.request_id in used:
                return RequestIdReusedError(append.stream_id, each.request_id)
        actual = stream[-1].version if stream else 0
        if actual != append.expected_version:
            return WrongExpectedVersionError(append.stream_id, append.expected_version, actual)
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
