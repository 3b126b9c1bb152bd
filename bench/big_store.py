"""``python -m bench.big_store``: what the operator's commands, a start and serving take on stores of several sizes.

The stores are filled by `fill_store`: real episodes of some ten events on 30 scenarios, linked as the server links them and appended
directly, not over the WebSocket. A store that is there already is taken as it is; a store of 0 episodes has tables and scenarios only.
Peak memory is of the largest process.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Annotated, Callable, Iterator, NamedTuple

import typer
from rich.console import Console

from bench.big_store_serving import Served, measure_serving, serving_table
from bench.fill_store import fill
from server.operations.progress import ShownProgress

SIZES = (0, 2_368, 11_392)
ADDED = 1_000
"""Episodes that are recorded before the audit that goes on."""
STARTS = 3
"""Of a server; the one of median CPU time counts."""
START, SERVING = "start to ready", "serving"
AUDIT, EXPORT, VERIFY, SINCE_LAST = "audit --all", "export --bundle", "verify", f"audit --since-last, {ADDED:,} new"
MAX_VERIFY_OF_AUDIT = 1.3
MAX_SINCE_LAST_OF_AUDIT = 0.1
MAX_START_OF_EMPTY = 2.0
MAX_MEMORY_MB = 300
_LAUNCHER = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, used = os.wait4(process.pid, 0)
print(os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss)
"""
"""Starts a command from a small process: on Linux the peak memory of a process is at least that of the one that started it."""


class Measured(NamedTuple):
    seconds: float
    cpu_seconds: float
    """Of all its processes; other programs of the machine do not count in it."""
    peak_mb: float


cli = typer.Typer(add_completion=False)


