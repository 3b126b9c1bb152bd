"""Measures what several server processes on one SQLite file cost and give: ``python -m bench.workers``.

Servers with different numbers of processes take turns under the same load. On a machine with few cores the load generator and the
servers share them, so the CPU of a step says more than steps/s. What the cores could do without the load generator follows from it: the
cores divided by the CPU of a step, where one process has at most as many seconds of CPU in a second as it was seen to use.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple, Sequence

from bench.extra import require_extra

if TYPE_CHECKING:
    from bench.measure import Load
    from bench.servers import Server


class Turn(NamedTuple):
    """One turn of one server."""

    steps_per_second: float
    cpu_of_step: float
    """Microseconds, of all processes of the server."""
    p50: float
    """Milliseconds, as are those below."""
    p99: float
    p999: float


def measure(workers: Sequence[int], clients: int, seconds: float, turns: int, folder: Path) -> dict[int, list[Turn]]:
    """Number of processes to the turns of its server."""
    from bench.measure import Load, play_out
    from bench.script import warm_episodes
    from bench.servers import own_server

    episodes = warm_episodes()
    servers = {
        count: own_server(
            folder, name=f"workers-{count}", MLOPS_DEBUG_WORKERS=str(count), MLOPS_DEBUG_GENERATOR_PROCESSES="1"
        )
        for count in workers
    }
    taken: dict[int, list[Turn]] = {count: [] for count in workers}
    try:
        for server in servers.values():
            server.start()
            play_out(server.port, Load(clients=8 * max(workers), episodes=episodes, seconds=0), 40)
        for _ in range(turns):
            for count, server in servers.items():
                server.settle()
                load = Load(clients=clients, episodes=episodes, seconds=seconds)
                taken[count].append(take_turn(server, load))
    finally:
        for server in servers.values():
            server.stop()
    return taken


def take_turn(server: Server, load: Load) -> Turn:
    """One slice of a load on a server."""
    import numpy as np

    from bench.measure import measure as measure_slice

    part = measure_slice(server.port, load, server.cpu_seconds)
    steps = len(part.step_seconds)
    p50, p99, p999 = (1e3 * float(np.percentile(part.step_seconds, each)) for each in (50, 99, 99.9))
    return Turn(steps / part.seconds, 1e6 * part.server_cpu * part.seconds / steps, p50, p99, p999)


def medians(turns: Sequence[Turn]) -> Turn:
    return Turn(*(median(values) for values in zip(*turns, strict=True)))


def render(taken: dict[int, list[Turn]]) -> str:
    """The medians of each server, and how its CPU of a step compares with the first one's."""
    lines = ["| processes | steps/s | CPU of a step | against the first | p50 | p99 | p99.9 |", "| ---: " * 7 + "|"]
    first = medians(next(iter(taken.values())))
    for count, turns in taken.items():
        turn = medians(turns)
        ratio = turn.cpu_of_step / first.cpu_of_step
        lines.append(
            f"| {count} | {turn.steps_per_second:,.0f} | {turn.cpu_of_step:.0f} us | {ratio:.2f}x | {turn.p50:.1f} ms | "
            f"{turn.p99:.1f} ms | {turn.p999:.1f} ms |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.workers", description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="numbers of server processes")
    parser.add_argument("--clients", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=3.0, help="of a turn")
    parser.add_argument("--turns", type=int, default=4)
    given = parser.parse_args(arguments)
    require_extra("python -m bench.workers")
    with tempfile.TemporaryDirectory() as folder:
        taken = measure(given.workers, given.clients, given.seconds, given.turns, Path(folder))
    print(f"{given.clients} clients, {os.cpu_count()} cores, load average {os.getloadavg()[0]:.2f}")
    print(render(taken))
    return 0


if __name__ == "__main__":
    sys.exit(main())
