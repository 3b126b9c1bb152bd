"""Where a client's connections are: in one process and one event loop. Used elsewhere they would hang, or break those of another."""

from __future__ import annotations

import asyncio
import os

from mlops_debug_env.protocol.errors import ClientUnusableError

FORKED = (
    "This client was made in process {made}, and this is process {here}, which was forked from it; make a client in each process "
    "(with the same session_key it goes on with the episode), or send it there by pickle."
)
OTHER_LOOP = (
    "This client's connections belong to the event loop of its first call, and this is another one; make a client in each "
    "asyncio.run (with the same session_key it goes on with the episode), close it before, or use SyncDebugClient."
)


class Belonging:
    """The process in which a client was made, and the event loop of its first call."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._loop: asyncio.AbstractEventLoop | None = None

    def check_process(self) -> None:
        """Raise ``ClientUnusableError`` in a forked process."""
        here = os.getpid()
        if here != self._process:
            raise ClientUnusableError(FORKED.format(made=self._process, here=here))

    def check(self) -> None:
        """Raise ``ClientUnusableError`` in a forked process or in another event loop than that of the first call."""
        self.check_process()
        loop = asyncio.get_running_loop()
        self._loop = self._loop or loop
        if self._loop is not loop:
            raise ClientUnusableError(OTHER_LOOP)

    def is_here(self) -> bool:
        """Whether connections that were opened can be closed from here."""
        return os.getpid() == self._process and self._loop in (None, asyncio.get_running_loop())

    def end(self) -> None:
        """Begin anew: the next call may come from another event loop."""
        self._loop = None
