"""Turns at the generating processes: a bounded queue, ranked attempts first, and a fair share for each client.

Rule 1: more urgent work goes first. Rule 2: clients with equally urgent work take turns, however much each of them asks for.
Rule 3: when the queue is full, the client that has most in it is refused. Rule 4: work whose asker has left is dropped.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import asynccontextmanager, nullcontext
from typing import AsyncIterator

from server.scenarios.requester import ClientLeftError, Priority, Requester

_Turn = asyncio.Future[None]
_Queue = OrderedDict[str, OrderedDict[_Turn, None]]


class QueueFullError(Exception):
    """The queue is full, and this client has at least as much in it as any other."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} pieces of work are waiting")
        self.limit = limit


class FairQueue:
    """At most ``slots`` have their turn at a time, and at most ``limit`` wait for one."""

    def __init__(self, slots: int, *, limit: int) -> None:
        self._free = slots
        self._limit = limit
        self._queues: dict[Priority, _Queue] = {priority: OrderedDict() for priority in Priority}
        """For each client what it waits for, oldest first; the client whose turn was given longest ago is first."""
        self.waiting = 0

    @asynccontextmanager
    async def taking(self, asker: Requester) -> AsyncIterator[None]:
        """Wait for a turn, and give it back at the end."""
        await self.take(asker)
        try:
            yield
        finally:
            self.release()

    async def take(self, asker: Requester) -> None:
        """Wait for a turn; raises ``QueueFullError`` or ``ClientLeftError``. The caller must release it."""
        if self._free and not self.waiting:
            self._free -= 1
            return
        if self.waiting >= self._limit:
            self._make_room(asker)
        turn: _Turn = asyncio.get_running_loop().create_future()
        self._add(asker, turn)

        def leave() -> None:
            if not turn.done():
                self._remove(asker, turn)
                turn.set_exception(ClientLeftError())

        try:
            with asker.inbox.watched(leave) if asker.inbox is not None else nullcontext():
                await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._remove(asker, turn)
            elif turn.exception() is None:
                self.release()  # it had its turn already
            raise

    def release(self) -> None:
        """The turn goes to the next one that waits."""
        for queue in self._queues.values():
            while queue:
                client, turns = next(iter(queue.items()))
                turn, _ = turns.popitem(last=False)
                self.waiting -= 1
                queue.move_to_end(client)
                if not turns:
                    del queue[client]
                if not turn.done():
                    turn.set_result(None)
                    return
        self._free += 1

    def _add(self, asker: Requester, turn: _Turn) -> None:
        self._queues[asker.priority].setdefault(asker.client, OrderedDict())[turn] = None
        self.waiting += 1

    def _remove(self, asker: Requester, turn: _Turn) -> None:
        queue = self._queues[asker.priority]
        turns = queue.get(asker.client)
        if turns is None or turn not in turns:
            return
        del turns[turn]
        self.waiting -= 1
        if not turns:
            del queue[asker.client]

    def _make_room(self, asker: Requester) -> None:
        """Refuse the newest work of the client that has most of the least urgent; where that is the asker, refuse the asker."""
        for priority in reversed(Priority):
            queue = self._queues[priority]
            if not queue:
                continue
            client, turns = max(queue.items(), key=lambda each: len(each[1]))
            own = len(queue.get(asker.client, ()))
            if priority > asker.priority or (priority == asker.priority and len(turns) > own + 1):
                turn = next(reversed(turns))
                self._remove(Requester(client, priority), turn)
                if not turn.done():
                    turn.set_exception(QueueFullError(self._limit))
                return
            break
        raise QueueFullError(self._limit)