@cli.command()
def measure(
    episodes: Annotated[list[int] | None, typer.Option(help="Size of a store; may be repeated.")] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Folder for the stores, which are kept. Default: temporary.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes of audit, backup and verify.")] = os.cpu_count() or 1,
    only: Annotated[list[str] | None, typer.Option(help="Measure only what begins so; may be repeated.")] = None,
) -> None:
    """Fill stores, measure start, checkpoint, rebuild, audit, backup, export and verify on each, then serving on all in turns."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        _measure_all(episodes or list(SIZES), folder, workers, only or [""])
        return
    with tempfile.TemporaryDirectory(prefix="mlops-debug-bench-") as temporary:
        _measure_all(episodes or list(SIZES), Path(temporary), workers, only or [""])


def _measure_all(sizes: list[int], folder: Path, workers: int, only: list[str]) -> None:
    found: dict[int, dict[str, Measured]] = {}
    databases = {size: folder / str(size) / "store.db" for size in sizes}
    for size, database in databases.items():
        _fill(database, size)
        _public_key(database)  # made by the first server of a store; without it an audit records nothing
        found[size] = {}
        for name, work in _commands(database, workers, size=size).items():
            if not name.startswith(tuple(only)):
                continue
            measured = found[size][name] = work()
            print(
                f"{size:>9,}  {name:32} {measured.seconds:8.1f} s  {measured.cpu_seconds:8.1f} s of CPU  {measured.peak_mb:7.0f} MB",
                flush=True,
            )
    served = measure_serving(databases) if SERVING.startswith(tuple(only)) else {}
    print(_table(found, served))


def _fill(database: Path, size: int) -> None:
    if database.exists():
        return
    database.parent.mkdir(exist_ok=True)
    progress = ShownProgress(Console(stderr=True))
    print(f"{size:,} episodes: {asyncio.run(fill(database, size, progress=progress)):,} events", file=sys.stderr)
    progress.stop()


def _commands(database: Path, workers: int, *, size: int) -> dict[str, Callable[[], Measured]]:
    """In this order: later ones need the files and records of earlier ones. An empty store is only started."""
    start: dict[str, Callable[[], Measured]] = {START: partial(_start, database)}
    if size == 0:
        return start
    folder, several = database.parent, ("--workers", str(workers))
    bundle, backup, checkpoint = folder / "bundle.zip", folder / "backup.db", folder / "checkpoint.json"

    def verify() -> Measured:
        return _run(None, "verify", str(bundle), "--public-key", _public_key(database), *several)

    def back_up() -> Measured:
        backup.unlink(missing_ok=True)
        return _run(database, "backup", str(backup), *several)

    def go_on() -> Measured:
        asyncio.run(fill(database, ADDED))
        return _run(database, "audit", "--since-last", *several)

    return {
        **start,
        "checkpoint": partial(_run, database, "checkpoint", "--out", str(checkpoint)),
        "rebuild": partial(_run, database, "rebuild"),
        AUDIT: partial(_run, database, "audit", "--all", *several),
        EXPORT: partial(_run, database, "export", "--bundle", str(bundle)),
        VERIFY: verify,
        "backup": back_up,
        "audit --since-last, nothing new": partial(_run, database, "audit", "--since-last", *several),
        "audit --sample 100": partial(_run, database, "audit", "--sample", "100", *several),
        SINCE_LAST: go_on,  # the last one, because it makes the store larger
    }


def _run(database: Path | None, *arguments: str) -> Measured:
    """A command in a process of its own, with the largest memory of it and of its processes."""
    named = ("--database", str(database)) if database is not None else ()
    command = [sys.executable, "-m", "server", *arguments, *named]
    folder = database.parent if database else None
    began = time.monotonic()
    launched = subprocess.run(
        [sys.executable, "-S", "-c", _LAUNCHER, *command], stdout=subprocess.PIPE, cwd=folder, check=True, text=True
    )
    seconds = time.monotonic() - began
    code, cpu_seconds, peak_kb = launched.stdout.split()
    if code != "0":
        raise RuntimeError(f"{' '.join(arguments)} ended with {code}")
    return Measured(seconds, float(cpu_seconds), float(peak_kb) / 1024)


def _public_key(database: Path) -> str:
    from server.security.secret_files import SecretFiles, secrets_folder
    from server.security.signing import load_signer
    from server.settings import Settings

    return load_signer(SecretFiles(secrets_folder(Settings(database_url=f"sqlite:///{database}")))).public_key


def _start(database: Path) -> Measured:
    return sorted((_start_once(database) for _ in range(STARTS)), key=lambda each: each.cpu_seconds)[STARTS // 2]


def _start_once(database: Path) -> Measured:
    from bench.servers import own_server

    server = own_server(database.parent, database=f"sqlite:///{database}")
    began = time.monotonic()
    server.start()
    seconds = time.monotonic() - began
    measured = Measured(seconds, server.cpu_seconds(), server.memory_bytes() / 1e6)
    server.stop()
    return measured


def _table(found: dict[int, dict[str, Measured]], served: dict[int, Served]) -> str:
    """Tables in Markdown, with the bounds, which are of CPU time."""
    lines = [f"| s / CPU s / MB | {' | '.join(f'{size:,}' for size in found)} |", f"| --- |{' --- |' * len(found)}"]
    for name in dict.fromkeys(name for of in found.values() for name in of):
        cells = [_cell(of.get(name)) for of in found.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    commands = lines if any(found.values()) else []
    return "\n".join([*commands, *serving_table(served), *_bounds(found)])


def _cell(measured: Measured | None) -> str:
    return "-" if measured is None else f"{measured.seconds:.1f} / {measured.cpu_seconds:.1f} / {measured.peak_mb:.0f}"


def _bounds(found: dict[int, dict[str, Measured]]) -> Iterator[str]:
    """What is measured against a bound."""
    for size, of in found.items():
        for name, most, where in (
            (VERIFY, MAX_VERIFY_OF_AUDIT, "at any size"),
            (SINCE_LAST, MAX_SINCE_LAST_OF_AUDIT, "on 118,720"),
        ):
            if name in of and AUDIT in of:
                share = of[name].cpu_seconds / of[AUDIT].cpu_seconds
                yield f"{size:,}: {name} takes {share:.2f} of {AUDIT} (at most {most} {where})"
        for name in (EXPORT, VERIFY):
            if name in of:
                yield f"{size:,}: {name} takes {of[name].peak_mb:.0f} MB (at most {MAX_MEMORY_MB} at any size)"
        if START in of and START in found.get(0, {}):
            share = of[START].cpu_seconds / found[0][START].cpu_seconds
            yield f"{size:,}: {START} takes {share:.2f} of that of an empty store (at most {MAX_START_OF_EMPTY})"


if __name__ == "__main__":
    cli(prog_name="python -m bench.big_store")
