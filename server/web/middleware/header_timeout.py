"""Slow-header (Slowloris) protection for uvicorn's HTTP protocol: a timeout and a size limit of request headers."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 65_536
READ_BYTES = 262_144
"""Max of one read of the event loop: the end of the headers may come with the start of a long body."""


class HeaderTimeoutProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which has no timeout of its own for headers. A connection that exceeds a limit is closed."""

    _timer: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def __init__(self, *arguments: Any, header_timeout_seconds: float, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._header_timeout_seconds = header_timeout_seconds

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._timer is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES + READ_BYTES:
                self._on_timeout()
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        self._stop_timer()
        self._start_timer()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._stop_timer()
        self._head_bytes = 0
        super().on_headers_complete()

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(self._header_timeout_seconds, self._on_timeout)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_timeout(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self.transport.close()
