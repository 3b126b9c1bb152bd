"""Measures how loud each fault is: ``python -m bench.measure_loudness --write``, of the other family with ``--several-sources``.

A fault is planted in many seeds and run beside its twin. It shows in a run where something that the log or the results print is
what it hardly ever is in a healthy run, or the test accuracy lies far from the twin's. The tasks follow from the table, which
is written to `domain/faults/loudness.py`. For runs of several sources: see `bench.loudness_of_sources`.
"""

from __future__ import annotations

import argparse
import re
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench import loudness_of_sources
from domain.faults import CATALOGUE
from domain.faults.fault import Fault
from domain.faults.loudness import LOUDNESS, Loudness
from domain.generator import scenario_seed
from domain.training import checks
from domain.training.multi_source.agreements import BY_FAULT
from domain.training.multi_source.loudness import SOURCE_LOUDNESS
from domain.training.pipeline import draw_pipeline
from domain.training.randomness import Floats, Stream
from domain.training.simulator import draw_raw, simulate
from domain.training.thresholds import THRESHOLDS

SEEDS, FIRST_SEED = 200, 46_000_000
HEALTHY_RUNS, FIRST_HEALTHY = 1_000, 47_000_000
TAIL = 0.005
"""Share of the healthy runs that lie below, and above, what counts as usual."""
CLEAR_FALL = 0.10
"""A fall of the test accuracy, against the twin's, that shows by itself."""
PRINTED = (
    ("loss_trajectory", "last_over_chance"),
    ("loss_trajectory", "largest_over_chance"),
    ("loss_trajectory", "up_move_share"),
    ("loss_trajectory", "last_train_accuracy"),
    ("loss_trajectory", "last_val_accuracy"),
    ("loss_trajectory", "steps_per_epoch"),
    ("metric_gap_analysis", "reported_test"),
    ("metric_gap_analysis", "val_minus_test"),
    ("metric_gap_analysis", "train_minus_val"),
    ("class_balance", "classes_never_predicted"),
)
"""What can be read off train.log and eval_results.json, by the names of the checks that measure it."""
TARGET = Path(__file__).parents[1] / "domain" / "faults" / "loudness.py"

_HEAD = '''"""How loud each fault is, as measured: written by ``python -m bench.measure_loudness --write``."""

from __future__ import annotations

from types import MappingProxyType
from typing import Mapping, NamedTuple


class Loudness(NamedTuple):
    """What planting a fault did in a row of seeds."""

    test_change: float
    """Mean of the reported test accuracy minus the twin's."""
    shown: float
    """Share of the runs whose log or results show that something happened."""
    missed: float
    """Share of the runs in which no check raises a flag that the twin's does not."""


SEEDS = {seeds}
LOUD = 0.75
"""Shown in this share of the runs, a fault belongs to the easy task."""
LOUDNESS: Mapping[str, Loudness] = MappingProxyType(
    {{
'''


class Row(NamedTuple):
    """One planted run against its twin."""

    test_change: float
    is_shown: bool
    is_missed: bool
    is_equal: bool
    """No number of any check differs from the twin's."""


def printed(measured: dict[str, checks.Measured]) -> list[float]:
    """The numbers of `PRINTED`."""
    return [float(measured[check][name]) for check, name in PRINTED]  # type: ignore[arg-type]


def usual() -> Floats:
    """(2, numbers): between which each number lies in nearly every healthy run."""
    runs = (simulate(draw_pipeline(FIRST_HEALTHY + number)) for number in range(HEALTHY_RUNS))
    found: Floats = np.quantile([printed(checks.measure(run)) for run in runs], (TAIL, 1 - TAIL), axis=0)
    return found


