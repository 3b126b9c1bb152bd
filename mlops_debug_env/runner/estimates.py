# Copied from domain/ranking/estimates.py by `make reference`; do not edit.
"""Means of scores with intervals, tests of differences, and rates: one implementation for runs, comparisons and boards.

What is estimated: the score that an agent can expect of a fresh episode, with tasks by their weights, and within a task with
faults and seeds as the suite draws them. An observation is the mean score of one scenario; scenarios are independent.

Rule 1: an interval is Student's t on the spread within tasks, so that differences between faults count as chance where
faults are drawn. Rule 2: scores are bounded, so `PSEUDO_EPISODES` with the lowest and as many with the highest score are
added to the spread: without them, equal scores of a few episodes would give an interval without width. Rule 3: below
`MIN_OBSERVATIONS` there is no interval. Rule 4: of all pairs of a board, differences are tested together (Holm), and a rank
is the set of places that the tests leave open.

Only the standard library is imported: the client has a copy of this module, made by ``python -m upkeep reference``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from statistics import NormalDist
from typing import NamedTuple

MIN_OBSERVATIONS = 8
"""Scenarios below which no interval is given."""
PSEUDO_EPISODES = 0.4
"""Weight of the lowest and of the highest score that are added to the spread."""
LEVEL = 0.95
POWER = 0.8
"""Chance with which the minimal detectable difference is found."""
CALIBRATION_BINS = 10

_NORMAL = NormalDist()
_Z = _NORMAL.inv_cdf((1 + LEVEL) / 2)
_Z_OF_POWER = _NORMAL.inv_cdf(POWER)


class Estimate(NamedTuple):
    """A mean of scores and how far it may be from what it estimates."""

    mean: float
    observations: int
    centre: float
    """Of the interval: the mean with the pseudo-episodes."""
    variance: float
    """Of the mean; infinite: there are too few observations."""
    freedom: float
    """Degrees of freedom of the variance."""
    lowest: float
    highest: float
    """Of a score."""

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 %, within what scores can be. None: there are too few observations."""
        if not math.isfinite(self.variance):
            return None
        half = t_quantile(self.freedom) * math.sqrt(self.variance)
        low = min(self.mean, max(self.lowest, self.centre - half))
        return round(low, 4), round(max(self.mean, min(self.highest, self.centre + half)), 4)

    @property
    def detectable(self) -> float | None:
        """The least difference to an equally precise mean that a test at 5 % finds in four of five cases. None: there are
        too few observations."""
        return self._detectable(2 * self.variance)

    @property
    def paired_detectable(self) -> float | None:
        """The same of a mean of paired differences: the least distance from 0."""
        return self._detectable(self.variance)

    def _detectable(self, variance: float) -> float | None:
        if not math.isfinite(variance):
            return None
        return round((t_quantile(self.freedom) + _Z_OF_POWER) * math.sqrt(variance), 4)


class Stratum(NamedTuple):
    """The observations of one task."""

    weight: float
    """Of the task in the mean; the weights of all strata sum to 1."""
    scores: Sequence[float]
    share: float = 1.0
    """Of the task's entries that were attempted; the others count with the lowest score."""


class Rate(NamedTuple):
    """A share with its 95 % interval (Wilson)."""

    share: float
    low: float
    high: float


class CalibrationBin(NamedTuple):
    """The episodes whose confidence lies in one tenth."""

    low: float
    high: float
    episodes: int
    mean_confidence: float
    share_right: float


def estimate_mean(
    strata: Sequence[Stratum], *, lowest: float, highest: float, pseudo: float = PSEUDO_EPISODES
) -> Estimate:
    """The weighted mean over tasks with the variance of the spread within tasks.

    Args:
        strata: one for each task; a task without scores counts with the lowest score.
        lowest: min of a score. Of differences of scores it is negative.
        highest: max of a score.
        pseudo: weight of the lowest and of the highest score that are added to the spread.
    """
    played = [each for each in strata if each.scores]
    number = sum(len(each.scores) for each in played)
    mean = sum(each.weight * _with_floor(each, lowest) for each in strata)
    freedom = number - len(played)
    if number < MIN_OBSERVATIONS or freedom < 1:
        return Estimate(round(mean, 4), number, mean, math.inf, 1.0, lowest, highest)
    observed = sum(sum(each.scores) for each in played) / number
    squares = sum((score - _mean(each.scores)) ** 2 for each in played for score in each.scores)
    squares += pseudo * ((observed - lowest) ** 2 + (highest - observed) ** 2)
    spread = squares / (freedom + 2 * pseudo)
    kept = number / (number + 2 * pseudo)
    factor = sum((each.weight * each.share) ** 2 / len(each.scores) for each in played)
    return Estimate(
        mean=round(mean, 4),
        observations=number,
        centre=kept * mean + (1 - kept) * (lowest + highest) / 2,
        variance=spread * factor * kept,
        freedom=freedom + 2 * pseudo,
        lowest=lowest,
        highest=highest,
    )


def estimate_difference(pairs: Mapping[str, Sequence[float]], *, widest: float) -> Estimate:
    """The mean of paired differences, task by task in proportion to the pairs.

    Args:
        pairs: for each task the differences, one for each scenario that both played.
        widest: the max of a difference.
    """
    number = sum(len(each) for each in pairs.values())
    strata = [Stratum(len(each) / number, each) for each in pairs.values() if each]
    return estimate_mean(strata, lowest=-widest, highest=widest)


