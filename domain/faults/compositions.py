"""Names of what a run has where it may have none, one or two faults; the ids of two are joined, as in ``bottleneck+no_scaling``."""

from __future__ import annotations

HEALTHY = "none"
"""The id of no fault at all."""
SEPARATOR = "+"
"""Stands between the ids of two faults."""
