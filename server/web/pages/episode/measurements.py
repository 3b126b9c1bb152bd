"""View model of what the checks measured beside the same numbers of the healthy twin: those that differ most."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Iterator, Mapping, Sequence

from domain.events import CheckRun, Event
from domain.scenario import Evidence

MAX_SHOWN = 12
SMALLEST_SCALE = 0.05
"""Numbers that are smaller are compared with this one, so that a share of nearly nothing does not come first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One number of one check."""

    check: str
    name: str
    run: float
    twin: float
    distance: float
    """Difference over the larger of both, 0 to 2."""
    seen_at: int | None
    """The step that ran the check; None: no step did."""


def build_differences(evidence: Evidence, twin: Evidence, events: Sequence[Event]) -> tuple[Difference, ...]:
    """The numbers that differ most, the most different first; at most a third of them of one check."""
    steps: dict[str, int] = {}
    for step, event in enumerate(events):
        if isinstance(event, CheckRun):
            steps.setdefault(event.check, step)
    found = []
    for name, check in evidence.checks.items():
        if name not in twin.checks:
            continue
        other = dict(_numbers(twin.checks[name].measured))
        own = [
            Difference(check=name, name=path, run=value, twin=other[path], distance=far, seen_at=steps.get(name))
            for path, value in _numbers(check.measured)
            if path in other and (far := _distance(value, other[path])) > 0
        ]
        found += sorted(own, key=lambda one: -one.distance)[: MAX_SHOWN // 3]
    return tuple(sorted(found, key=lambda one: -one.distance)[:MAX_SHOWN])


def _distance(one: float, other: float) -> float:
    return abs(one - other) / max(abs(one), abs(other), SMALLEST_SCALE)


def _numbers(value: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """Each number below a value with its path."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _numbers(each, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield from _numbers(each, f"{path}[{at}]")
    elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        yield path, float(value)
