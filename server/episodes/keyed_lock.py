"""One asyncio lock for each key, which exists only while it is locked."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

_Waiters = deque[asyncio.Future[None]]


class KeyedLock:
    """Locks keys in first-in, first-out order."""

    def __init__(self) -> None:
        self._locked: dict[str, _Waiters] = {}
        """Each locked key, with the waiters for it in order."""

    def __len__(self) -> int:
        return len(self._locked)

    def hold(self, name: str) -> _Guard:
        """Async context manager that locks a key."""
        return _Guard(self._locked, name)

    def is_locked(self, name: str) -> bool:
        return name in self._locked


class _Guard:
    """Async context manager for one key. Written by hand, because the uncontended path must not allocate a lock."""

    __slots__ = ("_locked", "_name")

    def __init__(self, locked: dict[str, _Waiters], name: str) -> None:
        self._locked = locked
        self._name = name

    async def __aenter__(self) -> None:
        waiting = self._locked.get(self._name)
        if waiting is None:
            self._locked[self._name] = deque()
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
                await self.__aexit__()  # it was this one's turn already
            raise

    async def __aexit__(self, *_: object) -> None:
        waiting = self._locked[self._name]
        while waiting:
            turn = waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        del self._locked[self._name]
