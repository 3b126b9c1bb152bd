"""Measures whether the time of a reset depends on the number of planted faults: ``python -m bench.reset_timing``.

Begins episodes on fresh seeds of a real server, one after another, and gives for each group of scenarios (by the number of
faults, where there may be none or two, else by the category) the AUC of separating it from all others by the time alone. 0.5
means no difference, 1 full separation. Exit 1 where one is above ``--most``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Sequence

import httpx2

from bench.extra import require_extra
from bench.load import HOST
from domain.generator import generate
from domain.scenario import Composition
from domain.types import COMPOSED_TASK, TASK_IDS, TaskId

FIRST_SEED = 7_000_000
SETTLING = 30
"""Resets before the measurement: the processes start, and the quantum of the task grows to what the machine needs."""
MIN_GROUP_SIZE = 20
"""Below it, chance alone moves an AUC by more than a tenth."""


def auc(group: Sequence[float], others: Sequence[float]) -> float:
    """Area under the ROC curve, in either direction: 0.5 to 1."""
    won = sum((one > other) + (one == other) / 2 for one in group for other in others)
    share = won / (len(group) * len(others))
    return max(share, 1 - share)


def measure(task_id: TaskId, resets: int, folder: Path) -> dict[str, list[float]]:
    """Group to the seconds of its resets."""
    from bench.servers import own_server

    server = own_server(folder, name=f"timing-{task_id}")
    server.start()
    try:
        with httpx2.Client(base_url=f"http://{HOST}:{server.port}", timeout=60) as client:
            seconds = [_seconds(client, task_id, FIRST_SEED + number) for number in range(-SETTLING, resets)]
    finally:
        server.stop()
    groups: dict[str, list[float]] = defaultdict(list)
    for number, taken in enumerate(seconds[SETTLING:]):
        groups[_group(task_id, FIRST_SEED + number)].append(taken)
    return groups


def _seconds(client: httpx2.Client, task_id: TaskId, seed: int) -> float:
    client.cookies.clear()
    began = time.perf_counter()
    client.post("/reset", json={"task_id": task_id, "seed": seed}).raise_for_status()
    return time.perf_counter() - began


def _group(task_id: TaskId, seed: int) -> str:
    truth = generate(task_id, seed).truth
    if isinstance(truth, Composition):
        return f"{len(truth.faults)} faults"
    return str(truth.failure_category)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.reset_timing", description=__doc__)
    parser.add_argument("--task", choices=TASK_IDS, default=COMPOSED_TASK)
    parser.add_argument("--resets", type=int, default=300)
    parser.add_argument("--most", type=float, default=0.6, help="the highest AUC that is good")
    asked = parser.parse_args()
    require_extra("python -m bench.reset_timing", "psutil")
    with tempfile.TemporaryDirectory(prefix="mlops-debug-timing-") as folder:
        groups = measure(asked.task, asked.resets, Path(folder))
    worst = 0.0
    for name, own in sorted(groups.items()):
        others = [taken for other, all_taken in groups.items() if other != name for taken in all_taken]
        score = auc(own, others) if others and len(own) >= MIN_GROUP_SIZE else None
        worst = max(worst, score or 0.0)
        shown = "too few" if score is None else f"{score:.3f}"
        print(f"{name:24} {len(own):4} resets, median {1e3 * median(own):7.1f} ms, AUC {shown}")
    return int(worst > asked.most)


if __name__ == "__main__":
    sys.exit(main())
