"""Ctrl-C: one line and exit code 130, also while a program starts; no effect once its work is done.

Imports nothing that takes long, because Ctrl-C may come before anything else is imported.
"""

from __future__ import annotations

import _thread
import logging
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

INTERRUPTED = 130
"""Exit code after Ctrl-C, as of a program that the signal ended."""
BEFORE_ALL = "interrupted before anything was done"
LATER_SECONDS = 0.02
_running, _ending = threading.Event(), threading.Event()
"""Whether this process is the program, and whether Ctrl-C is ending it."""
KEPT = "interrupted; what was done before is kept"
"""For commands that do not state how far they had come."""


@contextmanager
def ending_by_ctrl_c() -> Iterator[None]:
    """The whole of a program, its imports included. Afterwards Ctrl-C is ignored: the interpreter needs a while to end."""
    try:
        _running.set()
        _pass_on_where_it_cannot_be_raised()
        yield
    except (KeyboardInterrupt, Exception) as error:
        if not is_of_ctrl_c(error):
            raise
        ignore_ctrl_c()
        note_end()
        sys.stderr.write(f"{BEFORE_ALL}\n")
        sys.exit(INTERRUPTED)
    finally:
        ignore_ctrl_c()
        # CPython notes a KeyboardInterrupt that leaves code run by exec, such as a dataclass being made, and ends by SIGINT
        # instead of with the exit code, also where it was handled afterwards. The next exec clears the note.
        exec("")


def is_of_ctrl_c(error: BaseException | None) -> bool:
    """Whether it is Ctrl-C, or what extension code that it cut raised instead, which names it as cause or in its message.

    pydantic's core makes a ``SchemaError`` of a ``KeyboardInterrupt`` that comes while a model is built.
    """
    while error is not None:
        if isinstance(error, KeyboardInterrupt) or KeyboardInterrupt.__name__ in str(error):
            return True
        error = error.__cause__
    return False


def note_end() -> None:
    """The one line is about to be printed; nothing else is, of what is cleaned up afterwards."""
    _ending.set()
    if _running.is_set():
        warnings.simplefilter("ignore")


def _pass_on_where_it_cannot_be_raised() -> None:
    """Instead of a traceback, raise it again after a finalizer in which it came, and leave it out of the log of what is closed."""
    before = sys.unraisablehook

    def pass_on(unraisable: Any) -> None:
        if _ending.is_set():
            return  # of what was cut while it was made, such as an event loop
        if isinstance(unraisable.exc_value, KeyboardInterrupt):
            send_later(signal.SIGINT)
        else:
            before(unraisable)

    sys.unraisablehook = pass_on
    if logging.lastResort is not None:
        logging.lastResort.addFilter(lambda record: not _logs_ctrl_c(record))


def send_later(number: int) -> None:
    """Send this process a signal in a moment: at once, it would be raised in the caller, and lost if that is a finalizer."""
    again = threading.Timer(LATER_SECONDS, _send, [number])
    again.daemon = True
    again.start()


def _send(number: int) -> None:
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, number)  # also ends a wait
    else:
        _thread.interrupt_main(signal.Signals(number))


def _logs_ctrl_c(record: logging.LogRecord) -> bool:
    from asyncio import CancelledError  # what asyncio makes of it; imported long before anything logs it

    return record.exc_info is not None and isinstance(record.exc_info[1], (KeyboardInterrupt, CancelledError))


def ignore_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class CtrlC:
    """Lets Ctrl-C wait while a step must not be cut.

    Without effect where it is ignored, where it waits already, and outside the main thread.
    """

    def __init__(self) -> None:
        self._has_come = False
        self._before: Any = signal.default_int_handler

    def defer(self) -> None:
        handler = signal.getsignal(signal.SIGINT)
        waits = isinstance(getattr(handler, "__self__", None), CtrlC)
        if threading.current_thread() is threading.main_thread() and handler != signal.SIG_IGN and not waits:
            self._before = handler or signal.default_int_handler
            signal.signal(signal.SIGINT, self._note)

    def allow(self) -> None:
        """End what ``defer`` began; raises ``KeyboardInterrupt`` if Ctrl-C came since."""
        self.release()
        if self._has_come:
            self._has_come = False
            raise KeyboardInterrupt

    def release(self) -> None:
        """End what ``defer`` began; ``allow`` may still raise afterwards."""
        if self._is_deferred:
            signal.signal(signal.SIGINT, self._before)

    @property
    def _is_deferred(self) -> bool:
        return signal.getsignal(signal.SIGINT) == self._note

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Let it wait until the end of the block."""
        self.defer()
        try:
            yield
        except BaseException:
            self.release()
            raise
        self.allow()

    def _note(self, _: int, __: FrameType | None) -> None:
        self._has_come = True
