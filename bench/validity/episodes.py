"""Episodes in bulk, as programs read them: what anyone can make who has the generator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import chain
from typing import NamedTuple, TypeVar

from bench.validity.features import (
    STATIC_ARTIFACTS,
    Declarations,
    Names,
    Numbers,
    check_numbers,
    declarations_of,
    names_of,
    report_numbers,
    words,
)
from domain.families import multi_source
from domain.generator import generate, scenario_seed
from domain.scenario import Composition, Evidence, Truth
from domain.training.style import SeedSplit
from domain.types import TaskId

LEARN_SEED, JUDGE_SEED = 94_000_000, 90_000_000
"""First seeds of the episodes that programs learn from, and that they are judged on."""
_CHUNK = 25
_Found = TypeVar("_Found")


class Episode(NamedTuple):
    """One scenario, as features and with its truth."""

    task_id: TaskId
    seed: int
    split: SeedSplit
    truth: Truth | Composition
    names: Names
    declarations: Declarations
    static_words: frozenset[str]
    all_words: frozenset[str]
    checks: Numbers
    reports: Numbers

    @property
    def faults(self) -> tuple[str, ...]:
        """Ids of what was planted."""
        return tuple(one.fault_id for one in self.truth.planted if one.patch)


def draw_episodes(
    task_id: TaskId, count: int, *, first_seed: int, split: SeedSplit, workers: int = 1, fault: str | None = None
) -> list[Episode]:
    """Episodes of consecutive seeds.

    Args:
        task_id: of all of them.
        count: how many.
        first_seed: where to begin.
        split: whose names and styles.
        workers: processes to draw them in.
        fault: planted instead of what the seed draws.
    """
    starts = range(first_seed, first_seed + count, _CHUNK)
    make = partial(_chunk, task_id=task_id, end=first_seed + count, split=split, fault=fault)
    return list(chain.from_iterable(in_processes(make, list(starts), workers)))


def draw_truths(task_id: TaskId, count: int, *, first_seed: int, split: SeedSplit) -> list[Episode]:
    """Episodes of a task whose runs are of several sources, without features: no training is run."""
    found, nothing = [], Numbers({}, {}, {}, {})
    for seed in range(first_seed, first_seed + count):
        truth = multi_source.draw_truth(task_id, scenario_seed(task_id, seed, split), fault=None, split=split)
        found.append(
            Episode(
                task_id,
                seed,
                split,
                truth,
                names_of(truth),
                Declarations({}, {}),
                frozenset(),
                frozenset(),
                nothing,
                nothing,
            )
        )
    return found


def in_processes(make: Callable[[int], list[_Found]], given: list[int], workers: int) -> Iterator[list[_Found]]:
    """Like `map`; in this process where there is one worker."""
    if workers == 1:
        yield from map(make, given)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(make, given)


def _chunk(start: int, *, task_id: TaskId, end: int, split: SeedSplit, fault: str | None) -> list[Episode]:
    return [episode_of(task_id, seed, split, fault=fault) for seed in range(start, min(start + _CHUNK, end))]


def episode_of(task_id: TaskId, seed: int, split: SeedSplit, *, fault: str | None = None) -> Episode:
    """The episode of a seed."""
    scenario = generate(task_id, seed, split=split, fault=fault)
    evidence, truth = scenario.evidence, scenario.truth
    names = names_of(truth)
    return Episode(
        task_id,
        seed,
        split,
        truth,
        names,
        declarations_of(truth),
        words(_texts(evidence, STATIC_ARTIFACTS), names),
        words(_texts(evidence, ("train.log",)), names),
        check_numbers(evidence, names),
        report_numbers(evidence, names),
    )


def _texts(evidence: Evidence, wanted: tuple[str, ...]) -> list[str]:
    return [text for name, text in evidence.artifacts.items() if name in wanted]
