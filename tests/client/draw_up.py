"""Draws up a suite: walks seeds until every fault of every task has its share. The file it writes names no fault.

``python -m tests.client.draw_up practice-1 --seeds-per-fault 8``
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from itertools import chain, count, zip_longest
from pathlib import Path

from domain.faults import POOLS
from domain.faults.compositions import FAULT_COUNTS, draw_faults
from domain.generator import GENERATOR_VERSION, scenario_seed
from domain.training.randomness import Stream
from domain.types import COMPOSED_TASK, SINGLE_FAULT_TASKS, TaskId

FIRST_SEED = 1_000_000
HEALTHY_RUNS = 15
FOLDER = Path(__file__).parents[2] / "mlops_debug_env" / "suites"


def planted(task_id: TaskId, seed: int) -> str:
    """The fault that a seed plants, without running anything; a test holds it equal to what is generated."""
    return Stream(scenario_seed(task_id, seed), "fault").choice(POOLS[task_id])


def draw_up(name: str, *, seeds_per_fault: int) -> str:
    """The text of a suite in which every fault occurs equally often."""
    columns = [_seeds(task_id, seeds_per_fault) for task_id in SINGLE_FAULT_TASKS]
    return _text(name, columns)


def draw_up_expert(name: str, *, healthy: int) -> str:
    """The text of a suite of the expert task: so many healthy runs, twice as many with one fault, as many with two."""
    wanted = {count: healthy * FAULT_COUNTS.count(count) for count in FAULT_COUNTS}
    taken: list[tuple[TaskId, int]] = []
    for seed in count(FIRST_SEED):
        if not any(wanted.values()):
            break
        planted = len(draw_faults(Stream(scenario_seed(COMPOSED_TASK, seed), "fault")))
        if wanted[planted]:
            wanted[planted] -= 1
            taken.append((COMPOSED_TASK, seed))
    return _text(name, [taken])


def _text(name: str, columns: list[list[tuple[TaskId, int]]]) -> str:
    rows = chain.from_iterable(zip_longest(*columns))
    entries = ",\n    ".join(json.dumps({"task_id": each[0], "seed": each[1]}) for each in rows if each is not None)
    head = json.dumps({"name": name, "generator_version": GENERATOR_VERSION})[1:-1]
    return f'{{\n  {head},\n  "entries": [\n    {entries}\n  ]\n}}\n'


def _seeds(task_id: TaskId, seeds_per_fault: int) -> list[tuple[TaskId, int]]:
    taken: list[tuple[TaskId, int]] = []
    counted: Counter[str] = Counter()
    for seed in count(FIRST_SEED):
        if len(taken) == seeds_per_fault * len(POOLS[task_id]):
            return taken
        fault = planted(task_id, seed)
        if counted[fault] < seeds_per_fault:
            counted[fault] += 1
            taken.append((task_id, seed))
    raise AssertionError("seeds do not end")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--seeds-per-fault", type=int, default=8)
    given = parser.parse_args()
    path = FOLDER / f"{given.name}.json"
    if given.name.startswith(COMPOSED_TASK):
        path.write_text(draw_up_expert(given.name, healthy=HEALTHY_RUNS))
    else:
        path.write_text(draw_up(given.name, seeds_per_fault=given.seeds_per_fault))
    print(path)


if __name__ == "__main__":
    main()
