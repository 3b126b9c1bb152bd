"""Which faults the tasks plant, and so which faults their healthy runs look like."""

from __future__ import annotations

from itertools import combinations

from domain.training.multi_source.agreements import AGREEMENTS, BY_FAULT
from domain.training.multi_source.loudness import QUIET, SOURCE_LOUDNESS
from domain.training.randomness import Stream

FAULTS: tuple[str, ...] = tuple(agreement.fault_id for agreement in AGREEMENTS)
"""Ids of the faults of this family, in the order in which they are drawn."""
QUIET_FAULTS: tuple[str, ...] = tuple(fault_id for fault_id in FAULTS if SOURCE_LOUDNESS[fault_id].shown <= QUIET)
"""Of these, log and results alone show nothing in most runs: what the task of none, one or two faults plants."""
LOCAL_FAULTS: tuple[str, ...] = tuple(fault_id for fault_id in FAULTS if "{" in BY_FAULT[fault_id].pattern)
"""Those of one source or column, which has to be found; the others are of one declaration that every run has."""
PAIRS: tuple[tuple[str, str], ...] = tuple(
    (one, other) for one, other in combinations(QUIET_FAULTS, 2) if one in LOCAL_FAULTS or other in LOCAL_FAULTS
)
"""Faults that are planted together."""
QUIET_WEIGHT = 3
"""How often the task of one fault plants a quiet fault, over how often it plants one that log and results show at once."""
DRAWN_ALONE: tuple[str, ...] = (*FAULTS, *QUIET_FAULTS * (QUIET_WEIGHT - 1))
"""What the task of one fault draws from: every fault as often as it counts."""
COUNTS = (0, 1, 1, 2)
"""How many faults the task of none, one or two plants, all four equally likely."""


def draw_quiet(draw: Stream, counts: tuple[int, ...] = COUNTS) -> tuple[str, ...]:
    """The ids of what the task of none, one or two faults plants."""
    match draw.choice(counts):
        case 0:
            return ()
        case 1:
            return (draw.choice(QUIET_FAULTS),)
        case _:
            return tuple(sorted(draw.choice(PAIRS)))