def p_value(one: Estimate, other: Estimate) -> float:
    """Two-sided, that agents with equal expected scores differ as much (Welch); 1 where there are too few observations."""
    variance = one.variance + other.variance
    if not math.isfinite(variance):
        return 1.0
    parts = one.variance**2 / one.freedom + other.variance**2 / other.freedom
    if not parts:
        return 1.0
    return t_tail(abs(one.mean - other.mean) / math.sqrt(variance), variance**2 / parts)


def rank_sets(estimates: Mapping[str, Estimate]) -> dict[str, tuple[int, int]]:
    """The best and the worst place of each name that the tests of all pairs leave open.

    The chance that any of the places excluded is the true one is at most 5 % (Holm).
    """
    pairs = [
        (one, other) if estimates[one].mean < estimates[other].mean else (other, one)
        for one, other in combinations(estimates, 2)
    ]
    tests = sorted((p_value(estimates[low], estimates[high]), low, high) for low, high in pairs)
    better = dict.fromkeys(estimates, 0)
    worse = dict.fromkeys(estimates, 0)
    for place, (p, low, high) in enumerate(tests):
        if p > (1 - LEVEL) / (len(tests) - place):
            break
        better[low] += 1
        worse[high] += 1
    return {name: (1 + better[name], len(estimates) - worse[name]) for name in estimates}


def t_quantile(freedom: float) -> float:
    """Two-sided 95 % of Student's t, by the inverse of Wallace's transformation (1959): 1.2 % too wide at three degrees
    of freedom, 0.3 % at five."""
    scaled = _Z * (8 * freedom + 3) / (8 * freedom + 1)
    return math.sqrt(freedom * math.expm1(scaled**2 / freedom))


def t_tail(t: float, freedom: float) -> float:
    """The two-sided chance of a t as large (Wallace 1959)."""
    z = (8 * freedom + 1) / (8 * freedom + 3) * math.sqrt(freedom * math.log1p(t**2 / freedom))
    return 2 * _NORMAL.cdf(-z)


def rate(passed: float, number: int) -> Rate | None:
    """The share of a number with its Wilson interval. None: there are fewer than `MIN_OBSERVATIONS`."""
    if number < MIN_OBSERVATIONS:
        return None
    share, wide = passed / number, _Z**2 / number
    centre = (share + wide / 2) / (1 + wide)
    half = _Z / (1 + wide) * math.sqrt(share * (1 - share) / number + wide / (4 * number))
    return Rate(round(share, 4), round(max(0.0, centre - half), 4), round(min(1.0, centre + half), 4))


def calibration(stated: Iterable[tuple[float, bool]]) -> tuple[CalibrationBin, ...]:
    """Stated confidence against what was right, in bins of a tenth; empty bins are left out."""
    bins: dict[int, list[tuple[float, bool]]] = {}
    for confidence, is_right in stated:
        number = min(CALIBRATION_BINS - 1, int(confidence * CALIBRATION_BINS))
        bins.setdefault(number, []).append((confidence, is_right))
    return tuple(
        CalibrationBin(
            number / CALIBRATION_BINS,
            (number + 1) / CALIBRATION_BINS,
            len(found),
            round(_mean([confidence for confidence, _ in found]), 4),
            round(_mean([float(is_right) for _, is_right in found]), 4),
        )
        for number, found in sorted(bins.items())
    )


def calibration_error(bins: Sequence[CalibrationBin]) -> float | None:
    """The mean gap between confidence and share right, weighted by count. None: nothing was stated."""
    total = sum(each.episodes for each in bins)
    if not total:
        return None
    return round(sum(each.episodes * abs(each.mean_confidence - each.share_right) for each in bins) / total, 4)


class Confidence(NamedTuple):
    """How good stated confidences are. Each is None where nothing was stated."""

    stated: int
    accuracy: float | None
    """Share of the episodes with a stated confidence that were right."""
    brier: float | None
    """Mean squared distance; 0 is best. An agent that is always wrong and says so has 0 as well: read it beside accuracy."""
    skill: float | None
    """1 minus Brier over that of always stating the accuracy: 1 is best, 0 knows no more than its mean. None, too, where
    all were right or all wrong."""


def score_confidence(stated: Sequence[tuple[float, bool]]) -> Confidence:
    """Accuracy, Brier score and Brier skill score."""
    if not stated:
        return Confidence(0, None, None, None)
    accuracy = _mean([float(is_right) for _, is_right in stated])
    brier = _mean([(confidence - is_right) ** 2 for confidence, is_right in stated])
    reference = accuracy * (1 - accuracy)
    skill = round(1 - brier / reference, 4) if reference else None
    return Confidence(len(stated), round(accuracy, 4), round(brier, 4), skill)


def pass_at(k: int, *, tries: int, successes: int) -> float:
    """The chance that at least one of k tries, drawn from those made, succeeds."""
    return 1.0 - math.comb(tries - successes, k) / math.comb(tries, k)


def pass_all(k: int, *, tries: int, successes: int) -> float:
    """The chance that all of k tries, drawn from those made, succeed."""
    return math.comb(successes, k) / math.comb(tries, k)


def _with_floor(stratum: Stratum, lowest: float) -> float:
    share = stratum.share if stratum.scores else 0.0
    return share * (_mean(stratum.scores) if stratum.scores else 0.0) + (1 - share) * lowest


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
