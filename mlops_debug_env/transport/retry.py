"""Retries with exponential backoff and jitter, not before the time in Retry-After."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Awaitable, Callable, TypeVar

from mlops_debug_env.protocol.errors import CapacityError, ConnectionFailedError, ServerUnreachableError

logger = logging.getLogger(__name__)

Answered = TypeVar("Answered")
FIRST_DELAY_SECONDS = 0.25
MAX_DELAY_SECONDS = 15.0
MAX_RETRY_AFTER_SECONDS = 120.0
"""After a longer Retry-After there is no retry; the error has its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrying:
    """A limited number of retries, and a limited time for a server that cannot be reached."""

    max_retries: int = 5
    max_outage_seconds: float = 0.0
    """How long a server that refuses or loses connections is tried again; 0: only as often as ``max_retries`` says."""
    monotonic: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = random.random
    """Draws from [0, 1)."""
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def run(self, attempt: Callable[[], Awaitable[Answered]]) -> Answered:
        """Retry until success, a permanent error, or a limit; then raise the last error."""
        pauses = counted = 0
        unreachable_since: float | None = None
        while True:
            try:
                return await attempt()
            except (CapacityError, ConnectionFailedError) as error:
                at_least = (error.retry_after_seconds or 0.0) if isinstance(error, CapacityError) else 0.0
                if isinstance(error, ServerUnreachableError) and self.max_outage_seconds > 0:
                    now = self.monotonic()
                    unreachable_since = now if unreachable_since is None else unreachable_since
                    is_last = now - unreachable_since >= self.max_outage_seconds
                else:
                    # The server can be reached again: its pauses are short again, and only these retries are counted.
                    pauses, unreachable_since = counted, None
                    is_last = counted >= self.max_retries or at_least > MAX_RETRY_AFTER_SECONDS
                    counted += 1
                if is_last:
                    raise
                delay = at_least + self.delay_seconds(pauses)
                pauses += 1
                logger.info("retry %d in %.2f s: %s", pauses, delay, error)
            await self.pause(delay)

    def delay_seconds(self, retry: int) -> float:
        """Doubles with each retry; the jitter keeps many clients from retrying at the same time."""
        full: float = min(FIRST_DELAY_SECONDS * 2 ** min(retry, 16), MAX_DELAY_SECONDS)
        return full * (0.5 + float(self.jitter()) / 2)


def read_retry_after(text: str | None, *, now: datetime) -> float | None:
    """Seconds from the value of a Retry-After header, which may be a date; None: missing or malformed."""
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())
