"""Names of what a run has where it may have none, one or two faults; the ids of two are joined, as in ``bottleneck+no_scaling``."""

from __future__ import annotations

HEALTHY = "none"
"""The id of no fault at all."""
SEPARATOR = "+"
"""Stands between the ids of two faults."""
TWIN_OF = f"{HEALTHY}:"
"""Stands before the id of a fault whose healthy twin is asked for."""


def twin_of(fault: str | None) -> tuple[bool, str | None]:
    """Whether the healthy twin is asked for, as ``none`` or ``none:bottleneck`` does, and of which fault; None: of the one that is drawn."""
    if fault is None or not (fault == HEALTHY or fault.startswith(TWIN_OF)):
        return False, fault
    return True, fault.removeprefix(TWIN_OF) if fault != HEALTHY else None
