"""Simulates rounds to see whether intervals cover and ranks hold: agents of six kinds, suites of four sizes.

Faults are dealt as in a real round, from the mix of the default suite. An agent is a mean score for each fault of each task
and a spread about it; what its interval should cover is its mean over the mix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from random import Random
from types import MappingProxyType

from domain.ranking.estimates import PSEUDO_EPISODES, Estimate, p_value, rank_sets
from domain.ranking.rounds import AttemptId, attempt_fault
from domain.ranking.scores import estimate_agent
from domain.ranking.statistics import Outcome
from domain.rubric import RUBRIC
from domain.tasks.suites import RANKED_3, Suite
from domain.types import TaskId

SIZES: Mapping[int, tuple[tuple[TaskId, ...], int]] = MappingProxyType(
    {
        9: (("easy", "medium", "hard") * 3, 1),
        12: (("easy", "medium", "hard", "expert") * 3, 1),
        36: (("easy", "medium", "hard", "expert") * 3, 3),
        96: (("easy", "medium", "hard", "expert") * 3, 8),
    }
)
"""Attempts of a whole round to its entries and the attempts at each."""
BOARD_SIZE = 20
_ROUNDS_PER_AGENT = 20
_DRAWS_OF_THE_TRUTH = 400


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of agents: how the mean score of a fault is drawn, and the spread of a score about it."""

    mean: Callable[[Random], float]
    spread: float


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "knows 60 % of the faults": Kind(lambda luck: 0.97 if luck.random() < 0.6 else 0.18, 0.03),
        "graded by fault": Kind(lambda luck: luck.uniform(0.2, 0.98), 0.08),
        "noisy": Kind(lambda luck: 0.6, 0.28),
        "near the ceiling": Kind(lambda luck: 0.975 if luck.random() < 0.95 else 0.3, 0.012),
        "near the floor": Kind(lambda luck: 0.95 if luck.random() < 0.05 else 0.16, 0.06),
        "identical twins": Kind(lambda luck: 0.85 if luck.random() < 0.5 else 0.4, 0.15),
    }
)


SHARES = (0.7, 0.8, 0.9, 0.95, 0.98)
SMALL_SIZES = (9, 12)
PSEUDO_WEIGHTS = (0.4, 0.3, 0.2, 0.1)
"""What the spread is widened by, for the few attempts of small rounds: the weight in use, and smaller ones."""
RARE_FAILURES: Mapping[str, Kind] = MappingProxyType(
    {f"{share:g}": Kind(lambda luck, share=share: 0.97 if luck.random() < share else 0.18, 0.01) for share in SHARES}  # type: ignore[misc]
)
"""Agents that know most of the faults, by the share; a small round may meet no other fault."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was found for one kind of agents and one size of round."""

    kind: str
    attempts: int
    rounds: int
    covered: float
    """Share of the rounds whose interval held the truth."""
    width: float
    """Mean of the intervals."""
    told_apart: float
    """Share of the pairs of rounds of the same agent that a test at 5 % calls different."""
    false_ranks: float
    """Share of the boards of 20 such agents, all equal, on which any place was excluded."""


class _Agent:
    def __init__(self, kind: Kind, luck: Random) -> None:
        self._kind, self._luck = kind, luck
        self._means = {stratum: kind.mean(luck) for stratum in RANKED_3.strata.values()}
        self.truth = {
            stratum: sum(self._score(mean) for _ in range(_DRAWS_OF_THE_TRUTH)) / _DRAWS_OF_THE_TRUTH
            for stratum, mean in self._means.items()
        }

    def _score(self, mean: float) -> float:
        return min(RUBRIC.highest_score, max(RUBRIC.lowest_score, self._luck.gauss(mean, self._kind.spread)))

    def expected(self, suite: Suite) -> float:
        by_task = {
            task_id: sum(self.truth[task_id, fault] for fault in suite.mix[task_id]) / len(suite.mix[task_id])
            for task_id in set(suite.entries)
        }
        return sum(by_task[task_id] for task_id in suite.entries) / len(suite.entries)

    def play(self, suite: Suite, attempts: int, *, pseudo: float = PSEUDO_EPISODES) -> Estimate:
        secret = self._luck.randbytes(32)
        outcomes = []
        for number, entry in product(range(1, attempts + 1), range(1, len(suite.entries) + 1)):
            task_id = suite.task_of(entry)
            fault = attempt_fault(secret, AttemptId("r", "a", entry, number), suite)
            score = self._score(self._means[task_id, fault])
            outcomes.append(Outcome(entry=entry, attempt=number, task_id=task_id, fault_id=fault, score=score, steps=1))
        return estimate_agent(outcomes, suite, pseudo=pseudo)


def measure_coverage(
    name: str,
    size: int,
    *,
    rounds: int,
    boards: int,
    seed: int = 0,
    kinds: Mapping[str, Kind] = KINDS,
    pseudo: float = PSEUDO_EPISODES,
) -> Coverage:
    """Play rounds of several agents of a kind."""
    entries, attempts = SIZES[size]
    suite = replace(RANKED_3, entries=entries)
    luck = Random(f"{seed} {name} {size}")
    covered = apart = 0
    width = 0.0
    for number in range(rounds):
        if number % _ROUNDS_PER_AGENT == 0:
            agent = _Agent(kinds[name], luck)
            truth = agent.expected(suite)
        one, other = (agent.play(suite, attempts, pseudo=pseudo) for _ in range(2))
        low, high = one.interval or (RUBRIC.lowest_score, RUBRIC.highest_score)
        covered += low <= truth <= high
        width += high - low
        apart += p_value(one, other) <= 0.05
    wrong = 0
    for _ in range(boards):
        agent = _Agent(kinds[name], luck)
        places = rank_sets({str(n): agent.play(suite, attempts, pseudo=pseudo) for n in range(BOARD_SIZE)})
        wrong += any(each != (1, BOARD_SIZE) for each in places.values())
    false_ranks = wrong / boards if boards else 0.0
    return Coverage(name, size, rounds, covered / rounds, width / rounds, apart / rounds, false_ranks)


def measure_rare_failures(*, rounds: int) -> list[tuple[float, int, list[Coverage]]]:
    """For each weight and small size, the coverage of agents that know most of the faults."""
    return [
        (
            pseudo,
            size,
            [
                measure_coverage(name, size, rounds=rounds, boards=0, kinds=RARE_FAILURES, pseudo=pseudo)
                for name in RARE_FAILURES
            ],
        )
        for pseudo in PSEUDO_WEIGHTS
        for size in SMALL_SIZES
    ]


def render_rare_failures(found: Iterable[tuple[float, int, list[Coverage]]]) -> str:
    """A Markdown table."""
    heads = " | ".join(f"knows {float(name):.0%}" for name in RARE_FAILURES)
    lines = [f"| weight | attempts | {heads} |", "| --- | --- |" + " --- |" * len(RARE_FAILURES)]
    for pseudo, size, row in found:
        lines.append(f"| {pseudo:g} | {size} | " + " | ".join(f"{each.covered:.3f}" for each in row) + " |")
    return "\n".join(lines)


def render(found: Iterable[Coverage]) -> str:
    """A Markdown table."""
    lines = [
        "| agents | attempts | interval covers | mean width | equal pairs told apart | boards of 20 equals with a false rank |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {each.kind} | {each.attempts} | {each.covered:.3f} | {each.width:.2f} | {each.told_apart:.3f} | "
        f"{each.false_ranks:.3f} |"
        for each in found
    ]
    return "\n".join(lines)
