"""Describes the machine of the measurements."""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

FSYNCS = 200
_PACKAGES = ("starlette", "uvicorn", "uvloop", "websockets", "sqlalchemy", "pydantic", "openenv", "fastapi")


def describe_machine(folder: Path) -> dict[str, Any]:
    """Processor, memory, disk and versions; ``folder`` is where the databases lie."""
    median_ms, p99_ms = _fsync_ms(folder)
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "packages": {name: version(name) for name in _PACKAGES},
        "fsync_median_ms": median_ms,
        "fsync_p99_ms": p99_ms,
        "load_average_before": [round(each, 2) for each in psutil.getloadavg()],
    }


def _fsync_ms(folder: Path) -> tuple[float, float]:
    """Median and 99th percentile of appending a page and waiting for the disk."""
    taken: list[float] = []
    path = folder / "fsync"
    with path.open("wb", buffering=0) as file:
        for _ in range(FSYNCS):
            file.write(bytes(4096))
            began = time.perf_counter()
            os.fsync(file.fileno())
            taken.append((time.perf_counter() - began) * 1000)
    path.unlink()
    return statistics.median(taken), statistics.quantiles(taken, n=100)[98]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())
