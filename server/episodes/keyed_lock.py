"""One lock for each name, kept only while somebody holds it or waits for it."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

_Waiters = deque[asyncio.Future[None]]


class KeyedLock:
    """Whoever asks first for a name goes first."""

    def __init__(self) -> None:
        self._held: dict[str, _Waiters] = {}
        """Every name that somebody holds, and who waits for it."""

    def __len__(self) -> int:
        return len(self._held)

    def hold(self, name: str) -> _Guard:
        """Inside, nobody else holds the name."""
        return _Guard(self._held, name)


class _Guard:
    """One holder of a name. A class of its own, because nearly every name is free and then entering costs next to nothing."""

    __slots__ = ("_held", "_name")

    def __init__(self, cached: dict[str, _Waiters], name: str) -> None:
        self._held = cached
        self._name = name

    async def __aenter__(self) -> None:
        waiting = self._held.get(self._name)
        if waiting is None:
            self._held[self._name] = deque()
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                with suppress(ValueError):  # the holder has just passed over it
                    waiting.remove(turn)
            else:
                self._release()  # it was this one's turn already
            raise

    async def __aexit__(self, *_: object) -> None:
        self._release()

    def _release(self) -> None:
        waiting = self._held[self._name]
        while waiting:
            turn = waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        del self._held[self._name]
