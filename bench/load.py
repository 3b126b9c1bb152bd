"""The load generator: many clients in one event loop, each sending its next request when its answer is there and right."""

from __future__ import annotations

import asyncio
import time
import uuid
from array import array
from dataclasses import dataclass, field
from typing import Iterator

from bench.frames import CLOSE, PING, PONG, TEXT, FrameReader, encode_frame, handshake
from bench.script import Episode, Exchange

HOST = "127.0.0.1"


class WrongAnswerError(RuntimeError):
    """A server's answer differs from the expected one."""


@dataclass(slots=True)
class Tally:
    """Counts and latencies of all clients of one measurement."""

    failure: asyncio.Future[None]
    is_counting: bool = False
    is_over: bool = False
    step_seconds: array[float] = field(default_factory=lambda: array("d"))
    reset_seconds: array[float] = field(default_factory=lambda: array("d"))

    def fail(self, error: Exception) -> None:
        if not self.failure.done():
            self.failure.set_exception(error)


class Client(asyncio.Protocol):
    """One connection that plays episodes until the measurement is over."""

    transport: asyncio.Transport

    def __init__(self, tally: Tally, episodes: Iterator[Episode], *, pause: float) -> None:
        loop = asyncio.get_running_loop()
        self.tally = tally
        self.ready: asyncio.Future[None] = loop.create_future()
        """Set when the connection is ready, and again when the requested exchanges are done."""
        self._loop = loop
        self._pause = pause
        """Seconds between an answer and the next request."""
        self._episodes = episodes
        self._rest: Iterator[Exchange] = iter(())
        self._current: Exchange | None = None
        self._sent_at = 0.0
        self.last_answer = b""
        self._left: int | None = None
        """Exchanges until it pauses; None: unlimited."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a stream transport, by how it was made
        self.greet()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.tally.is_over:
            self.tally.fail(WrongAnswerError(f"the server closed a connection: {error}"))

    def play(self, *, exchanges: int | None = None) -> None:
        """Start or continue; with ``exchanges``, pause after so many answers."""
        self._left = exchanges
        self.ready = self._loop.create_future()
        self._next()

    def greet(self) -> None:
        raise NotImplementedError

    def send(self, exchange: Exchange) -> None:
        raise NotImplementedError

    def answered(self, answer: bytes) -> None:
        """Check and count an answer, then send the next request."""
        took = time.perf_counter() - self._sent_at
        current, tally = self._current, self.tally
        if current is None or answer.find(current.expected) < 0:
            tally.fail(WrongAnswerError(f"expected {current}, got {answer[:200]!r} … {answer[-800:]!r}"))
            return
        if tally.is_counting:
            (tally.reset_seconds if current.is_reset else tally.step_seconds).append(took)
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                self.last_answer = answer
                self.ready.set_result(None)
                return
        if tally.is_over:
            return
        if self._pause:
            self._loop.call_later(self._pause, self._next)
        else:
            self._next()

    def _next(self) -> None:
        if self.tally.is_over:
            return
        exchange = next(self._rest, None)
        if exchange is None:
            self._rest = iter(next(self._episodes))
            exchange = next(self._rest)
        self._current = exchange
        self._sent_at = time.perf_counter()
        self.send(exchange)


class SocketClient(Client):
    """Plays over a WebSocket."""

    def __init__(
        self,
        tally: Tally,
        episodes: Iterator[Episode],
        *,
        port: int,
        pause: float = 0.0,
        deflate: bool = False,
        names_episodes: bool = True,
    ) -> None:
        super().__init__(tally, episodes, pause=pause)
        self._names_episodes = names_episodes
        self._handshake = handshake(HOST, port, "/ws", deflate=deflate)
        self._head = b""
        self._reader: FrameReader | None = None

    def greet(self) -> None:
        self.transport.write(self._handshake)

    def send(self, exchange: Exchange) -> None:
        is_named = exchange.is_reset and self._names_episodes
        self.transport.write(exchange.named(uuid.uuid4().hex) if is_named else exchange.frame)

    def data_received(self, data: bytes) -> None:
        reader = self._reader
        if reader is None:
            self._shake_hands(data)
            return
        for opcode, payload in reader.feed(data):
            if opcode == TEXT:
                self.answered(payload)
            elif opcode == PING:
                self.transport.write(encode_frame(payload, PONG))
            elif opcode == CLOSE and not self.tally.is_over:
                self.tally.fail(WrongAnswerError(f"the server closed a socket: {payload!r}"))

    def _shake_hands(self, data: bytes) -> None:
        self._head += data
        if not self._head.endswith(b"\r\n\r\n"):
            return  # the server sends first only after the handshake, so nothing follows its head
        if not self._head.startswith(b"HTTP/1.1 101"):
            self.tally.fail(WrongAnswerError(f"no WebSocket: {self._head!r}"))
            return
        self._reader = FrameReader(deflate=b"permessage-deflate" in self._head.lower())
        self.ready.set_result(None)


class RestClient(Client):
    """Plays over HTTP on one kept connection; every step names the episode that its reset began."""

    def __init__(self, tally: Tally, episodes: Iterator[Episode], *, port: int) -> None:
        super().__init__(tally, episodes, pause=0.0)
        self._host = b"%b:%d" % (HOST.encode(), port)
        self._episode_id = b""
        self._waiting = b""

    def greet(self) -> None:
        self.ready.set_result(None)

    def send(self, exchange: Exchange) -> None:
        if exchange.is_reset:
            self._post(b"/reset", exchange.body)
        else:
            self._post(b"/step", b'{"episode_id":"%b","action":%b}' % (self._episode_id, exchange.body))

    def _post(self, path: bytes, body: bytes) -> None:
        head = b"POST %b HTTP/1.1\r\nHost: %b\r\nContent-Length: %d\r\n\r\n"
        self.transport.write(head % (path, self._host, len(body)) + body)

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        head, end, body = self._waiting.partition(b"\r\n\r\n")
        at = head.find(b"content-length: ") + 16
        if not end or len(body) < int(head[at:].partition(b"\r\n")[0]):
            return
        self._waiting = b""
        if self._current is not None and self._current.is_reset:
            self._episode_id = body.rpartition(b'"episode_id":"')[2].partition(b'"')[0]
        self.answered(body)
