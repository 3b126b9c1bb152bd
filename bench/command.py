"""Runs a plan, renders the tables, and writes JSON and the plot: the work of ``python -m bench``."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Callable

from bench.plan import PLANS
from bench.plot import draw
from bench.report import render
from bench.run import Benchmark
from bench.targets import targets_of
from server.atomic_files import atomic_write, write_text_atomically


def run_benchmark(
    plan: str,
    *,
    json_path: Path,
    plot_path: Path,
    folder: Path | None,
    postgres: str | None,
    progress: Callable[[str], None],
) -> str:
    """Measure, write the files, and give the tables. ``folder``: where the databases are kept; None: a temporary one."""
    with tempfile.TemporaryDirectory(prefix="mlops-debug-bench-", dir=folder) as scratch:
        results = Benchmark(PLANS[plan], Path(scratch), progress, postgres=postgres).run()
    verdicts = [{**asdict(each), "verdict": each.verdict} for each in targets_of(results)]
    write_text_atomically(json_path, json.dumps({**results.to_json(), "targets": verdicts}, indent=1) + "\n")
    with atomic_write(plot_path) as unfinished:
        draw(results, unfinished)
    return render(results)
