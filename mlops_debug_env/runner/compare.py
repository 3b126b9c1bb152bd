"""Paired comparison of two runs on the same entries, so that their difficulty cancels out."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict

from mlops_debug_env.protocol.types import TASK_IDS
from mlops_debug_env.runner.run_folder import read_header, read_results
from mlops_debug_env.runner.statistics import BY_NAME, Interval, clustered_interval

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
    """Second minus first: the mean over entries, with its 95 % bootstrap interval."""
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
        NoRunError: one of them holds no run.
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
    groups = {task: [entry for entry in shared if entry[0] == task] for task in TASK_IDS}
    pairs: dict[str, Pair] = {task: _pair(means, [entries]) for task, entries in groups.items() if entries}
    pairs["all"] = _pair(means, [entries for entries in groups.values() if entries])
    names = [header.agent if header.model is None else f"{header.agent}:{header.model}" for header in headers]
    if names[0] == names[1]:
        names = [f"{name} {header.run_id[:6]}" for name, header in zip(names, headers, strict=True)]
    note = f"{alone} entries have results in one of the runs only; they are left out." if alone else ""
    return Comparison(first=names[0], second=names[1], tasks=pairs, note=note)


Entry = tuple[str, str]
_Means = dict[Entry, float]


def _entry_means(path: Path) -> _Means:
    scores: dict[Entry, list[float]] = defaultdict(list)
    for result in read_results(path):
        scores[result.task_id, result.entry].append(result.score)
    return {entry: sum(each) / len(each) for entry, each in scores.items()}


def _pair(means: tuple[_Means, _Means], strata: list[list[Entry]]) -> Pair:
    entries = [entry for stratum in strata for entry in stratum]
    gaps = [[means[1][entry] - means[0][entry] for entry in stratum] for stratum in strata]
    flat = [gap for stratum in gaps for gap in stratum]
    better = sum(gap > _SAME_WITHIN for gap in flat)
    worse = sum(gap < -_SAME_WITHIN for gap in flat)
    return Pair(
        entries=len(entries),
        first=round(sum(means[0][entry] for entry in entries) / len(entries), 4),
        second=round(sum(means[1][entry] for entry in entries) / len(entries), 4),
        difference=clustered_interval([[[gap] for gap in stratum] for stratum in gaps]),
        better=better,
        worse=worse,
        same=len(flat) - better - worse,
    )
