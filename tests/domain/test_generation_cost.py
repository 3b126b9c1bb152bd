"""The CPU time of a scenario relative to one healthy training run in the same process."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from domain.generator import generate
from domain.training.pipeline import draw_pipeline
from domain.training.simulator import simulate
from domain.types import SINGLE_FAULT_TASKS
from tests.profiles import seeds

SEEDS = seeds(range(5_000, 5_100), quick=15)


def _milliseconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1e3


def test_generation_costs_a_few_training_runs() -> None:
    run, scenario = [], []
    for seed in SEEDS:
        run.append(_milliseconds(lambda: simulate(draw_pipeline(seed))))
        task_id = SINGLE_FAULT_TASKS[seed % 3]
        scenario.append(_milliseconds(lambda: generate(task_id, seed)))
    median, tail = (np.percentile(scenario, share) / np.percentile(run, share) for share in (50, 99))
    print(
        f"healthy run: median {np.median(run):.1f} ms, p99 {np.percentile(run, 99):.1f} ms; "
        f"scenario: median {np.median(scenario):.1f} ms, p99 {np.percentile(scenario, 99):.1f} ms; "
        f"ratios {median:.2f} and {tail:.2f}"
    )
    assert median <= 3.0
    assert tail <= 8.0
