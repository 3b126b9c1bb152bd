"""Limits of this process: step rate of a client, open sockets, open episodes of a client.

A client is an API key or, without one, a network address; headers that name another address are ignored.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Callable, NamedTuple

_CLIENTS_KEPT = 10_000
"""Max clients whose tokens are kept; a client that was quiet for a second has all of its tokens anyway."""


class TooManyStepsError(Exception):
    def __init__(self, steps_per_second: int) -> None:
        super().__init__(f"more than {steps_per_second} steps a second")
        self.steps_per_second = steps_per_second


class TooManySocketsError(Exception):
    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} sockets")
        self.limit = limit


class StepRateLimiter:
    """A bucket of tokens for each client: one step takes one; it fills in one second."""

    def __init__(self, steps_per_second: int, *, now: Callable[[], float] = time.monotonic) -> None:
        self._rate = steps_per_second
        self._now = now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """Client to tokens left and the time, in seconds, at which that was so."""

    def acquire(self, client: str) -> None:
        """Count a step; raises ``TooManyStepsError``."""
        now = self._now()
        tokens, at = self._buckets.pop(client, (float(self._rate), now))
        tokens = min(float(self._rate), tokens + (now - at) * self._rate)
        is_allowed = tokens >= 1
        self._buckets[client] = (tokens - is_allowed, now)
        if len(self._buckets) > _CLIENTS_KEPT:
            self._buckets.popitem(last=False)
        if not is_allowed:
            raise TooManyStepsError(self._rate)


class SocketLimit:
    """Counts open sockets."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.open_count = 0

    def enter(self) -> None:
        """Count a socket; raises ``TooManySocketsError``."""
        if self.open_count >= self._limit:
            raise TooManySocketsError(self._limit)
        self.open_count += 1

    def leave(self) -> None:
        self.open_count -= 1


class LongestIdle(NamedTuple):
    """An open episode, and the version at which this server last saw it."""

    episode_id: str
    version: int


class OpenEpisodes:
    """The open practice episodes that each client began here, least recently stepped first.

    What another server ended is counted until `idle.IdleSweeper` looks it up.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._of_client: dict[str, OrderedDict[str, int]] = {}
        self._client_of: dict[str, str] = {}

    def begin(self, client: str, episode_id: str) -> LongestIdle | None:
        """Count an episode; returns the one to close for it, None: the client is within its limit."""
        self._client_of[episode_id] = client
        owned = self._of_client.setdefault(client, OrderedDict())
        owned[episode_id] = 1
        return LongestIdle(*next(iter(owned.items()))) if len(owned) > self._limit else None

    def touch(self, episode_id: str, version: int) -> None:
        """Note the version after a step, and make it the most recently stepped one."""
        client = self._client_of.get(episode_id)
        if client is not None:
            owned = self._of_client[client]
            owned[episode_id] = version
            owned.move_to_end(episode_id)

    def names(self) -> list[str]:
        """Every episode that is counted."""
        return list(self._client_of)

    def discard(self, episode_id: str) -> None:
        """Stop counting an episode, which is over."""
        client = self._client_of.pop(episode_id, None)
        if client is None:
            return
        owned = self._of_client[client]
        del owned[episode_id]
        if not owned:
            del self._of_client[client]
