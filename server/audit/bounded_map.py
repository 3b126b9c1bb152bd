"""Runs a function over many items in a pool, with few of them at a time, so that neither items nor results pile up in memory."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Executor, Future
from contextlib import ExitStack
from typing import Any, Callable, Iterable, Iterator, TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
SECONDS_WORTH_PROCESSES = 10.0
"""Work that is expected to take less is done in this process: each process that starts takes a second of processor time first."""


def map_bounded(
    pool: Executor, function: Callable[[_Item], _Result], items: Iterable[_Item], *, workers: int
) -> Iterator[_Result]:
    """The results in the order of the items. What was not begun is cancelled when the caller stops or fails."""
    waiting: deque[Future[_Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            # Two for each worker: one that it works on, one that it takes next.
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for each in waiting:
            each.cancel()


class WorkersOnDemand:
    """Runs functions in this process, and in a pool what is worth its start. The pool is created once, when it is first needed."""

    def __init__(self, create_pool: Callable[[int], Executor], workers: int) -> None:
        self._create_pool = create_pool
        self._workers = workers
        self._opened = ExitStack()
        self._pool: Executor | None = None

    def __enter__(self) -> WorkersOnDemand:
        return self

    def __exit__(self, *raised: Any) -> None:
        self._opened.__exit__(*raised)

    def map(
        self, function: Callable[[_Item], _Result], items: Iterable[_Item], *, seconds: float | None
    ) -> Iterator[_Result]:
        """The results in the order of the items. ``seconds``: of processor time that they are expected to take; None: long."""
        if seconds is not None and seconds < SECONDS_WORTH_PROCESSES:
            return map(function, items)
        if self._pool is None:
            self._pool = self._opened.enter_context(self._create_pool(self._workers))
        return map_bounded(self._pool, function, items, workers=self._workers)
