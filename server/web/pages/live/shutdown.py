"""Detects that the server is shutting down, so that event streams end.

On shutdown the server waits for open responses before it notifies the application; the application therefore has to watch the
signals itself.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from types import FrameType
from typing import Callable, Iterator

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def watch_stop_signals() -> Iterator[Callable[[], bool]]:
    """Yields whether SIGINT or SIGTERM has arrived; the handlers that were installed before still run."""
    is_stopping = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield is_stopping.is_set  # only the main thread may handle signals; the owner of this thread ends it
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def notice(number: int, frame: FrameType | None) -> None:
        is_stopping.set()
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)
        elif handler != signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    for number in _SIGNALS:
        signal.signal(number, notice)
    try:
        yield is_stopping.is_set
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is notice:
                signal.signal(number, handler if handler is not None else signal.SIG_DFL)
