"""Limits the audits that viewers request: one runs at a time, a few wait, and each client has at most one."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import AsyncIterator

from server.web.problem_details import Problem

MAX_PENDING_AUDITS = 4
"""Running and waiting audits. An audit repeats trainings, which takes seconds."""


def too_many_audits() -> Problem:
    """The error for an audit over the limit."""
    return Problem(
        429,
        "too_many_audits",
        "Too many audits are asked for",
        f"One audit a client and {MAX_PENDING_AUDITS} in all are waited for; ask again when yours is done.",
    )


class AuditQueue:
    """Runs audits one at a time, in the order of their requests."""

    def __init__(self) -> None:
        self._running = asyncio.Lock()
        self._pending_clients: set[str] = set()

    @asynccontextmanager
    async def acquire(self, client: str) -> AsyncIterator[None]:
        """Wait until the audit may run; raises ``Problem`` if the client has one pending, or too many are pending."""
        if client in self._pending_clients or len(self._pending_clients) >= MAX_PENDING_AUDITS:
            raise too_many_audits()
        self._pending_clients.add(client)
        try:
            async with self._running:
                yield
        finally:
            self._pending_clients.discard(client)
