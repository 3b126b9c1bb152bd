"""Kills export, backup, checkpoint, audit and upgrade at random moments, and checks what they leave under the final names.

    python -m tests.crash.commands --kills 100

A file is absent, the older one, or whole; a database is at the version from before or at the newest; an audit goes on without a finding.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from bench.fill_store import fill

OLDER = b"older"


class Victim(NamedTuple):
    """A command that is killed, and what is checked afterwards."""

    arguments: Callable[[Path], list[str]]
    prepare: Callable[[Path], None]
    outcome: Callable[[Path], str]
    """What was left, in a word; raises ``AssertionError``."""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "server", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)


def _older(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(OLDER) and None


def _absent(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink(missing_ok=True)


def _bundle(folder: Path) -> str:
    if (folder / "bundle.zip").read_bytes() == OLDER:
        return "older"
    with zipfile.ZipFile(folder / "bundle.zip") as bundle:
        assert bundle.testzip() is None
        assert "signature.json" in bundle.namelist()
    return "whole"


def _checkpoint(folder: Path) -> str:
    if (folder / "checkpoint.json").read_bytes() == OLDER:
        return "older"
    done = run(folder, "audit", "--checkpoint", "checkpoint.json", "--database", "store.db")
    assert done.returncode == 0, done.stdout + done.stderr
    return "whole"


def _backup(folder: Path) -> str:
    if not (folder / "backup.db").exists():
        return "absent"
    assert _count(folder / "backup.db") == _count(folder / "store.db")
    return "whole"


def _audit(folder: Path) -> str:
    done = run(folder, "audit", "--since-last", "--database", "store.db")
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = [line for line in done.stdout.splitlines() if "derived" in line]
    return "went on" if "earlier audits" in line else "began"


def _upgraded(folder: Path) -> str:
    with closing(sqlite3.connect(folder / "store.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        ((version,),) = connection.execute("SELECT version_num FROM alembic_version")
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert ("audit_records" in tables) == (version != "0011"), version
    return str(version)


def _at_an_earlier_version(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "store.db")) as connection:
        connection.execute("DROP TABLE IF EXISTS audit_records")
        connection.execute("UPDATE alembic_version SET version_num = '0011'")
        connection.commit()


def _without_records(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "store.db")) as connection:
        connection.execute("DELETE FROM audit_records")
        connection.commit()


def _count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])


def _named(*arguments: str) -> Callable[[Path], list[str]]:
    return lambda _: [*arguments, "--database", "store.db"]


VICTIMS = {
    "export": Victim(_named("export", "--bundle", "bundle.zip"), _older("bundle.zip"), _bundle),
    "checkpoint": Victim(_named("checkpoint", "--out", "checkpoint.json"), _older("checkpoint.json"), _checkpoint),
    "backup": Victim(_named("backup", "backup.db"), _absent("backup.db"), _backup),
    "audit": Victim(_named("audit", "--all"), _without_records, _audit),
    "upgrade": Victim(_named("db", "upgrade"), _at_an_earlier_version, _upgraded),
}


def kill_many(folder: Path, kills: int, draw: random.Random) -> dict[str, Counter[str]]:
    """Kill each command in turns; returns what was left how often."""
    left: dict[str, Counter[str]] = {name: Counter() for name in VICTIMS}
    taken: dict[str, float] = {}
    for name, victim in VICTIMS.items():
        victim.prepare(folder)
        began = time.monotonic()
        assert run(folder, *victim.arguments(folder)).returncode == 0, name
        taken[name] = time.monotonic() - began
    for number in range(kills):
        name = list(VICTIMS)[number % len(VICTIMS)]
        victim = VICTIMS[name]
        victim.prepare(folder)
        command = [sys.executable, "-m", "server", *victim.arguments(folder)]
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell may have it ignored
        )
        try:
            process.wait(draw.uniform(0.2, 1.0) * taken[name])
        except subprocess.TimeoutExpired:
            process.send_signal(draw.choice((signal.SIGKILL, signal.SIGINT)))
        process.wait()
        outcome = victim.outcome(folder)
        left[name][outcome] += 1
        print(f"{number + 1:>4} {name:10} {outcome}", flush=True)
        for part in (*folder.glob(".unfinished-*"), *folder.glob("backup.db.part*")):
            part.unlink()  # what a killed process leaves under another name
    return left


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--episodes", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="mlops-debug-kills-"))
    try:
        asyncio.run(fill(folder / "store.db", given.episodes))
        for name, outcomes in kill_many(folder, given.kills, random.Random(given.seed)).items():
            print(name, dict(outcomes))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
