"""How single faults and scenarios fare: fault by program, and difficulty and discrimination of the scenarios as test items."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

import numpy as np

from bench.validity.episodes import Episode
from bench.validity.solvers import BOUNDS, Scores

NONE = "none"


class FaultRow(NamedTuple):
    """One fault of a task."""

    fault_id: str
    """``none``: the runs without a fault."""
    episodes: int
    means: dict[str, float]
    """Program to its mean score on the episodes with the fault."""
    difficulty: float
    """Mean score of all programs: of items of a test the share that is solved."""
    discrimination: float | None
    """Mean correlation, over the programs, of an episode's score with the mean score on all other episodes; None: all
    programs score the same on each episode."""

    def nearest(self, bounds: dict[str, float], groups: dict[str, str]) -> tuple[float, str]:
        """How far the best program of a group lies above its bound (negative: below), and its name."""
        return max((self.means[name] - bounds[groups[name]], name) for name in self.means if groups[name] in BOUNDS)


def fault_rows(judged: Sequence[Episode], found: Sequence[Scores]) -> list[FaultRow]:
    """Every fault of the episodes; an episode with two counts for both."""
    table = np.array([one.scores for one in found])
    places: dict[str, list[int]] = {}
    for place, episode in enumerate(judged):
        for fault in episode.faults or (NONE,):
            places.setdefault(fault, []).append(place)
    discrimination = _discrimination(table)
    rows = []
    for fault, own in sorted(places.items()):
        known = [discrimination[place] for place in own if not np.isnan(discrimination[place])]
        rows.append(
            FaultRow(
                fault,
                len(own),
                {one.solver: float(one.scores[own].mean()) for one in found},
                float(table[:, own].mean()),
                fmean(known) if known else None,
            )
        )
    return rows


def _discrimination(table: np.ndarray) -> list[float]:
    """For each episode (column): the correlation over the programs (rows) with the mean of the other episodes."""
    width = table.shape[1]
    totals = table.sum(axis=1)
    found = []
    for place in range(width):
        own, rest = table[:, place], (totals - table[:, place]) / max(1, width - 1)
        is_flat = own.std() < 1e-9 or rest.std() < 1e-9
        found.append(float("nan") if is_flat else float(np.corrcoef(own, rest)[0, 1]))
    return found
