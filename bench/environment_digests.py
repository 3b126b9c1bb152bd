"""Prints the digests of scenarios and the versions they were computed with, for `bench.byte_equality`: one JSON object."""

from __future__ import annotations

import argparse
import ctypes
import json
import platform
from pathlib import Path
from typing import Any

import numpy as np

from domain.families import multi_source
from domain.faults import POOLS, UnknownFaultError
from domain.generator import generate
from domain.training.style import SEED_SPLITS
from domain.types import COMPOSED_TASK, TaskId

FIRST_SEED = 43_000_000
UNKNOWN = "unknown"
DRAWN = "drawn"
"""Stands for the id of a fault where it is drawn: on the task of none, one or two."""
_SUFFIXES = ("", "64_")
_PREFIXES = ("scipy_openblas", "openblas")


def digests(seeds: int, faults: list[str]) -> dict[str, str]:
    """Task, fault and seed to the SHA-256 of the stored scenario; the splits, and so all styles, take turns."""
    return {
        f"{task_id}/{fault or DRAWN}/{seed}": generate(
            task_id, seed, fault=fault, split=SEED_SPLITS[seed % len(SEED_SPLITS)]
        ).digest
        for task_id, fault in cases(faults)
        for seed in range(FIRST_SEED, FIRST_SEED + seeds)
    }


def cases(faults: list[str]) -> list[tuple[TaskId, str | None]]:
    """Task and fault; None: as drawn.

    Args:
        faults: ids, on every task that plants them, or `DRAWN`; empty: all.

    Raises:
        UnknownFaultError: no task plants one of them.
    """
    every: list[tuple[TaskId, str | None]] = [(task_id, fault) for task_id, pool in POOLS.items() for fault in pool]
    every += [*(("hard", fault) for fault in multi_source.FAULTS), (COMPOSED_TASK, None)]
    for asked in faults:
        if asked not in {fault or DRAWN for _, fault in every}:
            raise UnknownFaultError(asked)
    return [case for case in every if not faults or (case[1] or DRAWN) in faults]


def about() -> dict[str, Any]:
    """Versions, and the kernel and the number of threads that OpenBLAS reports."""
    library = _openblas()
    name = _symbol(library, "get_corename")
    count = _symbol(library, "get_num_threads")
    if name is not None:
        name.restype = ctypes.c_char_p
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "kernel": name().decode() if name is not None else UNKNOWN,
        "threads": int(count()) if count is not None else UNKNOWN,
    }


def _openblas() -> ctypes.CDLL | None:
    """The OpenBLAS that NumPy loaded; None: it has another library, or this system does not show it."""
    np.ones((2, 2)) @ np.ones((2, 2))
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return None
    paths = [line.split(maxsplit=5)[-1] for line in lines if "openblas" in line.rpartition("/")[2]]
    return ctypes.CDLL(paths[0]) if paths else None


def _symbol(library: ctypes.CDLL | None, name: str) -> Any:
    names = [f"{prefix}_{name}{suffix}" for prefix in _PREFIXES for suffix in _SUFFIXES]
    return next((getattr(library, each) for each in names if library is not None and hasattr(library, each)), None)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.environment_digests", description=__doc__)
    parser.add_argument("seeds", type=int, help="number of seeds for each fault")
    parser.add_argument("faults", nargs="*", help=f"ids of faults; {DRAWN}: the task of none, one or two")
    arguments = parser.parse_args()
    print(json.dumps({"about": about(), "digests": digests(arguments.seeds, arguments.faults)}))


if __name__ == "__main__":
    main()
