"""The process that writes the SQLite file for all server processes of one ``serve --workers N``.

One thread: it reads what has arrived from all of them, writes it in one transaction, and answers. What arrives meanwhile shares the
next transaction, so that a flush of the disk is shared by all processes, and no writer waits for another one's lock or for the
interpreter of a busy event loop.
"""

from __future__ import annotations

import logging
import selectors
import socket
import sqlite3
import time
from contextlib import suppress
from multiprocessing.connection import Connection as Pipe
from typing import Any, Callable, NamedTuple, Sequence

from sqlalchemy import Connection

from server.storage.engines import shorten_lock_timeout
from server.storage.writers.batch import write_again
from server.storage.writers.frames import (
    Frame,
    FrameDecoder,
    FrameKind,
    decode_commits,
    encode_frame,
    encode_outcomes,
    encode_written,
)
from server.storage.writers.protocol import Commit, Outcome, WriteBatch, take_batch, write_or_fail
from server.storage.writers.sqlite import LATE_SECONDS

logger = logging.getLogger(__name__)

_CHUNK = 1 << 18


class _Batch:
    """The outcomes of the commits of one frame; answered when all are there."""

    __slots__ = ("number", "outcomes", "server", "unwritten")

    def __init__(self, server: _Server, number: int, count: int) -> None:
        self.server = server
        self.number = number
        self.outcomes: list[Outcome] = [None] * count
        self.unwritten = count


class _Waiting(NamedTuple):
    """A commit of a frame that is to be written."""

    commit: Commit
    batch: _Batch
    place: int
    since: float
    may_be_written: bool


class _Server:
    """The connection of one server process."""

    __slots__ = ("decoder", "outgoing", "socket")

    def __init__(self, accepted: socket.socket) -> None:
        accepted.setblocking(False)
        self.socket = accepted
        self.decoder = FrameDecoder()
        self.outgoing = bytearray()
        """What the socket did not take yet."""


