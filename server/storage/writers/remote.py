"""A ``Writer`` that sends its commits to the process that writes the SQLite file for all server processes.

Rule 1: a commit is answered when that process has written it. Rule 2: when that process dies, what it had not answered is sent
again to its successor, which looks into the database first, so that nothing is lost or written twice. Rule 3: when there is
no successor in time, commits that were sent fail as unanswered, and others as not written.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from functools import partial
from typing import Callable, NamedTuple, Sequence

from server.storage.errors import StoreUnavailableError
from server.storage.writers.frames import (
    Frame,
    FrameDecoder,
    FrameKind,
    decode_outcomes,
    decode_written,
    encode_commits,
    encode_frame,
    group_of,
)
from server.storage.writers.protocol import (
    WRITER,
    Commit,
    ForeignWrites,
    PendingCommit,
    WriterEndedError,
    WriterEndedWhileWritingError,
    WriterStoppedError,
    resolve,
    to_pending,
)
from server.supervision import Supervisor

logger = logging.getLogger(__name__)

START_SECONDS = 60.0
AWAY_SECONDS = 10.0
"""How long commits wait for a writer process that replaces one that died."""
RETRY_SECONDS = 0.05


class _Sent(NamedTuple):
    """A batch that is not answered yet."""

    batch: list[PendingCommit]
    body: bytes
    is_again: bool = False
    """Whether an earlier writer had it and did not answer."""


class _Written:
    """What other servers and programs have written, as far as this server was told."""

    __slots__ = ("_of_all", "_of_group", "number")

    def __init__(self) -> None:
        self.number = 0
        """Of the last that was told."""
        self._of_all = 0
        self._of_group: dict[int, int] = {}

    def note(self, groups: Sequence[int]) -> None:
        """Writes to these groups; empty: to anything."""
        self.number += 1
        if groups:
            self._of_group.update(dict.fromkeys(groups, self.number))
        else:
            self._of_all = self.number
            self._of_group.clear()

    def last(self, names: Sequence[str] | None) -> int:
        """The number of the last write that may concern one of these names; None: of any."""
        if names is None:
            return self.number
        return max(self._of_all, *(self._of_group.get(group_of(name), 0) for name in names))


class _Link(asyncio.Protocol):
    """One connection to the writer process."""

    transport: asyncio.WriteTransport

    def __init__(self, on_frame: Callable[[_Link, Frame], None], is_lost: asyncio.Future[None]) -> None:
        self._decoder = FrameDecoder()
        self._on_frame = on_frame
        self._is_lost = is_lost

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a stream transport, by how it was made

    def data_received(self, data: bytes) -> None:
        for frame in self._decoder.feed(data):
            self._on_frame(self, frame)

    def connection_lost(self, _: Exception | None) -> None:
        if not self._is_lost.done():
            self._is_lost.set_result(None)


class RemoteWriter:
    """The connection of one server process to the writer process; it is opened again when it breaks."""

    def __init__(
        self, address: str, *, supervisor: Supervisor | None = None, away_seconds: float = AWAY_SECONDS
    ) -> None:
        self._address = address
        self._supervisor = supervisor or Supervisor()
        self._away_seconds = away_seconds
        self._numbers = itertools.count(1)
        self._submitted: list[PendingCommit] = []
        self._sent: dict[int, _Sent] = {}
        """Batches that are not answered, oldest first."""
        self._unsent: set[int] = set()
        """Those among them that no writer has got."""
        self._asked: dict[int, asyncio.Future[bytes]] = {}
        self._written = _Written()
        self._syncing: asyncio.Future[bool] | None = None
        """The question that is sent at the end of this iteration of the event loop; its result: whether it was answered."""
        self._syncs: dict[int, asyncio.Future[bool]] = {}
        self._transport: asyncio.WriteTransport | None = None
        """None: no writer has answered on a connection."""
        self._is_answered = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        self._expiry: asyncio.TimerHandle | None = None
        self._is_away = False
        self._is_stopping = False
        self._task: asyncio.Task[None] | None = None
        self.on_message: Callable[[bytes], None] = lambda _: None
        """Called with every message of all server processes, this one's own included, in one order."""
        self.durability_warning: str | None = None

    async def start(self) -> None:
        restarting = self._supervisor.run_restarting(
            WRITER, self._stay_connected, on_end=self._fail_waiting, is_stopping=lambda: self._is_stopping
        )
        self._task = asyncio.create_task(restarting, name=WRITER)
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._is_answered.wait()
        except TimeoutError:
            await self.stop()
            raise StoreUnavailableError("the process that writes the database does not answer") from None

    async def stop(self) -> None:
        self._is_stopping = True
        self._send_submitted()
        if self._task is None:
            return
        if not self._is_away and not self._supervisor.is_down(WRITER):
            await self._is_idle.wait()  # at most until the writer has been away for too long
        self._task.cancel()
        await asyncio.wait([self._task])
        if self._expiry is not None:
            self._expiry.cancel()

    async def foreign_writes(self, names: Sequence[str] | None = None) -> ForeignWrites:
        """Asks the writer process, which tells before it answers what the other servers have written."""
        if self._transport is None:
            return None
        if self._syncing is None:
            # All that ask in one iteration of the event loop share a question.
            self._syncing = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_soon(self._ask)
        if not await asyncio.shield(self._syncing):
            return None
        return self._written.last(names)

    def _ask(self) -> None:
        syncing, self._syncing = self._syncing, None
        if syncing is None:
            return
        if self._transport is None:
            syncing.set_result(False)
            return
        number = next(self._numbers)
        self._syncs[number] = syncing
        self._transport.write(encode_frame(FrameKind.SYNC, number))

    async def submit(self, commit: Commit) -> ForeignWrites:
        if self._is_stopping:
            raise WriterStoppedError
        if self._is_away or self._supervisor.is_down(WRITER):
            raise WriterEndedError
        waiting = to_pending(commit)
        if not self._submitted:
            # All commits of one iteration of the event loop are sent together.
            asyncio.get_running_loop().call_soon(self._send_submitted)
        self._submitted.append(waiting)
        return await waiting.answered

    def publish(self, message: bytes) -> None:
        """Send a message to all server processes. It is lost while there is no writer process."""
        if self._transport is not None:
            self._transport.write(encode_frame(FrameKind.MESSAGE, body=message))

    async def measurements(self) -> bytes:
        """The metrics of the writer process; empty: it does not answer at present."""
        if self._transport is None:
            return b""
        number = next(self._numbers)
        asked: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._asked[number] = asked
        self._transport.write(encode_frame(FrameKind.METRICS, number))
        try:
            return await asked
        finally:
            del self._asked[number]

    def _send_submitted(self) -> None:
        if not self._submitted:
            return
        batch, self._submitted = self._submitted, []
        number = next(self._numbers)
        try:
            body = encode_commits([one.commit for one in batch])
        except (LookupError, ValueError) as error:
            resolve([(one.answered, error) for one in batch])
            return
        self._sent[number] = _Sent(batch, body)
        self._is_idle.clear()
        if self._transport is None:
            self._unsent.add(number)
        else:
            self._transport.write(encode_frame(FrameKind.COMMITS, number, body))

    async def _stay_connected(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            is_lost = loop.create_future()
            self._begin_waiting()
            try:
                # The socket listens also while no process reads from it, so that a connection waits for the next one.
                transport, _ = await loop.create_unix_connection(partial(_Link, self._receive, is_lost), self._address)
            except OSError as error:
                logger.debug("the writer process cannot be reached: %s", error)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            try:
                await is_lost
            finally:
                transport.close()
                self._transport = None
                self._is_answered.clear()
                for syncing in self._syncs.values():
                    syncing.set_result(False)
                self._syncs.clear()
                for asked in self._asked.values():
                    if not asked.done():
                        asked.set_result(b"")
            if not self._is_stopping:
                logger.warning("the connection to the writer process broke; what it had not answered is sent again")

    def _begin_waiting(self) -> None:
        if self._expiry is None:
            self._expiry = asyncio.get_running_loop().call_later(self._away_seconds, self._give_up)

    def _give_up(self) -> None:
        """Fail what waits; further commits are refused until a writer answers."""
        self._is_away = True
        logger.error("no writer process has answered for %g s: appends are refused until one does", self._away_seconds)
        self._fail_waiting(StoreUnavailableError("it does not answer"))

    def _fail_waiting(self, _: BaseException) -> None:
        sent, self._sent = self._sent, {}
        unsent, self._unsent = self._unsent, set()
        for number, each in sent.items():
            error = (WriterEndedError if number in unsent else WriterEndedWhileWritingError)()
            resolve([(one.answered, error) for one in each.batch])
        resolve([(one.answered, WriterEndedError()) for one in self._submitted])
        self._submitted.clear()
        self._is_idle.set()

    def _receive(self, link: _Link, frame: Frame) -> None:
        if frame.kind is FrameKind.OUTCOMES:
            self._resolve(frame)
        elif frame.kind is FrameKind.MESSAGE:
            self.on_message(frame.body)
        elif frame.kind is FrameKind.WRITTEN:
            self._written.note(decode_written(frame.body))
        elif frame.kind is FrameKind.SYNC:
            syncing = self._syncs.pop(frame.number, None)
            if syncing is not None:
                syncing.set_result(True)
        elif frame.kind is FrameKind.METRICS:
            asked = self._asked.get(frame.number)
            if asked is not None and not asked.done():
                asked.set_result(frame.body)
        elif frame.kind is FrameKind.HELLO:
            self._begin(link.transport, frame.body.decode() or None)

    def _begin(self, transport: asyncio.WriteTransport, durability_warning: str | None) -> None:
        """The writer answers: send what an earlier one had not answered, then what waited."""
        self.durability_warning = durability_warning
        self._transport = transport
        self._written.note(())  # what was written while there was no connection was not told
        for number, each in self._sent.items():
            kind = FrameKind.COMMITS if number in self._unsent else FrameKind.COMMITS_AGAIN
            if kind is FrameKind.COMMITS_AGAIN:
                self._sent[number] = each._replace(is_again=True)
            transport.write(encode_frame(kind, number, each.body))
        self._unsent.clear()
        self._is_away = False
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        self._is_answered.set()

    def _resolve(self, frame: Frame) -> None:
        sent = self._sent.pop(frame.number, None)
        if sent is not None:
            outcomes = decode_outcomes(frame.body, len(sent.batch))
            # Of one that was sent again it is not known when it was written, and so not what was written after it.
            foreign_writes = None if sent.is_again else self._written.number
            answers = [(one.answered, outcome) for one, outcome in zip(sent.batch, outcomes, strict=True)]
            resolve(answers, foreign_writes)
        if not self._sent:
            self._is_idle.set()
