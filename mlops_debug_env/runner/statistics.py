"""Means with intervals, pass@k and calibration. Episodes of one entry are one cluster, because they share a scenario."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from typing import NamedTuple

import numpy as np
from pydantic import PlainSerializer

RESAMPLES = 10_000
_RESAMPLES_AT_ONCE = 200
"""Limits the memory of the bootstrap."""
_LEVEL = 95.0
CALIBRATION_BINS = 10


BY_NAME = PlainSerializer(lambda value: value._asdict())
"""Marks a field whose JSON is an object with the names of the tuple, and not a list."""


class Interval(NamedTuple):
    """A mean with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


class Bin(NamedTuple):
    """Episodes in one range of stated confidence."""

    low: float
    high: float
    episodes: int
    mean_confidence: float
    share_right: float


def clustered_interval(strata: Sequence[Sequence[Sequence[float]]], *, seed: int = 0) -> Interval:
    """The mean of all values with its bootstrap interval over entries.

    Args:
        strata: for each task, for each entry, its values. Entries are resampled within their task, so that every
            resample holds the same mix of tasks.
        seed: of the resampling; the same values give the same interval.
    """
    sums = [np.array([sum(entry) for entry in stratum]) for stratum in strata if stratum]
    counts = [np.array([len(entry) for entry in stratum]) for stratum in strata if stratum]
    random = np.random.default_rng(seed)
    means = np.concatenate([_resampled_means(sums, counts, random) for _ in range(RESAMPLES // _RESAMPLES_AT_ONCE)])
    tail = (100.0 - _LEVEL) / 2
    low, high = np.percentile(means, [tail, 100.0 - tail])
    mean = sum(float(each.sum()) for each in sums) / sum(int(each.sum()) for each in counts)
    return Interval(round(mean, 4), round(float(low), 4), round(float(high), 4))


def pass_at(k: int, *, tries: int, successes: int) -> float:
    """The chance that at least one of k tries, drawn from those made, succeeds."""
    return 1.0 - comb(tries - successes, k) / comb(tries, k)


def pass_all(k: int, *, tries: int, successes: int) -> float:
    """The chance that all of k tries, drawn from those made, succeed."""
    return comb(successes, k) / comb(tries, k)


def calibration(stated: Sequence[tuple[float, bool]]) -> tuple[Bin, ...]:
    """Stated confidence against what was right, in bins of a tenth. Empty bins are left out."""
    bins = []
    for number in range(CALIBRATION_BINS):
        binned = [each for each in stated if min(int(each[0] * CALIBRATION_BINS), CALIBRATION_BINS - 1) == number]
        if binned:
            mean = sum(confidence for confidence, _ in binned) / len(binned)
            share = sum(right for _, right in binned) / len(binned)
            low, high = number / CALIBRATION_BINS, (number + 1) / CALIBRATION_BINS
            bins.append(Bin(low, high, len(binned), round(mean, 4), round(share, 4)))
    return tuple(bins)


def calibration_error(bins: Sequence[Bin]) -> float | None:
    """The mean gap between confidence and share right, weighted by count; None: nothing was stated."""
    total = sum(each.episodes for each in bins)
    if not total:
        return None
    return round(sum(each.episodes * abs(each.mean_confidence - each.share_right) for each in bins) / total, 4)


def _resampled_means(
    sums: list[np.ndarray[tuple[int], np.dtype[np.float64]]],
    counts: list[np.ndarray[tuple[int], np.dtype[np.int64]]],
    random: np.random.Generator,
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    total = np.zeros(_RESAMPLES_AT_ONCE)
    number = np.zeros(_RESAMPLES_AT_ONCE)
    for entry_sums, entry_counts in zip(sums, counts, strict=True):
        drawn = random.integers(0, len(entry_sums), size=(_RESAMPLES_AT_ONCE, len(entry_sums)))
        total += entry_sums[drawn].sum(axis=1)
        number += entry_counts[drawn].sum(axis=1)
    return total / number
