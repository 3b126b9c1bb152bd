"""The garbage collector during a command that reads many rows."""

from __future__ import annotations

import gc

from server.gc_tuning import YOUNG, few_gc_pauses


def test_within_the_block_it_looks_less_often_and_afterwards_as_before() -> None:
    before = gc.get_threshold()
    with few_gc_pauses():
        assert (gc.get_threshold()[0], gc.get_freeze_count() > 0) == (YOUNG, True)
    assert (gc.get_threshold(), gc.get_freeze_count(), gc.isenabled()) == (before, 0, True)
