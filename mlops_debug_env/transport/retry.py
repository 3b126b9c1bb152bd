"""How often and after how long the same is tried again: backoff with jitter, never before the time in Retry-After."""

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
"""A server that asks for more is not waited for: the error says for how long it asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrying:
    """A bounded number of further tries."""

    max_retries: int = 5
    jitter: Callable[[], float] = random.random
    """Draws from [0, 1)."""
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def run(self, attempt: Callable[[], Awaitable[Answered]]) -> Answered:
        """Try until it succeeds, fails for good, or was tried often enough; then the last error is raised."""
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
        """Doubles with each retry; the jitter keeps many clients from coming back at once."""
        full: float = min(FIRST_DELAY_SECONDS * 2**retry, MAX_DELAY_SECONDS)
        return full * (0.5 + float(self.jitter()) / 2)


def read_retry_after(text: str | None, *, now: datetime) -> float | None:
    """Seconds from the value of a Retry-After header, which may be a date; None: there is none that can be read."""
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
