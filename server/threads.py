"""Threads for work that would block the event loop: one for each kind, so that few of them compete for the interpreter.

A thread that computes hands the interpreter over every few milliseconds, so that the event loop waits for no longer than that.
Rule: work of one kind is done one after another; what waits for it is limited by the callers.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, Callable, Coroutine, TypeVar

_Result = TypeVar("_Result")

GRADING = ThreadPoolExecutor(1, thread_name_prefix="grading")
"""Reading of fixes in words, and the grades that depend on it. An episode waits for at most one."""
BOARDS = ThreadPoolExecutor(1, thread_name_prefix="boards")
"""Boards of rounds. Each is computed once for all who ask."""
BACKGROUND = ThreadPoolExecutor(1, thread_name_prefix="background")
"""Checkpoints and audits."""


async def run_in_thread(executor: ThreadPoolExecutor, work: Callable[..., _Result], *arguments: Any) -> _Result:
    """The result of a function that is called in a thread."""
    return await asyncio.get_running_loop().run_in_executor(executor, partial(work, *arguments))


async def run_on_own_loop(executor: ThreadPoolExecutor, work: Callable[[], Coroutine[Any, Any, _Result]]) -> _Result:
    """The result of a coroutine that runs in a thread, on an event loop of its own. Cancelled with its caller, which waits
    until it has ended."""
    inner: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any] | None]] = []
    is_cancelled = False

    async def run() -> _Result:
        inner.append((asyncio.get_running_loop(), asyncio.current_task()))
        if is_cancelled:
            raise asyncio.CancelledError
        return await work()

    submitted = executor.submit(lambda: asyncio.run(run()))
    running = asyncio.wrap_future(submitted)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        is_cancelled = True
        for loop, task in inner:
            with suppress(RuntimeError):  # it has ended meanwhile
                loop.call_soon_threadsafe(_cancel, task)
        if not submitted.cancel():  # it has begun
            await asyncio.wait([running])
        raise


def _cancel(task: asyncio.Task[Any] | None) -> None:
    if task is not None:
        task.cancel()


class OnOtherLoop:
    """Calls coroutines of an event loop from another one, which runs in another thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    async def call(self, coroutine: Coroutine[Any, Any, _Result]) -> _Result:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, self._loop))
