"""The statistics of the boards of ``ranked-1`` and ``ranked-2``; `estimates` has those of all later suites.

They are kept so that these boards, and bundles that hold them, keep their numbers. Rule 1: a mean is taken within each fault, and the faults are weighted as the suite weighs them, so that luck with the
draw neither helps nor harms. Rule 2: an entry that was never attempted counts with the floor score. Rule 3: two rows
have different ranks only where a test on the same strata finds them different.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Iterable, Mapping, NamedTuple, Sequence

from domain.rubric import RUBRIC, Rubric
from domain.tasks.suites import Suite
from domain.types import TASK_IDS, TaskId

PASS_SCORE = 0.7
"""An attempt passes from this score on: cause found in category, file and field, or nearly and repaired."""
CALIBRATION_BINS = 10
MIN_SPREAD = 0.05
"""Min standard deviation of an attempt, because a few equal scores do not prove that all would be equal."""
_MANY_DEGREES_OF_FREEDOM = 1000
# Two-sided 95 % of Student's t for 1 to 8 degrees of freedom; beyond, the expansion below is right to three digits.
_T_QUANTILES = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306)
_NORMAL_QUANTILE = 1.959964


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One attempt that has ended."""

    entry: int
    attempt: int
    task_id: TaskId
    fault_id: str
    score: float
    steps: int
    confidence: float | None = None
    """None: not stated."""
    is_right: bool = False
    """Whether category, file and field were right, which a confidence is about."""


class Estimate(NamedTuple):
    """A mean with its variance and degrees of freedom."""

    mean: float
    variance: float
    """Of the mean."""
    freedom: int
    """Degrees of freedom of the variance."""
    lowest: float = RUBRIC.lowest_score
    """Min and max of a score by the rubric of the scores."""
    highest: float = RUBRIC.highest_score

    @property
    def interval(self) -> tuple[float, float]:
        """95 %, within what scores can be."""
        half = t_quantile(self.freedom) * math.sqrt(self.variance)
        return max(self.lowest, self.mean - half), min(self.highest, self.mean + half)


class CalibrationBin(NamedTuple):
    """The attempts whose confidence lies in one tenth."""

    low: float
    high: float
    attempts: int
    mean_confidence: float
    share_right: float


def t_quantile(freedom: int) -> float:
    """Two-sided 95 % of Student's t."""
    if freedom < 1:
        return math.inf
    if freedom <= len(_T_QUANTILES):
        return _T_QUANTILES[freedom - 1]
    z, n = _NORMAL_QUANTILE, float(freedom)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / n + second / n**2 + third / n**3


def estimate_score(outcomes: Sequence[Outcome], suite: Suite, rubric: Rubric = RUBRIC) -> Estimate:
    """The score of an agent under the rubric of its scores: over tasks by their entries, within a task over faults by the
    suite's mix."""
    spread, freedom = _pooled_spread(outcomes, rubric)
    mean, variance = 0.0, 0.0
    for task_id in _tasks(suite):
        share = suite.entries.count(task_id) / len(suite.entries)
        part = _task_mean([each for each in outcomes if each.task_id == task_id], suite, task_id, rubric.lowest_score)
        mean += share * part.mean
        variance += share**2 * part.factor * spread
    return Estimate(round(mean, 4), variance, freedom, rubric.lowest_score, rubric.highest_score)


class _TaskMean(NamedTuple):
    mean: float
    factor: float
    """Times the variance of one attempt: the variance of the mean."""


def _task_mean(outcomes: Sequence[Outcome], suite: Suite, task_id: TaskId, lowest: float) -> _TaskMean:
    by_fault = _by_fault(outcomes)
    entries = [number for number, each in enumerate(suite.entries, start=1) if each == task_id]
    played = len({each.entry for each in outcomes} & set(entries)) / len(entries)
    weights = {fault: suite.weight_of(fault[1], task_id) for fault in by_fault}
    total = sum(weights.values())
    if not total:
        return _TaskMean(lowest, 0.0)
    mean = sum(weights[fault] * _mean(scores) for fault, scores in by_fault.items()) / total
    factor = sum((weights[fault] / total) ** 2 / len(scores) for fault, scores in by_fault.items())
    return _TaskMean(played * mean + (1 - played) * lowest, played**2 * factor)


