"""Draws public episodes in bulk with the generator: their texts and their faults."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import chain
from typing import NamedTuple

from domain.generator import HEALTHY, generate
from domain.training.style import SeedSplit
from domain.types import SINGLE_FAULT_TASKS, TaskId

_CHUNK = 50


class Episode(NamedTuple):
    """One episode as a classifier sees it."""

    task_id: TaskId
    seed: int
    fault_id: str
    texts: dict[str, str]
    """The six artifacts, and ``checks``: all check results as one text."""


def draw_episodes(count: int, *, first_seed: int, split: SeedSplit, healthy: bool = False) -> list[Episode]:
    """Episodes of consecutive seeds, the tasks in turn.

    Args:
        count: how many.
        first_seed: where to begin.
        split: whose styles.
        healthy: the texts of the twins instead, with the faults that were drawn.
    """
    starts = range(first_seed, first_seed + count, _CHUNK)
    make = partial(_chunk, end=first_seed + count, split=split, healthy=healthy)
    with ProcessPoolExecutor() as pool:
        return list(chain.from_iterable(pool.map(make, starts)))


def _chunk(start: int, *, end: int, split: SeedSplit, healthy: bool) -> list[Episode]:
    return [_episode(seed, split, healthy=healthy) for seed in range(start, min(start + _CHUNK, end))]


def _episode(seed: int, split: SeedSplit, *, healthy: bool) -> Episode:
    task_id = SINGLE_FAULT_TASKS[seed % len(SINGLE_FAULT_TASKS)]
    drawn = generate(task_id, seed, split=split)
    shown = generate(task_id, seed, split=split, fault=HEALTHY) if healthy else drawn
    texts: dict[str, str] = dict(shown.evidence.artifacts.items())
    texts["checks"] = "\n".join(
        f"{name} {result.flag} {' '.join(result.reasons or ())}" for name, result in shown.evidence.checks.items()
    )
    return Episode(task_id, seed, drawn.truth.fault_id, texts)
