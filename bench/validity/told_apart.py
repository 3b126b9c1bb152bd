"""Has the shipped heuristic tell runs with a fault from look-alikes, which read the same: by the evidence, in whole episodes.

A planted run has this one fault. A look-alike is a healthy run of another seed that is made and changed as one with the fault is
(`look_alikes` compares the texts of the two). Both are what the generator makes of such a case. On expert an empty list is an
answer; on hard something has to be named, and the question is whether it is this fault.

A planted run is recognised where category, file and field are named. A look-alike is recognised where no entry names this kind of
fault: not at the declaration that would be broken, nor at another source or column.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import NamedTuple

from bench.validity.heuristic_play import Played, play
from domain.diagnosis import Diagnosis
from domain.families.multi_source import FAULTS, draw_truth, present
from domain.generator import GENERATOR_VERSION, scenario_seed
from domain.ranking.estimates import MIN_OBSERVATIONS, Rate, rate
from domain.scenario import Scenario, Truth
from domain.training.multi_source.agreements import BY_FAULT
from domain.training.multi_source.case import Case, State, draw_case, draw_look_alike
from domain.training.style import SeedSplit
from domain.types import COMPOSED_TASK, TaskId

FIRST_SEED = 93_000_000
MIN_ACCURACY = 0.90
MIN_RUNS = MIN_OBSERVATIONS
"""An interval needs as many."""
MAX_RUNS = 10_000
"""Of one fault and kind: the seeds of each fault lie apart."""
ALL = "all"


class Told(NamedTuple):
    """How well runs with one fault are told from its look-alikes."""

    fault_id: str
    planted: int
    named: int
    """Planted runs in which the fault is named."""
    look_alikes: int
    not_named: int
    """Look-alikes in which no fault of this kind is named."""
    empty: int
    """Look-alikes in which nothing is named at all."""

    @property
    def accuracy(self) -> Rate:
        """The balanced accuracy: the mean of the two shares, with its 95 % interval."""
        return mean_of(rate(self.named, self.planted), rate(self.not_named, self.look_alikes))


def mean_of(one: Rate | None, other: Rate | None) -> Rate:
    """The mean of two independent shares, with an interval from the intervals of both.

    Squared distances add up (Zou and Donner 2008), so that the interval has a width where both shares are 1.

    Raises:
        ValueError: one of them is of too few runs for an interval.
    """
    if one is None or other is None:
        raise ValueError(f"an interval needs {MIN_OBSERVATIONS} runs of each kind")
    mean = (one.share + other.share) / 2
    below = math.hypot(one.share - one.low, other.share - other.low) / 2
    above = math.hypot(one.high - one.share, other.high - other.share) / 2
    return Rate(mean, max(0.0, mean - below), min(1.0, mean + above))


def planted_run(fault_id: str, seed: int, split: SeedSplit, task_id: TaskId = COMPOSED_TASK) -> Scenario:
    """A run with this fault alone; also of one that the task itself does not plant."""
    case = draw_case(scenario_seed(task_id, seed, split), split, (fault_id,))
    return _scenario(case, seed, task_id)


def look_alike(fault_id: str, seed: int, split: SeedSplit, task_id: TaskId = COMPOSED_TASK) -> Scenario:
    """A healthy run that is made and changed as one with this fault is."""
    case = draw_look_alike(scenario_seed(task_id, seed, split), split, (fault_id,))
    return _scenario(case, seed, task_id)


def _scenario(case: Case, seed: int, task_id: TaskId) -> Scenario:
    evidence, truth = present(case, task_id)
    return Scenario(generator_version=GENERATOR_VERSION, task_id=task_id, seed=seed, evidence=evidence, truth=truth)


def names_the_kind(entries: Sequence[Diagnosis], fault_id: str, scenario: Scenario, split: SeedSplit) -> bool:
    """Whether an entry names, in a look-alike, a fault of this kind."""
    broken = draw_truth("hard", scenario_seed(scenario.task_id, scenario.seed, split), fault=fault_id, split=split)
    assert isinstance(broken, Truth)
    paths = BY_FAULT[fault_id].paths(State.from_json(broken.pipeline).layout)
    return any(
        one.failure_category in broken.accepted.categories
        and one.root_cause_file in broken.accepted.files
        and one.root_cause_field in {*broken.accepted.fields, *paths}
        for one in entries
    )


def tell_apart(fault_id: str, *, runs: int, split: SeedSplit, task_id: TaskId, first_seed: int) -> Told:
    """Play runs with this fault and as many of its look-alikes."""
    first = first_seed + 2 * MAX_RUNS * FAULTS.index(fault_id)
    played = [play(planted_run(fault_id, seed, split, task_id)) for seed in range(first, first + runs)]
    first += MAX_RUNS
    alike: list[tuple[Scenario, Played]] = []
    for seed in range(first, first + runs):
        scenario = look_alike(fault_id, seed, split, task_id)
        alike.append((scenario, play(scenario)))
    return Told(
        fault_id,
        planted=runs,
        named=sum(fault_id in one.found for one in played),
        look_alikes=runs,
        not_named=sum(not names_the_kind(one.entries, fault_id, scenario, split) for scenario, one in alike),
        empty=sum(not one.entries for _, one in alike),
    )


def tell_all_apart(
    faults: Sequence[str], *, runs: int, split: SeedSplit, task_id: TaskId = COMPOSED_TASK, first_seed: int = FIRST_SEED
) -> list[Told]:
    """These faults, the one that is told apart worst first."""
    tell = partial(tell_apart, runs=runs, split=split, task_id=task_id, first_seed=first_seed)
    with ProcessPoolExecutor() as pool:
        return sorted(pool.map(tell, faults), key=lambda one: (one.accuracy.share, one.fault_id))


def total_of(found: Sequence[Told]) -> Told:
    """All runs of all faults together."""
    return Told(
        ALL,
        planted=sum(one.planted for one in found),
        named=sum(one.named for one in found),
        look_alikes=sum(one.look_alikes for one in found),
        not_named=sum(one.not_named for one in found),
        empty=sum(one.empty for one in found),
    )


def render_told_apart(found: Sequence[Told]) -> str:
    """A table in Markdown, after the line of all faults."""
    lines = [
        "| fault | named where planted | not named in look-alikes | nothing named in look-alikes | balanced accuracy |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for one in (total_of(found), *found):
        accuracy = one.accuracy
        name = one.fault_id if one.fault_id == ALL else f"`{one.fault_id}`"
        lines.append(
            f"| {name} | {one.named}/{one.planted} | {one.not_named}/{one.look_alikes} | {one.empty}/{one.look_alikes}"
            f" | {accuracy.share:.3f} ({accuracy.low:.3f} to {accuracy.high:.3f}) |"
        )
    return "\n".join(lines)
