"""Writes records of what an audit derives, while it goes on."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from functools import partial
from typing import Callable

from sqlalchemy.exc import SQLAlchemyError

from server.audit.audit_records import DerivedEpisode, draft_record, drop_records_before, store_record
from server.clock import to_timestamp
from server.security.signing import Signer
from server.storage.connections import run_write
from server.storage.errors import StoreError

EPISODES_PER_RECORD = 5000
SECONDS_PER_RECORD = 10.0
"""What is not recorded yet is derived again after an interruption."""


class AuditRecorder:
    """Collects what was derived, and signs and stores it every few seconds. A database that takes no records does not stop an audit."""

    def __init__(
        self,
        database_url: str,
        signer: Signer,
        *,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database_url = database_url
        self._signer = signer
        self._clock = clock
        self._monotonic = monotonic
        self._waiting: list[DerivedEpisode] = []
        self._written_at = monotonic()
        self._first: int | None = None
        self.recorded = 0
        self.problem: str | None = None
        """Why nothing could be recorded. None: all was."""

    def add(self, derived: tuple[DerivedEpisode, ...]) -> None:
        self._waiting += derived
        is_due = self._monotonic() - self._written_at >= SECONDS_PER_RECORD
        if len(self._waiting) >= EPISODES_PER_RECORD or is_due:
            self.flush()

    def flush(self) -> None:
        """Record what waits."""
        waiting, self._waiting = self._waiting, []
        self._written_at = self._monotonic()
        if not waiting or self.problem is not None:
            return
        signed, body = draft_record(self._signer, waiting, now=to_timestamp(self._clock()))
        try:
            number = asyncio.run(run_write(self._database_url, partial(store_record, signed=signed, body=body)))
        except (SQLAlchemyError, StoreError, OSError) as error:
            self.problem = " ".join(str(getattr(error, "orig", error)).split())
            return
        self.recorded += len(waiting)
        self._first = self._first or number

    def replace_earlier(self) -> None:
        """Remove the records of earlier audits, after one that derived every episode."""
        self.flush()
        if self._first is not None and self.problem is None:
            asyncio.run(run_write(self._database_url, partial(drop_records_before, number=self._first)))
