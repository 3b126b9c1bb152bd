"""Retries with exponential backoff and jitter, not before the time in Retry-After."""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Awaitable, Callable, TypeVar

from mlops_debug_env.protocol.errors import CapacityError, ConnectionFailedError

logger = logging.getLogger(__name__)

Answered = TypeVar("Answered")
FIRST_DELAY_SECONDS = 0.25
MAX_DELAY_SECONDS = 15.0
MAX_RETRY_AFTER_SECONDS = 120.0
"""After a longer Retry-After there is no retry; the error has its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrying:
    """A limited number of retries."""

    max_retries: int = 5
    jitter: Callable[[], float] = random.random
    """Draws from [0, 1)."""
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def run(self, attempt: Callable[[], Awaitable[Answered]]) -> Answered:
        """Retry until success, a permanent error, or the limit; then raise the last error."""
        for retry in range(self.max_retries):
            try:
                return await attempt()
            except CapacityError as error:
                wanted = error.retry_after_seconds or 0.0
                if wanted > MAX_RETRY_AFTER_SECONDS:
                    raise
                await self._pause(retry, error, at_least=wanted)
            except ConnectionFailedError as error:
                await self._pause(retry, error, at_least=0.0)
        return await attempt()

    async def _pause(self, retry: int, error: Exception, *, at_least: float) -> None:
        delay = at_least + self.delay_seconds(retry)
        logger.info("try %d of %d in %.2f s: %s", retry + 2, self.max_retries + 1, delay, error)
        await self.pause(delay)

    def delay_seconds(self, retry: int) -> float:
        """Doubles with each retry; the jitter keeps many clients from retrying at the same time."""
        full: float = min(FIRST_DELAY_SECONDS * 2**retry, MAX_DELAY_SECONDS)
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
