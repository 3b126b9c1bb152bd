"""Measures what generating a scenario costs against another version: ``python -m bench.generation_cpu --against CHECKOUT``.

One process a version generates the same seeds of the same task in turns and gives the CPU time of each, with one thread for
linear algebra. Generator 4 is what ``git worktree add ../generator-4 4eb5604`` checks out. Rows are those of the tables that a scenario is made
from; a version that makes five times as many has five times as much to compute.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple, Sequence

from domain.types import TASK_IDS

FIRST_SEED = 44_000_000
WARM_UP = 3
"""Seeds of each task before the measurement."""
HERE = Path(__file__).resolve().parents[1]
_GENERATE = """
import json, sys, time
from domain.generator import generate
for line in sys.stdin:
    task_id, seed = line.split()
    began = time.process_time()
    scenario = generate(task_id, int(seed))
    took = time.process_time() - began
    texts = scenario.evidence.artifacts
    found = json.loads(texts["dataset_stats.json"])
    rows = found["n_rows"] if "n_rows" in found else sum(part["read"] for part in found["sources"].values())
    if "previous_run.json" in texts:
        rows += sum(json.loads(texts["previous_run.json"])["rows"].values())
    print(json.dumps([took, rows]), flush=True)
"""
"""What each version runs: a task and a seed a line, the seconds and rows of each as JSON."""


class Cost(NamedTuple):
    """What a scenario took."""

    seconds: float
    """Of CPU."""
    rows: int


@contextmanager
def generating(checkout: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that generates with the code of a checkout."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    process = subprocess.Popen(
        [sys.executable, "-c", _GENERATE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=checkout,
        env={**os.environ, **threads, "PYTHONPATH": str(checkout)},
    )
    with process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def cost(process: subprocess.Popen[str], task_id: str, seed: int) -> Cost:
    """Generate one scenario."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{task_id} {seed}\n")
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"the process that generates ended at {task_id} {seed}")
    return Cost(*json.loads(line))


def measure(checkouts: Sequence[Path], tasks: Sequence[str], seeds: int) -> dict[str, list[list[Cost]]]:
    """By task and checkout: what each seed took."""
    found: dict[str, list[list[Cost]]] = defaultdict(lambda: [[] for _ in checkouts])
    with generating(checkouts[0]) as first, generating(checkouts[-1]) as last:
        processes = (first, last)[: len(checkouts)]
        for number in range(-WARM_UP, seeds):
            for task_id in tasks:
                for own, process in zip(found[task_id], processes, strict=True):
                    taken = cost(process, task_id, FIRST_SEED + number)
                    own += [taken] if number >= 0 else []
    return found


def render(found: dict[str, list[list[Cost]]]) -> str:
    """A table of medians, in Markdown."""
    lines = [
        "| task | CPU of the other | rows | CPU here | rows | ratio | ratio for a row |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for task_id, (theirs, ours) in found.items():
        (their_ms, their_rows), (our_ms, our_rows) = (
            (1e3 * median(one.seconds for one in costs), median(one.rows for one in costs)) for costs in (theirs, ours)
        )
        ratio = our_ms / their_ms
        lines.append(
            f"| {task_id} | {their_ms:.1f} ms | {their_rows:,.0f} | {our_ms:.1f} ms | {our_rows:,.0f} | {ratio:.2f} |"
            f" {ratio * their_rows / our_rows:.2f} |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.generation_cpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--against", type=Path, required=True, help="checkout of the version to compare with")
    parser.add_argument("--seeds", type=int, default=30, help="of each task")
    parser.add_argument("--tasks", nargs="*", choices=TASK_IDS, default=TASK_IDS)
    given = parser.parse_args(arguments)
    if not (given.against / "domain" / "generator.py").is_file():
        parser.error(f"{given.against} has no domain/generator.py: give a checkout of this project")
    found = measure((given.against.resolve(), HERE), given.tasks, given.seeds)
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.2f}, median of {given.seeds} seeds")
    print(render(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
