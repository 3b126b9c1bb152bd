"""Supervises the background tasks of a server: one that ends is reported, and restarted after a pause.

Rule 1: the end of a task is reported: the log has the traceback, ``/ready`` names the task. Rule 2: those who wait for the task
get an error before it is restarted. Rule 3: the pause doubles each time, up to ``MAX_PAUSE_SECONDS``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Awaitable, Callable

logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.5
MAX_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0
"""A task that ran for this long before it ended is started again after the first pause."""

Work = Callable[[], Awaitable[None]]
"""Runs until the server stops."""


class TaskEndedError(Exception):
    """A background task returned, although it should run as long as the server does."""


def _ignore(_: BaseException) -> None:
    pass


class Supervisor:
    """The background tasks of one server."""

    def __init__(self, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._sleep = sleep
        self._down: dict[str, str] = {}

    @property
    def down(self) -> dict[str, str]:
        """Name of each task that ended and is not restarted yet, to the class of its error. Not its message, which may quote
        event data."""
        return dict(self._down)

    def is_down(self, name: str) -> bool:
        return name in self._down

    async def run_restarting(
        self,
        name: str,
        work: Work,
        *,
        on_end: Callable[[BaseException], None] = _ignore,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """Run ``work``, and again whenever it ends, until this is cancelled or it ends while stopping. ``on_end`` gets the
        error at once."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            started = time.monotonic()
            error = await _run_once(work)
            if error is None and is_stopping():
                return
            error = error or TaskEndedError("it returned")
            self._down[name] = type(error.__cause__ or error).__name__
            on_end(error)
            if is_stopping():
                logger.error("the background task %s ended while the server stops", name, exc_info=error)
                return
            if time.monotonic() - started >= STEADY_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            logger.error("the background task %s ended; it is started again in %.1f s", name, pause, exc_info=error)
            await self._sleep(pause)
            pause = min(2 * pause, MAX_PAUSE_SECONDS)
            del self._down[name]


async def _run_once(work: Work) -> BaseException | None:
    """Run the work once; returns the error that ended it, or None if it returned."""
    try:
        await work()
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise  # the supervisor itself is to end
        return error  # something that the task awaited was cancelled
    except (KeyboardInterrupt, SystemExit):
        raise  # the process itself is to end
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is reported, and the task starts again
        return error
    return None
