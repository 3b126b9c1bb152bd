"""Measures what running again costs: ``python -m bench.rerun_cpu``.

CPU of a verdict on a patch that has to be run again (the right change and a second one), and of an experiment, by task, in this
process. Exit 1 where a median is above ``--most``.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Sequence, TypeVar

from domain.diagnosis import PatchEntry
from domain.families import run_experiment
from domain.generator import generate
from domain.grading.scoring import verify_patch
from domain.scenario import Composition, Truth
from domain.types import TASK_IDS

Result = TypeVar("Result")
FIRST_SEED = 45_000_000
MOST_MS = 250.0
RUN_AGAIN = "Run again"
"""Beginning of the explanation of a verdict that took a training."""
_EPOCHS = ("config.yaml", "training.epochs")


def measure(tasks: Sequence[str], seeds: int) -> dict[tuple[str, str], list[float]]:
    """Task and what was run to the milliseconds of CPU of each."""
    taken: dict[tuple[str, str], list[float]] = defaultdict(list)
    for task_id in TASK_IDS:
        for seed in range(FIRST_SEED, FIRST_SEED + (seeds if task_id in tasks else 0)):
            whole = generate(task_id, seed).truth
            truths = whole.faults if isinstance(whole, Composition) else (whole,)
            second = _longer(whole)
            _, cost = _timed(partial(run_experiment, whole, (second,), 1))
            taken[task_id, "experiment"].append(cost)
            for truth in truths:
                verdict, cost = _timed(partial(verify_patch, truth, (*truth.patch, second)))
                if verdict.explanation.startswith(RUN_AGAIN):
                    taken[task_id, "verdict"].append(cost)
    return taken


def _longer(truth: Truth | Composition) -> PatchEntry:
    """One epoch more than the run had, which is harmless."""
    pipeline = truth.pipeline
    epochs = pipeline["declared"]["training.epochs"] if "declared" in pipeline else pipeline["training"]["epochs"]
    return PatchEntry(file=_EPOCHS[0], field=_EPOCHS[1], value=epochs + 1)


def _timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """The result, and the milliseconds of CPU that it took."""
    began = time.process_time()
    result = work()
    return result, 1e3 * (time.process_time() - began)


def render(taken: dict[tuple[str, str], list[float]]) -> str:
    """A table in Markdown."""
    lines = ["| task | run again | count | median | slowest |", "| --- | --- | ---: | ---: | ---: |"]
    for (task_id, name), values in taken.items():
        lines.append(f"| {task_id} | {name} | {len(values)} | {median(values):.1f} ms | {max(values):.1f} ms |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.rerun_cpu", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="of each task")
    parser.add_argument("--tasks", nargs="*", choices=TASK_IDS, default=TASK_IDS)
    parser.add_argument("--most", type=float, default=MOST_MS, help="the highest median that is good, in milliseconds")
    given = parser.parse_args(arguments)
    taken = measure(given.tasks, given.seeds)
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.2f}, {given.seeds} seeds a task")
    print(render(taken))
    return int(any(median(values) > given.most for values in taken.values()))


if __name__ == "__main__":
    sys.exit(main())