def plant(fault: Fault, seed: int, bounds: Floats) -> Row:
    """Run a fault and its twin."""
    twin = fault.twin(draw_pipeline(scenario_seed(fault.task_id, seed)))
    (value, *_) = fault.severities(twin, Stream(twin.seed, f"fault/{fault.fault_id}"))
    raw = draw_raw(twin)
    run, healthy = (simulate(each, raw=raw) for each in (fault.plant(twin, value), twin))
    change = run.reported_test.accuracy - healthy.reported_test.accuracy
    ours, theirs = checks.measure(run), checks.measure(healthy)
    numbers = np.array(printed(ours))
    is_usual = bool(((numbers >= bounds[0]) & (numbers <= bounds[1])).all())
    is_missed = not checks.beyond(ours, THRESHOLDS) - checks.beyond(theirs, THRESHOLDS)
    return Row(change, change <= -CLEAR_FALL or not is_usual, is_missed, ours == theirs)


def measure(fault_id: str, *, seeds: int, bounds: Floats) -> list[float]:
    """Means of the rows of one fault."""
    rows = [plant(CATALOGUE[fault_id], FIRST_SEED + number, bounds) for number in range(seeds)]
    return [float(share) for share in np.mean(rows, axis=0)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--seeds", type=int, help=f"for each fault; {SEEDS}, of several sources {loudness_of_sources.SEEDS}"
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--write", action="store_true", help=f"write {TARGET.name}")
    parser.add_argument("--faults", nargs="*", help="measure these only, and keep what is written of the others")
    parser.add_argument("--several-sources", action="store_true", help="the faults of runs of several sources")
    given = parser.parse_args()
    if given.several_sources:
        measure_sources(given)
    else:
        measure_one_table(given)


def measure_sources(given: argparse.Namespace) -> None:
    """Measure the faults of runs of several sources."""
    seeds = given.seeds or loudness_of_sources.SEEDS
    ids = sorted(given.faults or BY_FAULT)
    rows = {} if given.faults is None else dict(SOURCE_LOUDNESS)
    with ProcessPoolExecutor(given.jobs) as pool:
        scale = loudness_of_sources.healthy_scale()
        found = pool.map(partial(loudness_of_sources.measure_fault, scale=scale, seeds=seeds), ids)
        for fault_id, row in zip(ids, found, strict=True):
            print(f"{fault_id:30} {row.recent_change:+.3f} {row.loudness:5.2f} {row.shown:.3f}", flush=True)
            rows[fault_id] = row
    if given.write:
        text = loudness_of_sources.TARGET.read_text()
        head, _, _ = text.partition(loudness_of_sources.TABLE)
        head = re.sub(r"^SEEDS = .*$", f"SEEDS = {seeds}", head, flags=re.MULTILINE)
        lines = (
            f'        "{fault_id}": SourceLoudness({row.recent_change:.3f}, {row.loudness:.2f}, {row.shown:.3f}),\n'
            for fault_id, row in sorted(rows.items())
        )
        loudness_of_sources.TARGET.write_text(
            f"{head}{loudness_of_sources.TABLE} = MappingProxyType(\n    {{\n{''.join(lines)}    }}\n)\n"
        )


def measure_one_table(given: argparse.Namespace) -> None:
    """Measure the faults of runs of one table."""
    seeds = given.seeds or SEEDS
    ids = sorted(given.faults or CATALOGUE)
    rows = {} if given.faults is None else dict(LOUDNESS)
    with ProcessPoolExecutor(given.jobs) as pool:
        found = pool.map(partial(measure, seeds=seeds, bounds=usual()), ids)
        for fault_id, (change, shown, missed, equal) in zip(ids, found, strict=True):
            task = CATALOGUE[fault_id].task_id
            print(f"{fault_id:26} {task:7} {change:+.3f} {shown:.3f} {missed:.3f} equal {equal:.3f}", flush=True)
            rows[fault_id] = Loudness(change, shown, missed)
    if given.write:
        lines = (
            f'        "{fault_id}": Loudness({row.test_change:.3f}, {row.shown:.3f}, {row.missed:.3f}),\n'
            for fault_id, row in sorted(rows.items())
        )
        TARGET.write_text(_HEAD.format(seeds=seeds) + "".join(lines) + "    }\n)\n")


if __name__ == "__main__":
    main()
