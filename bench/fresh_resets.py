"""Measures resets without a seed as a client sees them: ``python -m bench.fresh_resets``.

A server with its reserve full and one without a reserve are asked in turns, over REST; beside them the first one for a seed that is in
memory, which is what a reset costs where nothing is generated.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Sequence, get_args

import httpx2

from bench.extra import require_extra
from bench.load import HOST
from domain.types import TaskId

RESERVE = 2
FILL_SECONDS = 120.0
TASKS: tuple[TaskId, ...] = get_args(TaskId)


def measure(resets: int, folder: Path) -> dict[tuple[str, str], list[float]]:
    """Kind of reset and task to the milliseconds that its resets took."""
    from bench.servers import own_server

    filled, empty = (own_server(folder, name=f"reserve-{size}", MLOPS_DEBUG_RESERVE=str(size)) for size in (RESERVE, 0))
    taken: dict[tuple[str, str], list[float]] = defaultdict(list)
    try:
        filled.start()
        empty.start()
        with _client(filled.port) as ahead, _client(empty.port) as at_once:
            for task_id in TASKS:
                _milliseconds(ahead, task_id, seed=1)
            for _ in range(resets):
                for task_id in TASKS:
                    _wait_until_full(ahead)
                    taken["reserve", task_id].append(_milliseconds(ahead, task_id))
                    taken["no reserve", task_id].append(_milliseconds(at_once, task_id))
                    taken["warm seed", task_id].append(_milliseconds(ahead, task_id, seed=1))
    finally:
        filled.stop()
        empty.stop()
    return taken


def _client(port: int) -> httpx2.Client:
    return httpx2.Client(base_url=f"http://{HOST}:{port}", timeout=FILL_SECONDS, trust_env=False)


def _milliseconds(client: httpx2.Client, task_id: TaskId, **given: int) -> float:
    client.cookies.clear()
    began = time.perf_counter()
    client.post("/reset", json={"task_id": task_id, **given}).raise_for_status()
    return 1e3 * (time.perf_counter() - began)


def _wait_until_full(client: httpx2.Client) -> None:
    deadline = time.monotonic() + FILL_SECONDS
    while f"mlops_debug_reserve_size {RESERVE * len(TASKS)}.0" not in client.get("/metrics").text:
        if time.monotonic() > deadline:
            raise TimeoutError("the reserve is not filled")
        time.sleep(0.05)


def render(taken: dict[tuple[str, str], list[float]]) -> str:
    lines = ["| reset | task | p50 | fastest | slowest |", "| --- | --- | ---: | ---: | ---: |"]
    for (kind, task_id), values in sorted(taken.items()):
        lines.append(f"| {kind} | {task_id} | {median(values):.1f} ms | {min(values):.1f} ms | {max(values):.1f} ms |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.fresh_resets", description=__doc__)
    parser.add_argument("--resets", type=int, default=12, help="of each kind and task")
    given = parser.parse_args(arguments)
    require_extra("python -m bench.fresh_resets")
    with tempfile.TemporaryDirectory() as folder:
        taken = measure(given.resets, Path(folder))
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.2f}")
    print(render(taken))
    return 0


if __name__ == "__main__":
    sys.exit(main())
