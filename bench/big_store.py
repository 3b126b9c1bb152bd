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
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.console import Console

from bench.fill_store import fill
from server.operations.progress import ShownProgress

SIZES = (2_368, 11_392)
ADDED = 1_000
"""Episodes that are recorded before the audit that goes on."""
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
) -> None:
    """Fill stores and measure checkpoint, rebuild, audit, backup, export, verify and the start of a server on each."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        _measure_all(episodes or list(SIZES), folder, workers)
        return
    with tempfile.TemporaryDirectory(prefix="mlops-debug-bench-") as temporary:
        _measure_all(episodes or list(SIZES), Path(temporary), workers)


def _measure_all(sizes: list[int], folder: Path, workers: int) -> None:
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
        found[size] = _measure_store(database, workers)
        for name, measured in found[size].items():
            print(
                f"{size:>9,}  {name:24} {measured.seconds:8.1f} s  {measured.cpu_seconds:8.1f} s of CPU  {measured.peak_mb:7.0f} MB",
                flush=True,
            )
    print(_table(found))


def _measure_store(database: Path, workers: int) -> dict[str, Measured]:
    folder, several = database.parent, ("--workers", str(workers))
    for name in ("bundle.zip", "backup.db", "checkpoint.json"):
        (folder / name).unlink(missing_ok=True)
    found = {
        "start to ready": _start(database),
        "checkpoint": _run(database, "checkpoint", "--out", str(folder / "checkpoint.json")),
        "rebuild": _run(database, "rebuild"),
        "audit --all": _run(database, "audit", "--all", *several),
        "backup": _run(database, "backup", str(folder / "backup.db"), *several),
        "export --bundle": _run(database, "export", "--bundle", str(folder / "bundle.zip")),
    }
    key = _public_key(database)
    found["verify"] = _run(None, "verify", str(folder / "bundle.zip"), "--public-key", key, *several)
    asyncio.run(fill(database, ADDED))
    found[f"audit --since-last, {ADDED:,} new"] = _run(database, "audit", "--since-last", *several)
    found["audit --sample 100"] = _run(database, "audit", "--sample", "100", *several)
    return found


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
    head = f"| s / CPU s / MB | {' | '.join(f'{size:,}' for size in found)} |"
    names = next(iter(found.values()))
    lines = [head, f"| --- |{' --- |' * len(found)}"]
    for name in names:
        cells = [
            f"{of[name].seconds:.1f} / {of[name].cpu_seconds:.1f} / {of[name].peak_mb:.0f}" for of in found.values()
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    for size, of in found.items():
        verify = of["verify"].cpu_seconds / of["audit --all"].cpu_seconds
        since = of[f"audit --since-last, {ADDED:,} new"].cpu_seconds / of["audit --all"].cpu_seconds
        memory = max(of["verify"].peak_mb, of["export --bundle"].peak_mb)
        lines.append(
            f"\n{size:,}: verify takes {verify:.2f} of an audit (at most {MAX_VERIFY_OF_AUDIT}); audit --since-last "
            f"{since:.2f} (at most {MAX_SINCE_LAST_OF_AUDIT} on 118,720); export and verify {memory:.0f} MB (at most {MAX_MEMORY_MB})"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    cli(prog_name="python -m bench.big_store")
