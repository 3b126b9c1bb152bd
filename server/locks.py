"""One lock for each name, kept only while somebody holds it or waits for it."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

_Turns = deque[asyncio.Future[None]]


class NamedLocks:
    """Whoever asks first for a name goes first."""

    def __init__(self) -> None:
        self._held: dict[str, _Turns] = {}
        """Every name that somebody holds, and who waits for it."""

    def __len__(self) -> int:
        return len(self._held)

    def holding(self, name: str) -> Holding:
        """Inside, nobody else holds the name."""
        return Holding(self._held, name)


class Holding:
    """One holder of a name. A class of its own, because nearly every name is free and then entering costs next to nothing."""

    __slots__ = ("_held", "_name")

    def __init__(self, held: dict[str, _Turns], name: str) -> None:
        self._held = held
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
                self._pass_on()  # it was this one's turn already
            raise

    async def __aexit__(self, *_: object) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        waiting = self._held[self._name]
        while waiting:
            turn = waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        del self._held[self._name]
