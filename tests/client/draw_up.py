"""Draws up a suite: walks seeds until every fault of every task has its share. The file it writes names no fault.

``python -m tests.client.draw_up practice-2 --seeds-per-fault 4``
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from itertools import chain, count, zip_longest
from pathlib import Path

from domain.families.multi_source import COUNTS, DRAWN_ALONE, FAULTS
from domain.faults import POOLS
from domain.generator import GENERATOR_VERSION, planted_fault
from domain.types import COMPOSED_TASK, TASK_IDS, TaskId

FIRST_SEED = 1_000_000
FOLDER = Path(__file__).parents[2] / "mlops_debug_env" / "suites"


def draw_up(name: str, *, seeds_per_fault: int) -> str:
    """The text of a suite in which every fault of a task occurs as often as the task plants it; on expert, every number of faults."""
    rows = chain.from_iterable(zip_longest(*(_seeds(task_id, seeds_per_fault) for task_id in TASK_IDS)))
    entries = ",\n    ".join(json.dumps({"task_id": each[0], "seed": each[1]}) for each in rows if each is not None)
    head = json.dumps({"name": name, "generator_version": GENERATOR_VERSION})[1:-1]
    return f'{{\n  {head},\n  "entries": [\n    {entries}\n  ]\n}}\n'


def stratum(task_id: TaskId, seed: int) -> str:
    """What a suite is balanced by: the fault, and on expert how many there are."""
    planted = planted_fault(task_id, seed)
    return str(0 if planted == "none" else planted.count("+") + 1) if task_id == COMPOSED_TASK else planted


def wanted(task_id: TaskId, seeds_per_fault: int) -> Counter[str]:
    """How many seeds of each stratum."""
    if task_id == COMPOSED_TASK:
        return Counter({str(number): seeds_per_fault * COUNTS.count(number) * len(FAULTS) // 4 for number in COUNTS})
    if task_id == "hard":
        return Counter({fault: seeds_per_fault * DRAWN_ALONE.count(fault) // 2 for fault in FAULTS})
    return Counter(dict.fromkeys(POOLS[task_id], seeds_per_fault))


def _seeds(task_id: TaskId, seeds_per_fault: int) -> list[tuple[TaskId, int]]:
    left, taken = wanted(task_id, seeds_per_fault), []
    for seed in count(FIRST_SEED):
        if not left.total():
            break
        found = stratum(task_id, seed)
        if left[found]:
            left[found] -= 1
            taken.append((task_id, seed))
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--seeds-per-fault", type=int, default=4)
    given = parser.parse_args()
    path = FOLDER / f"{given.name}.json"
    path.write_text(draw_up(given.name, seeds_per_fault=given.seeds_per_fault))
    print(path)


if __name__ == "__main__":
    main()
