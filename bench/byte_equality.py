"""Whether scenarios have the same bytes everywhere: ``python -m bench.byte_equality --seeds 40 --python PATH ...``.

Every fault of every task, and what the task of none, one or two draws, is generated from every seed in one process an environment: this interpreter and any others that are named
(they need NumPy and pydantic only), each with other OpenBLAS kernels, other numbers of threads and NumPy's SIMD loops
switched off. The SHA-256 digests of the stored scenarios are compared with those of the first environment.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Mapping, NamedTuple

SEEDS = 40
_TIMEOUT_SECONDS = 3600.0
_SIMD_OFF = "NPY_DISABLE_CPU_FEATURES"
_NO_VARIABLES: Mapping[str, str] = MappingProxyType({})
KERNELS = ("Prescott", "Nehalem", "Sandybridge", "Haswell", "Zen", "SkylakeX")
"""Values of OPENBLAS_CORETYPE. Where a processor cannot run one, OpenBLAS takes another; the table shows what ran."""
THREADS = (1, 2, 4)


class Environment(NamedTuple):
    """One interpreter under some environment variables."""

    python: str
    name: str
    variables: Mapping[str, str]


class Drawn(NamedTuple):
    """The digests of one environment."""

    environment: Environment
    about: dict[str, Any]
    """Versions, and what OpenBLAS reports: see `bench.environment_digests`."""
    digests: dict[str, str]
    """Task, fault and seed to the digest of the stored scenario."""
    failure: str | None = None
    """Why it ended early; None: it did not."""


def environments(python: str) -> Iterator[Environment]:
    """Everything that is varied for one interpreter, its own choice first."""
    yield Environment(python, "as it comes", _NO_VARIABLES)
    for kernel in KERNELS:
        yield Environment(python, f"kernel {kernel}", {"OPENBLAS_CORETYPE": kernel})
    for count in THREADS:
        threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(count))
        yield Environment(python, f"{count} thread{'s' if count > 1 else ''}", threads)
    yield Environment(python, "SIMD loops off", {_SIMD_OFF: "all"})


@contextmanager
def importable() -> Iterator[Path]:
    """A directory in which another interpreter finds the generator, and no other installed package."""
    root = Path(__file__).parents[1]
    with tempfile.TemporaryDirectory() as directory:
        for package in ("domain", "bench"):
            (Path(directory) / package).symlink_to(root / package, target_is_directory=True)
        yield Path(directory)


def draw(environment: Environment, *, directory: Path, seeds: int, faults: list[str]) -> Drawn:
    """Generate in a process of its own."""
    variables = {**os.environ, "PYTHONPATH": str(directory), **environment.variables}
    if _SIMD_OFF in variables:
        variables[_SIMD_OFF] = _simd_features(environment.python)
    command = [environment.python, "-m", "bench.environment_digests", str(seeds), *faults]
    done = subprocess.run(
        command, capture_output=True, text=True, env=variables, cwd=directory, check=False, timeout=_TIMEOUT_SECONDS
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return Drawn(environment, {}, {}, f"ended with {done.returncode}: {last}")
    answer = json.loads(done.stdout)
    return Drawn(environment, answer["about"], answer["digests"])


def _simd_features(python: str) -> str:
    """The processor features for which this interpreter's NumPy has loops of their own."""
    code = "import numpy; print(' '.join(numpy.show_config(mode='dicts')['SIMD Extensions'].get('found', ())))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def differing(drawn: Drawn, first: Drawn) -> list[str]:
    """Task, fault and seed of the scenarios that have other bytes than in the first environment, or are missing."""
    return [key for key, digest in first.digests.items() if drawn.digests.get(key) != digest]


def row(drawn: Drawn, first: Drawn) -> str:
    """A line of the table, in Markdown."""
    about, of = drawn.about, len(first.digests)
    ran = [str(about.get(name, "?")) for name in ("python", "numpy", "kernel", "threads")]
    cells = [*ran[:2], drawn.environment.name, *ran[2:]]
    return f"| {' | '.join(cells)} | {drawn.failure or f'{of - len(differing(drawn, first))} of {of}'} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="seeds a fault")
    parser.add_argument("--python", nargs="*", default=[], help="interpreters with other versions of NumPy")
    parser.add_argument("--faults", nargs="*", default=[], help="these only; default: all")
    parser.add_argument("--jobs", type=int, default=1, help="environments at once")
    given = parser.parse_args()
    every = [each for python in (sys.executable, *given.python) for each in environments(python)]
    print("| Python | NumPy | environment | kernel that ran | threads | equal |\n| --- | --- | --- | --- | --- | --- |")
    with importable() as directory, ThreadPoolExecutor(given.jobs) as pool:
        made = pool.map(partial(draw, directory=directory, seeds=given.seeds, faults=given.faults), every)
        first = next(made)
        if first.failure is not None:
            sys.exit(f"{first.environment.python}: {first.failure}")
        print(row(first, first), flush=True)
        others: list[tuple[str, str]] = []
        is_whole = True
        for drawn in made:
            print(row(drawn, first), flush=True)
            others += [] if drawn.failure else [(drawn.environment.name, key) for key in differing(drawn, first)]
            is_whole &= drawn.failure is None
    for name, key in others[:20]:
        print(f"differs: {key} ({name})")
    sys.exit(0 if is_whole and not others else 1)


if __name__ == "__main__":
    main()
