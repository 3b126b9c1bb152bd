"""The garbage collector of a server process. Nearly all that a step makes is freed by counting references; what is left to
the collector is rare, and looking for it costs more than a tenth of the CPU and most of the longest waits by default."""

from __future__ import annotations

import gc

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
