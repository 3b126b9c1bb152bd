"""``python -m bench.big_store``: seconds, CPU seconds and peak memory of the operator's commands on stores of several sizes.

The stores are filled by `fill_store`: real episodes of some ten events on 30 scenarios, linked as the server links them and appended
directly, not over the WebSocket. A store that is there already is taken as it is. Peak memory is of the largest process.
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

from bench.fill_store import fill
from server.operations.progress import ShownProgress

SIZES = (2_368, 11_392)
ADDED = 1_000
"""Episodes that are recorded before the audit that goes on."""
AUDIT, EXPORT, VERIFY, SINCE_LAST = "audit --all", "export --bundle", "verify", f"audit --since-last, {ADDED:,} new"
MAX_VERIFY_OF_AUDIT = 1.3
MAX_SINCE_LAST_OF_AUDIT = 0.1
MAX_MEMORY_MB = 300


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
    """Fill stores and measure checkpoint, rebuild, audit, backup, export, verify and the start of a server on each."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        _measure_all(episodes or list(SIZES), folder, workers, only or [""])
        return
    with tempfile.TemporaryDirectory(prefix="mlops-debug-bench-") as temporary:
        _measure_all(episodes or list(SIZES), Path(temporary), workers, only or [""])


def _measure_all(sizes: list[int], folder: Path, workers: int, only: list[str]) -> None:
    found: dict[int, dict[str, Measured]] = {}
    for size in sizes:
        of_size = folder / str(size)
        of_size.mkdir(exist_ok=True)
        database = of_size / "store.db"
        if not database.exists():
            progress = ShownProgress(Console(stderr=True))
            print(
                f"{size:,} episodes: {asyncio.run(fill(database, size, progress=progress)):,} events", file=sys.stderr
            )
            progress.stop()
        found[size] = {}
        for name, work in _commands(database, workers).items():
            if not name.startswith(tuple(only)):
                continue
            measured = found[size][name] = work()
            print(
                f"{size:>9,}  {name:32} {measured.seconds:8.1f} s  {measured.cpu_seconds:8.1f} s of CPU  {measured.peak_mb:7.0f} MB",
                flush=True,
            )
    print(_table(found))


def _commands(database: Path, workers: int) -> dict[str, Callable[[], Measured]]:
    """In this order: later ones need the files and records of earlier ones."""
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
        "start to ready": partial(_start, database),
        "checkpoint": partial(_run, database, "checkpoint", "--out", str(checkpoint)),
        "rebuild": partial(_run, database, "rebuild"),
        AUDIT: partial(_run, database, "audit", "--all", *several),
        EXPORT: partial(_run, database, "export", "--bundle", str(bundle)),
        VERIFY: verify,
        "audit --since-last, nothing new": partial(_run, database, "audit", "--since-last", *several),
        SINCE_LAST: go_on,
        "audit --sample 100": partial(_run, database, "audit", "--sample", "100", *several),
        "backup": back_up,
    }


def _run(database: Path | None, *arguments: str) -> Measured:
    """A command in a process of its own, with the largest memory of it and of its processes."""
    named = ("--database", str(database)) if database is not None else ()
    command = [sys.executable, "-m", "server", *arguments, *named]
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=database.parent if database else None)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}")
    return Measured(time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def _public_key(database: Path) -> str:
    from server.security.secret_files import SecretFiles, secrets_folder
    from server.security.signing import load_signer
    from server.settings import Settings

    return load_signer(SecretFiles(secrets_folder(Settings(database_url=f"sqlite:///{database}")))).public_key


def _start(database: Path) -> Measured:
    from bench.servers import own_server

    server = own_server(database.parent, database=f"sqlite:///{database}")
    began = time.monotonic()
    server.start()
    seconds = time.monotonic() - began
    measured = Measured(seconds, server.cpu_seconds(), server.memory_bytes() / 1e6)
    server.stop()
    return measured


def _table(found: dict[int, dict[str, Measured]]) -> str:
    """A table in Markdown, with the bounds, which are of CPU time."""
    lines = [f"| s / CPU s / MB | {' | '.join(f'{size:,}' for size in found)} |", f"| --- |{' --- |' * len(found)}"]
    for name in next(iter(found.values())):
        cells = [
            f"{of[name].seconds:.1f} / {of[name].cpu_seconds:.1f} / {of[name].peak_mb:.0f}" for of in found.values()
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, *(line for size, of in found.items() for line in _bounds(size, of))])


def _bounds(size: int, of: dict[str, Measured]) -> Iterator[str]:
    """What is measured against a bound."""
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


if __name__ == "__main__":
    cli(prog_name="python -m bench.big_store")
