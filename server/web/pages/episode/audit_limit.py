"""Audits that viewers ask for: one runs at a time, few wait, and each client has one."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import AsyncIterator

from server.web.problem_details import Problem

MAX_CONCURRENT = 4
"""The one that runs and those that wait. An audit runs trainings again, for seconds."""


def too_many_audits() -> Problem:
    return Problem(
        429,
        "too_many_audits",
        "Too many audits are asked for",
        f"One audit a client and {MAX_CONCURRENT} in all are waited for; ask again when yours is done.",
    )


class AuditQueue:
    """Turns for audits, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._one = asyncio.Lock()
        self._clients: set[str] = set()

    @asynccontextmanager
    async def turn(self, client: str) -> AsyncIterator[None]:
        """Wait for a turn; raises ``Problem`` where the client has asked already, or too many have."""
        if client in self._clients or len(self._clients) >= MAX_CONCURRENT:
            raise too_many_audits()
        self._clients.add(client)
        try:
            async with self._one:
                yield
        finally:
            self._clients.discard(client)