class WriterProcess:
    """Serves until it is told to stop and every server process has closed its connection."""

    def __init__(
        self,
        connection: Connection,
        write: WriteBatch,
        listener: socket.socket,
        control: Pipe,
        *,
        batch_limit: int,
        durability_warning: str | None = None,
        measurements: Callable[[], bytes] = bytes,
    ) -> None:
        """``control``: closed, or sent to, by the process that started this one, when it is to stop."""
        self._connection = connection
        self._write = write
        self._listener = listener
        self._batch_limit = batch_limit
        self._hello = encode_frame(FrameKind.HELLO, body=(durability_warning or "").encode())
        self._measurements = measurements
        self._waiting: list[_Waiting] = []
        self._servers: dict[socket.socket, _Server] = {}
        self._is_stopping = False
        self._data_version: int | None = None
        """None: not known."""
        self._selector = selectors.DefaultSelector()
        self._control = control
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ)
        self._selector.register(control, selectors.EVENT_READ)

    def serve(self) -> None:
        self._find_foreign_writes()  # what was before is told by the greeting
        while self._waiting or self._servers or not self._is_stopping:
            self._take(None if not self._waiting else 0)
            if self._waiting:
                self._commit()

    def _take(self, timeout: float | None) -> None:
        """Handle what has arrived; ``timeout`` None: wait for something."""
        for key, events in self._selector.select(timeout):
            if key.fileobj is self._control:
                self._is_stopping = True
                self._selector.unregister(self._control)
                self._accept()  # who connected before the stop is still served
            elif key.fileobj is self._listener:
                self._accept()
            else:
                server = self._servers.get(key.fileobj)  # type: ignore[call-overload]
                if server is not None:  # dropped meanwhile
                    self._serve_server(server, events)

    def _accept(self) -> None:
        with suppress(BlockingIOError):
            while True:
                accepted, _ = self._listener.accept()
                server = self._servers[accepted] = _Server(accepted)
                self._selector.register(accepted, selectors.EVENT_READ)
                self._send(server, self._hello)

    def _serve_server(self, server: _Server, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                self._flush(server)
            if events & selectors.EVENT_READ:
                received = server.socket.recv(_CHUNK)
                if not received:
                    raise ConnectionResetError
                for frame in server.decoder.feed(received):
                    self._handle(server, frame)
        except BlockingIOError:
            pass
        except OSError:
            self._drop(server)  # the server process ended; what it had sent is written all the same

    def _handle(self, server: _Server, frame: Frame) -> None:
        if frame.kind in (FrameKind.COMMITS, FrameKind.COMMITS_AGAIN):
            commits = decode_commits(frame.body)
            batch, now = _Batch(server, frame.number, len(commits)), time.monotonic()
            is_again = frame.kind is FrameKind.COMMITS_AGAIN
            self._waiting += [_Waiting(commit, batch, place, now, is_again) for place, commit in enumerate(commits)]
        elif frame.kind is FrameKind.MESSAGE:
            for each in [*self._servers.values()]:
                self._send(each, encode_frame(FrameKind.MESSAGE, body=frame.body))
        elif frame.kind is FrameKind.SYNC:
            self._find_foreign_writes()
            self._send(server, encode_frame(FrameKind.SYNC, frame.number))
        elif frame.kind is FrameKind.METRICS:
            self._send(server, encode_frame(FrameKind.METRICS, frame.number, self._measurements()))

    def _commit(self) -> None:
        batch, deferred = take_batch(self._waiting[: self._batch_limit])
        self._waiting = deferred + self._waiting[self._batch_limit :]
        for part, write in (
            ([one for one in batch if not one.may_be_written], self._write),
            ([one for one in batch if one.may_be_written], write_again),
        ):
            if part:
                outcomes = self._write_in_time(write, part)
                self._tell_others(part)
                self._answer(part, outcomes)

    def _find_foreign_writes(self) -> None:
        """Tell all servers if another program has written since the last look."""
        driver: Any = self._connection.connection.dbapi_connection
        try:
            (data_version,) = driver.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error:
            data_version = None  # not known, so that anything may have been written
        if data_version is None or data_version != self._data_version:
            self._data_version = data_version
            for each in [*self._servers.values()]:
                self._send(each, encode_frame(FrameKind.WRITTEN))

    def _tell_others(self, written: Sequence[_Waiting]) -> None:
        """Before a commit is answered, each other server is told what it has changed."""
        if len(self._servers) < 2:
            return
        for each in [*self._servers.values()]:
            # What failed counts too: its outcome may be unknown.
            commits = [one.commit for one in written if one.batch.server is not each]
            if commits:
                self._send(each, encode_frame(FrameKind.WRITTEN, body=encode_written(commits)))

    def _answer(self, written: Sequence[_Waiting], outcomes: Sequence[Outcome]) -> None:
        for one, outcome in zip(written, outcomes, strict=True):
            batch = one.batch
            batch.outcomes[one.place] = outcome
            batch.unwritten -= 1
            if not batch.unwritten:
                answer = encode_frame(FrameKind.OUTCOMES, batch.number, encode_outcomes(batch.outcomes))
                self._send(batch.server, answer)

    def _write_in_time(self, write: WriteBatch, part: Sequence[_Waiting]) -> Sequence[Outcome]:
        """Write; the time that the oldest has waited is subtracted from the timeout for another program's lock."""
        commits = [one.commit for one in part]
        waited = time.monotonic() - part[0].since
        if waited < LATE_SECONDS:
            return write_or_fail(write, self._connection, commits)
        shorten_lock_timeout(self._connection, waited)
        try:
            return write_or_fail(write, self._connection, commits)
        finally:
            shorten_lock_timeout(self._connection, 0.0)

    def _send(self, server: _Server, frame: bytes) -> None:
        """Send, or keep what the socket does not take: one server process that stands still must not stop the others."""
        if server.socket not in self._servers:
            return
        server.outgoing += frame
        try:
            self._flush(server)
        except BlockingIOError:
            self._selector.modify(server.socket, selectors.EVENT_READ | selectors.EVENT_WRITE)
        except OSError:
            server.outgoing.clear()  # it has ended; what it had sent is read to its end first

    def _flush(self, server: _Server) -> None:
        while server.outgoing:
            sent = server.socket.send(server.outgoing)
            del server.outgoing[:sent]
        if self._selector.get_key(server.socket).events != selectors.EVENT_READ:
            self._selector.modify(server.socket, selectors.EVENT_READ)

    def _drop(self, server: _Server) -> None:
        if self._servers.pop(server.socket, None) is not None:
            self._selector.unregister(server.socket)
            server.socket.close()
