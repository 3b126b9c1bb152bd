"""Measures how often the heuristic agent is right when it is so sure, and prints the tables of `calibration.py` and `declared/agent.py`.

``python -m bench.calibrate_heuristic`` takes seeds of its own, all faults, and shows the rules everything in one third
of the cases and a random part of the evidence in the others: with everything, the rules are hardly ever unsure.
Then it plays whole episodes of runs of several sources, of the split validation, and prints how often the first suspicion that was
submitted was right, by its strength. ``--only`` measures one of the two tables.
"""

from __future__ import annotations

import argparse
import random
from itertools import pairwise
from typing import Iterator, Sequence

from bench.validity.heuristic_play import play_many
from domain.faults import POOLS
from domain.generator import generate
from domain.scenario import Scenario
from mlops_debug_env.agents.declared.agent import CALIBRATION
from mlops_debug_env.agents.evidence import Evidence
from mlops_debug_env.agents.hypothesis import share_of_best, weigh
from mlops_debug_env.agents.rules import RULES
from mlops_debug_env.protocol.observations import CheckResult

FIRST_SEED = 8_000_000
BINS = 10
PRIOR_RIGHT, PRIOR_WRONG = 0.5, 0.5
"""Jeffreys' prior: no bin is ever certain."""

Case = tuple[float, bool]


def cases(seeds: int) -> Iterator[Case]:
    """How sure the rules were, and whether they were right."""
    draw = random.Random(0)
    for task_id, pool in POOLS.items():
        for fault_id in pool:
            for number in range(seeds):
                scenario = generate(task_id, FIRST_SEED + number, fault=fault_id)
                for part in (1.0, draw.random(), draw.random()):
                    yield judge(scenario, part, draw)


def judge(scenario: Scenario, part: float, draw: random.Random) -> Case:
    """Show the rules this part of the evidence."""
    artifacts: dict[str, str] = {
        name: text for name, text in scenario.evidence.artifacts.items() if draw.random() < part
    }
    checks: dict[str, CheckResult] = {
        name: CheckResult.model_validate(found.model_dump())
        for name, found in scenario.evidence.checks.items()
        if draw.random() < part
    }
    hypotheses = weigh(RULES, Evidence(artifacts, checks))
    if not hypotheses:
        return 0.0, False
    best, accepted = hypotheses[0], scenario.only_fault.accepted
    is_right = best.category in accepted.categories and best.file in accepted.files and best.field in accepted.fields
    return share_of_best(hypotheses), is_right


def played_cases(episodes: int) -> Iterator[Case]:
    """How strong the suspicion was that an episode of several sources was answered with, and whether it was right."""
    for one in play_many("hard", episodes=episodes, first_seed=FIRST_SEED, split="validation"):
        if one.confidence is not None:
            yield strength_of(one.confidence), one.found == one.faults


def strength_of(confidence: float) -> float:
    """The strength that the agent gave a confidence for."""
    for (low, right_at_low), (high, right_at_high) in pairwise(CALIBRATION):
        if confidence <= right_at_high:
            part = (max(confidence, right_at_low) - right_at_low) / (right_at_high - right_at_low)
            return low + part * (high - low)
    return CALIBRATION[-1][0]


def fit(found: list[Case]) -> list[tuple[float, float, int]]:
    """Mean share, probability and count of bins of equal size, made monotonic by pooling adjacent violators."""
    ordered = sorted(found)
    size = -(-len(ordered) // BINS)
    pools = [ordered[start : start + size] for start in range(0, len(ordered), size)]
    index = 0
    while index + 1 < len(pools):
        if probability(pools[index]) > probability(pools[index + 1]):
            pools[index : index + 2] = [pools[index] + pools[index + 1]]
            index = max(0, index - 1)
        else:
            index += 1
    return [(sum(share for share, _ in pool) / len(pool), probability(pool), len(pool)) for pool in pools]


def probability(pool: list[Case]) -> float:
    right = sum(is_right for _, is_right in pool)
    return (right + PRIOR_RIGHT) / (len(pool) + PRIOR_RIGHT + PRIOR_WRONG)


TABLES = ("one-table", "several-sources")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=40, help="seeds a fault, of runs of one table")
    parser.add_argument("--episodes", type=int, default=300, help="episodes of runs of several sources")
    parser.add_argument("--only", choices=TABLES, help="the table to measure; default: both")
    given = parser.parse_args(arguments)
    for name in TABLES:
        if given.only in (None, name):
            found = list(cases(given.seeds) if name == TABLES[0] else played_cases(given.episodes))
            print(f"{name}: {len(found)} cases from seed {FIRST_SEED} on")
            for share, right, count in fit(found):
                print(f"    ({share:.3f}, {right:.3f}),  # {count} cases")


if __name__ == "__main__":
    main()
