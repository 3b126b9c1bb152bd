"""Measures the difficulty of the expert task by the number of faults: results of the checks, and scores of the heuristic."""

from __future__ import annotations

from collections import defaultdict
from statistics import fmean
from typing import NamedTuple

from bench.validity.composed_blind_answers import composed_scenarios
from bench.validity.heuristic_play import play
from domain.scenario import Scenario

FIRST_SEED = 62_000_000
HEALTHY = 15
"""Healthy runs; of runs with one fault and with two there are twice as many each."""


class ByCount(NamedTuple):
    """The runs with this number of faults."""

    faults: int
    runs: int
    flags: float
    """Mean number of the eight checks that flag."""
    unflagged: float
    """Share of the runs in which no check flags."""
    heuristic: float
    """Mean score of the heuristic, played within its budgets."""
    all_found: float
    """Share of the runs in which it named every fault and nothing else."""


def measure_expert(healthy: int = HEALTHY) -> list[ByCount]:
    """Fresh runs, grouped by their number of faults."""
    groups: dict[int, list[Scenario]] = defaultdict(list)
    for scenario in composed_scenarios(first_seed=FIRST_SEED, healthy=healthy):
        groups[len(scenario.truth.planted)].append(scenario)
    return [_measured(count, groups[count]) for count in sorted(groups)]


def _measured(count: int, scenarios: list[Scenario]) -> ByCount:
    flags = [sum(bool(found.flag) for found in one.evidence.checks.values()) for one in scenarios]
    played = [play(one) for one in scenarios]
    right = [len(one.found) == len(one.faults) == one.claims for one in played]
    return ByCount(
        count,
        len(scenarios),
        fmean(flags),
        fmean(not n for n in flags),
        fmean(one.score for one in played),
        fmean(right),
    )


def expert_lines(rows: list[ByCount]) -> list[str]:
    """The section of the page."""
    return [
        "",
        "## The expert task, by the number of faults",
        "",
        "*Flags*: how many of the eight checks flag, in the mean. *Silent*: runs in which none does. *All found*: the heuristic named every fault and",
        "nothing else.",
        "",
        "| faults | runs | flags | silent | heuristic | all found |",
        "| --- | --- | --- | --- | --- | --- |",
        *(
            f"| {row.faults} | {row.runs} | {row.flags:.2f} | {row.unflagged:.2f} | {row.heuristic:.3f} | {row.all_found:.2f} |"
            for row in rows
        ),
    ]