def _pooled_spread(outcomes: Sequence[Outcome], rubric: Rubric) -> tuple[float, int]:
    """Variance of one attempt about the mean of its fault, and its degrees of freedom."""
    squares, freedom = 0.0, 0
    for scores in _by_fault(outcomes).values():
        mean = _mean(scores)
        squares += sum((score - mean) ** 2 for score in scores)
        freedom += len(scores) - 1
    if not freedom:
        # No score can spread more: assumed where no fault was met twice.
        return ((rubric.highest_score - rubric.lowest_score) / 2) ** 2, _MANY_DEGREES_OF_FREEDOM
    return max(squares / freedom, MIN_SPREAD**2), freedom


def is_better(one: Estimate, other: Estimate) -> bool:
    """Whether the difference is more than chance would give in 95 of 100 cases (Welch, on the stratified means)."""
    if one.mean <= other.mean:
        return False
    variance = one.variance + other.variance
    parts = (one.variance**2 / one.freedom) + (other.variance**2 / other.freedom)
    freedom = max(1, int(variance**2 / parts)) if parts else one.freedom + other.freedom
    return one.mean - other.mean > t_quantile(freedom) * math.sqrt(variance)


def rank(estimates: Mapping[str, Estimate]) -> dict[str, int]:
    """1 plus the number of rows that are significantly better; rows without a significant difference are tied."""
    return {
        name: 1 + sum(is_better(other, one) for other_name, other in estimates.items() if other_name != name)
        for name, one in estimates.items()
    }


def pass_rate(outcomes: Sequence[Outcome]) -> float | None:
    """pass@1: the share of attempts that pass; None: none has ended."""
    return round(_mean([float(each.score >= PASS_SCORE) for each in outcomes]), 4) if outcomes else None


def pass_all(outcomes: Sequence[Outcome], k: int) -> float | None:
    """pass^k: how likely k attempts at an entry all pass, without bias from the k that are looked at; None: no entry
    has so many."""
    of_entry: dict[int, list[bool]] = defaultdict(list)
    for each in outcomes:
        of_entry[each.entry].append(each.score >= PASS_SCORE)
    shares = [math.comb(sum(passed), k) / math.comb(len(passed), k) for passed in of_entry.values() if len(passed) >= k]
    return round(_mean(shares), 4) if shares else None


def calibration(outcomes: Iterable[Outcome]) -> tuple[CalibrationBin, ...]:
    """The bins with at least one attempt, by rising confidence."""
    bins: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for each in outcomes:
        if each.confidence is not None:
            number = min(CALIBRATION_BINS - 1, int(each.confidence * CALIBRATION_BINS))
            bins[number].append((each.confidence, each.is_right))
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


def brier(outcomes: Iterable[Outcome]) -> float | None:
    """Mean over the attempts that gave a confidence; None: none did."""
    found = [(each.confidence - each.is_right) ** 2 for each in outcomes if each.confidence is not None]
    return round(_mean(found), 4) if found else None


def pareto(points: Mapping[str, tuple[float, float]]) -> frozenset[str]:
    """Names of the points (cost, score) to which no other is at least equal in both and better in one."""
    return frozenset(
        name
        for name, (cost, score) in points.items()
        if not any(
            other_cost <= cost and other_score >= score and (other_cost, other_score) != (cost, score)
            for other_cost, other_score in points.values()
        )
    )


def _by_fault(outcomes: Iterable[Outcome]) -> dict[tuple[TaskId, str], list[float]]:
    """By task, too: a fault of the expert task is planted on another one as well."""
    found: dict[tuple[TaskId, str], list[float]] = defaultdict(list)
    for each in outcomes:
        found[each.task_id, each.fault_id].append(each.score)
    return found


def _tasks(suite: Suite) -> list[TaskId]:
    return [task_id for task_id in TASK_IDS if task_id in suite.entries]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
