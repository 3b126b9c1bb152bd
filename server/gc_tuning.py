"""The garbage collector of a server process, and of a command that reads many rows. Nearly all that a step makes is freed
by counting references; what is left to the collector is rare, and looking for it costs more than a tenth of the CPU and
most of the longest waits by default."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import Iterator

YOUNG = 20_000
"""Objects more before the youngest are looked at: by default it is every few steps."""
OLDER = 20
OLDEST = 100


def pause_gc() -> None:
    """Collect nothing until ``reduce_gc_pauses``: what a start imports is kept anyway, and looking at it takes an eighth of its
    CPU."""
    gc.disable()


def reduce_gc_pauses() -> None:
    """Leave out what the imports made, for good, and look less often. Called once a process, before it serves."""
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, OLDER, OLDEST)


@contextmanager
def few_gc_pauses() -> Iterator[None]:
    """The same for a block of a command, and afterwards as before. The rows of a batch are many objects, none of which refers
    to itself: looking at them takes a fifth of the CPU of an audit that derives nothing."""
    before = gc.get_threshold()
    reduce_gc_pauses()
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
