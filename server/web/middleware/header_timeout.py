"""How long a client may take over the head of a request, and how long the head may be."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 65_536
READ_BYTES = 262_144
"""The most that the event loop hands over at once: the end of a head may come with the beginning of a long body."""


class HeaderTimeoutProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which itself would wait for the rest of a head for ever."""

    _waiting: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def __init__(self, *arguments: Any, header_timeout_seconds: float, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._header_timeout_seconds = header_timeout_seconds

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._waiting is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES + READ_BYTES:
                self._on_timeout()
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        self._wait_no_more()
        self._wait()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._wait_no_more()
        self._head_bytes = 0
        super().on_headers_complete()

    def _wait(self) -> None:
        self._waiting = self.loop.call_later(self._header_timeout_seconds, self._on_timeout)

    def _wait_no_more(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _on_timeout(self) -> None:
        self._waiting = None
        if not self.transport.is_closing():
            self.transport.close()
