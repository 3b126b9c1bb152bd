"""How likely a kind of fault is, in units of how likely one kind is before anything is known: what declarations, changes and sizes of sources make of it."""

from __future__ import annotations

import math
from statistics import median

from mlops_debug_env.agents.declared.checks import Checks
from mlops_debug_env.agents.declared.reading import Declared

Look = tuple[float, str]
"""Weight of a block and its path."""
RISKY = 2.0
"""Weight of a declaration that is right in half of the worlds."""
LOUD, LOUD_AMONG_SEVERAL = 0.33, 0.05
"""Factor of what log and results would mostly have shown at once: it is planted less often, and not at all among none, one or two."""
CHANGED, UNCHANGED, OF_ANOTHER = 2.0, 0.66, 0.05
"""Factor of a declaration that changed since the last good run, of one that did not, and of one where that of another source did."""


def step(value: float, steps: tuple[tuple[float, float], ...], otherwise: float) -> float:
    """The weight beside the highest of some limits that a value exceeds; 1: the value is not known."""
    if math.isnan(value):
        return 1.0
    return next((weight for limit, weight in steps if value > limit), otherwise)


def odds(declared: Declared, path: str) -> float:
    """How much likelier the changes since the last good run make a wrong declaration; 1: they are not known."""
    if declared.changed is None:
        return 1.0
    return CHANGED if path in declared.changed or path in declared.touched else UNCHANGED


def odds_of_risky(declared: Declared, path: str) -> float:
    """The same of a declaration whose weight already counts that it is one that only some worlds allow."""
    return min(1.0, odds(declared, path))


def share_of(declared: Declared, checks: Checks, source: str, name: str) -> float:
    """Share of what is wrong with a declaration of sources that is wrong at this one, times its odds."""
    prior, changed = prior_of(declared, checks, source), declared.changed
    if changed is None:
        return prior
    if f"sources.{source}.{name}" in changed:
        return CHANGED
    is_elsewhere = any(f"sources.{one}.{name}" in changed for one in declared.sources)
    return prior * (OF_ANOTHER if is_elsewhere else UNCHANGED)


def is_small(declared: Declared, checks: Checks, source: str) -> bool:
    """Whether a source has clearly fewer rows than others: what is wrong there matters little."""
    return size_of(declared, checks, source) < 0.85


def size_of(declared: Declared, checks: Checks, source: str) -> float:
    """Rows of a source over those of the middle one."""
    rows = {name: checks.rows_of(name, "read") for name in declared.sources}
    return rows[source] / max(1.0, median(rows.values()))


def prior_of(declared: Declared, checks: Checks, source: str) -> float:
    """Share of what is wrong at some source that is wrong at this one."""

    def share(name: str) -> float:
        size = size_of(declared, checks, name)
        # Where rows are missing that should be there, a source looks smaller than it is.
        return 0.1 if size < 0.7 else 0.5 if size < 0.9 else 1.0

    return share(source) / sum(share(name) for name in declared.sources)
