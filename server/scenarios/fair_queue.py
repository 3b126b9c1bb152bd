"""Bounded queue for the slots of the worker processes: ranked attempts first, and a fair share for each client.

Rule 1: more urgent work goes first. Rule 2: clients with equally urgent work alternate, however much each of them requests.
Rule 3: when the queue is full, the client that has most in it is refused. Rule 4: work whose client has disconnected is dropped.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import asynccontextmanager, nullcontext
from typing import AsyncIterator

from server.scenarios.requester import ClientDisconnectedError, Priority, Requester

_Waiter = asyncio.Future[None]
_Queue = OrderedDict[str, OrderedDict[_Waiter, None]]


class QueueFullError(Exception):
    """The queue is full, and this client has at least as much in it as any other."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} pieces of work are waiting")
        self.limit = limit


class FairQueue:
    """At most ``slots`` are acquired at a time, and at most ``limit`` requesters wait for one."""

    def __init__(self, slots: int, *, limit: int) -> None:
        self._slots = self._free = slots
        self._limit = limit
        self._queues: dict[Priority, _Queue] = {priority: OrderedDict() for priority in Priority}
        """Client to its waiters, oldest first; the client that was served longest ago is first."""
        self.waiting = 0

    @property
    def is_idle(self) -> bool:
        """Whether no slot is acquired, and none is waited for."""
        return self._free == self._slots and not self.waiting

    @asynccontextmanager
    async def slot(self, requester: Requester) -> AsyncIterator[None]:
        """Acquire a slot, and release it at the end."""
        await self.acquire(requester)
        try:
            yield
        finally:
            self.release()

    async def acquire(self, requester: Requester) -> None:
        """Wait for a slot; raises ``QueueFullError`` or ``ClientDisconnectedError``. The caller must release it."""
        if self._free and not self.waiting:
            self._free -= 1
            return
        if self.waiting >= self._limit:
            self._make_room(requester)
        waiter: _Waiter = asyncio.get_running_loop().create_future()
        self._add(requester, waiter)

        def leave() -> None:
            if not waiter.done():
                self._remove(requester, waiter)
                waiter.set_exception(ClientDisconnectedError())

        try:
            with requester.inbox.monitored(leave) if requester.inbox is not None else nullcontext():
                await waiter
        except asyncio.CancelledError:
            if waiter.cancelled():
                self._remove(requester, waiter)
            elif waiter.exception() is None:
                self.release()  # it had its slot already
            raise

    def release(self) -> None:
        """Pass the slot to the next waiter, or free it."""
        for queue in self._queues.values():
            while queue:
                client, waiters = next(iter(queue.items()))
                waiter, _ = waiters.popitem(last=False)
                self.waiting -= 1
                queue.move_to_end(client)
                if not waiters:
                    del queue[client]
                if not waiter.done():
                    waiter.set_result(None)
                    return
        self._free += 1

    def _add(self, requester: Requester, waiter: _Waiter) -> None:
        self._queues[requester.priority].setdefault(requester.client, OrderedDict())[waiter] = None
        self.waiting += 1

    def _remove(self, requester: Requester, waiter: _Waiter) -> None:
        queue = self._queues[requester.priority]
        waiters = queue.get(requester.client)
        if waiters is None or waiter not in waiters:
            return
        del waiters[waiter]
        self.waiting -= 1
        if not waiters:
            del queue[requester.client]

    def _make_room(self, requester: Requester) -> None:
        """Refuse the newest waiter of the client with most of the least urgent work; raise if that is the requester itself."""
        for priority in reversed(Priority):
            queue = self._queues[priority]
            if not queue:
                continue
            client, waiters = max(queue.items(), key=lambda each: len(each[1]))
            own = len(queue.get(requester.client, ()))
            if priority > requester.priority or (priority == requester.priority and len(waiters) > own + 1):
                waiter = next(reversed(waiters))
                self._remove(Requester(client, priority), waiter)
                if not waiter.done():
                    waiter.set_exception(QueueFullError(self._limit))
                return
            break
        raise QueueFullError(self._limit)
