"""Frames between server processes and the process that writes their SQLite file, over a local stream socket.

A frame is a head (length of the body, kind, number) and a body. Both ends are the same program: bodies are in Python's own
formats, which no other program is meant to read.
"""

from __future__ import annotations

import marshal
import pickle
import struct
import sys
import zlib
from array import array
from enum import IntEnum
from functools import lru_cache
from typing import Any, Iterable, Iterator, NamedTuple, Sequence

from domain.chain import Link
from server.storage.sql import Statement, StatementRow
from server.storage.writers.protocol import Append, Commit, Outcome

_HEAD = struct.Struct("!IBQ")


class FrameKind(IntEnum):
    HELLO = 0
    """The writer is ready; the body is why the database might lose what it acknowledged, where that was accepted."""
    COMMITS = 1
    COMMITS_AGAIN = 2
    """Commits that were sent before and not answered: some of them may be in the database."""
    OUTCOMES = 3
    """The outcomes of the commits of the same number."""
    MESSAGE = 4
    """To all server processes, in one order."""
    METRICS = 5
    """Asks for the measurements of the writer, and answers with them."""
    WRITTEN = 6
    """What another server's commits, or another program, has written, in the order of the commits: groups of names; empty: anything."""
    SYNC = 7
    """Asks for what was written until now, and is the answer after it."""


class Frame(NamedTuple):
    kind: FrameKind
    number: int
    body: bytes


def encode_frame(kind: FrameKind, number: int = 0, body: bytes = b"") -> bytes:
    return _HEAD.pack(len(body), kind, number) + body


class FrameDecoder:
    """Cuts a stream of bytes into frames."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, received: bytes) -> Iterator[Frame]:
        """The frames that are complete now."""
        rest = self._rest
        rest += received
        while len(rest) >= _HEAD.size:
            length, kind, number = _HEAD.unpack_from(rest)
            end = _HEAD.size + length
            if len(rest) < end:
                return
            body = bytes(rest[_HEAD.size : end])
            del rest[:end]
            yield Frame(FrameKind(kind), number, body)


GROUPS = 1 << 16
"""Names are told by their hash: two of one group count as one, which costs a look at the database and is never wrong."""


def group_of(name: str) -> int:
    """The group of a name, the same in every process."""
    return zlib.crc32(name.encode()) % GROUPS


def encode_written(commits: Iterable[Commit]) -> bytes:
    """The groups of the streams and sessions that these commits have changed."""
    groups = array("H")
    for commit in commits:
        for append in commit.appends:
            groups.append(group_of(append.stream_id))
            groups.extend([group_of(row.values[0]) for row in append.rows if row.statement.is_named])
    return groups.tobytes()


def decode_written(body: bytes) -> Sequence[int]:
    """The groups; empty: anything."""
    return array("H", body)


def encode_commits(commits: Sequence[Commit]) -> bytes:
    """Plain tuples in the fastest format there is; statements by the names of their module and of themselves."""
    return marshal.dumps([[_plain_append(append) for append in commit.appends] for commit in commits])


def _plain_append(append: Append) -> tuple[Any, ...]:
    linked = [tuple(each) for each in append.linked]
    rows = [(_name_of(row.statement), tuple(row.values)) for row in append.rows]
    return append.stream_id, append.expected_version, linked, rows


def decode_commits(body: bytes) -> list[Commit]:
    return [Commit(tuple(_append(*plain) for plain in appends)) for appends in marshal.loads(body)]


def _append(stream_id: str, expected_version: int, linked: list[Any], rows: list[Any]) -> Append:
    return Append(
        stream_id,
        expected_version,
        tuple([Link(*each) for each in linked]),
        tuple([StatementRow(_statement(*name), values) for name, values in rows]),
    )


def encode_outcomes(outcomes: Sequence[Outcome]) -> bytes:
    """Empty: all were committed."""
    if not any(outcomes):
        return b""
    return pickle.dumps([None if each is None else _plain_error(each) for each in outcomes])


def decode_outcomes(body: bytes, count: int) -> Sequence[Outcome]:
    if not body:
        return [None] * count
    return [None if each is None else _error(*each) for each in pickle.loads(body)]


def _plain_error(error: Exception) -> tuple[Any, ...]:
    """The parts of an error. It is not pickled itself: that calls its class with the message, which is not what most of ours
    take."""
    plain = (type(error), error.args, vars(error))
    try:
        pickle.dumps(plain)
    except Exception:  # noqa: BLE001 - an error of a driver may hold anything
        return (RuntimeError, (f"{type(error).__name__}: {error}",), {})
    return plain


def _error(kind: type[Exception], args: tuple[Any, ...], attributes: dict[str, Any]) -> Exception:
    error = kind.__new__(kind, *args)
    error.args = args
    vars(error).update(attributes)
    return error


@lru_cache(maxsize=256)
def _name_of(statement: Statement) -> tuple[str, str]:
    """Module and name of a statement: each of ours is a constant of a module."""
    for module in [*sys.modules.values()]:
        for name, value in [*vars(module).items()]:
            if value is statement:
                return module.__name__, name
    raise LookupError(f"a statement that is no constant of a module cannot be sent: {statement.clause}")


@lru_cache(maxsize=256)
def _statement(module: str, name: str) -> Statement:
    __import__(module)
    found: Statement = getattr(sys.modules[module], name)
    return found
