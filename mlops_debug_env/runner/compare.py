"""Paired comparison of two runs on the same entries, so that their difficulty cancels out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict

from mlops_debug_env.protocol.counts import counted
from mlops_debug_env.protocol.types import TASK_IDS
from mlops_debug_env.runner.estimates import estimate_difference
from mlops_debug_env.runner.run_folder import read_header, read_results
from mlops_debug_env.runner.summary import BY_NAME, HIGHEST_SCORE, LOWEST_SCORE, Interval

_SAME_WITHIN = 0.005


class NothingInCommonError(ValueError):
    """The runs share no entry that both have results for."""


class Pair(BaseModel):
    """Both runs on the entries they share."""

    model_config = ConfigDict(frozen=True)

    entries: int
    first: float
    second: float
    difference: Annotated[Interval, BY_NAME]
    """Second minus first: the mean over entries, with its 95 % interval."""
    detectable_difference: float | None
    """The least difference that a test on as many entries finds in four of five cases; None: too few entries."""
    better: int
    """Entries on which the second was better."""
    worse: int
    same: int


class Comparison(BaseModel):
    """All pairs, by task and over all."""

    model_config = ConfigDict(frozen=True)

    first: str
    second: str
    tasks: dict[str, Pair]
    note: str
    """What was left out; empty: nothing."""


def compare_runs(first: Path, second: Path) -> Comparison:
    """The paired comparison of two folders.

    Raises:
        NoRunError: one of them contains no run.
        NothingInCommonError: there is nothing to pair.
    """
    headers = read_header(first), read_header(second)
    if any(header.round is not None for header in headers):
        raise NothingInCommonError(
            "ranked attempts are scenarios of their own and make no pairs; the board compares agents"
        )
    means = _entry_means(first), _entry_means(second)
    shared = sorted(entry for entry in means[0] if entry in means[1])
    if not shared:
        raise NothingInCommonError(f"{first} and {second} have no entry in common; run both on the same suite")
    alone = len(means[0]) + len(means[1]) - 2 * len(shared)
    groups: dict[str, list[Entry]] = {task: [entry for entry in shared if entry[0] == task] for task in TASK_IDS}
    pairs: dict[str, Pair] = {task: _pair(means, {task: entries}) for task, entries in groups.items() if entries}
    pairs["all"] = _pair(means, groups)
    names = [header.title for header in headers]
    if names[0] == names[1]:
        names = [f"{name} {header.run_id[:6]}" for name, header in zip(names, headers, strict=True)]
    note = f"{counted(alone, 'entry')} left out, with results in one of the runs only" if alone else ""
    return Comparison(first=names[0], second=names[1], tasks=pairs, note=note)


Entry = tuple[str, str]
_Means = dict[Entry, float]


def _entry_means(path: Path) -> _Means:
    scores: dict[Entry, list[float]] = defaultdict(list)
    for result in read_results(path):
        scores[result.task_id, result.entry].append(result.score)
    return {entry: sum(each) / len(each) for entry, each in scores.items()}


def _pair(means: tuple[_Means, _Means], groups: Mapping[str, list[Entry]]) -> Pair:
    entries = [entry for group in groups.values() for entry in group]
    gaps = {task: [means[1][entry] - means[0][entry] for entry in group] for task, group in groups.items() if group}
    flat = [gap for group in gaps.values() for gap in group]
    estimate = estimate_difference(gaps, widest=HIGHEST_SCORE - LOWEST_SCORE)
    better = sum(gap > _SAME_WITHIN for gap in flat)
    worse = sum(gap < -_SAME_WITHIN for gap in flat)
    return Pair(
        entries=len(entries),
        first=round(sum(means[0][entry] for entry in entries) / len(entries), 4),
        second=round(sum(means[1][entry] for entry in entries) / len(entries), 4),
        difference=Interval(estimate.mean, *(estimate.interval or (None, None))),
        detectable_difference=estimate.paired_detectable,
        better=better,
        worse=worse,
        same=len(flat) - better - worse,
    )
