"""Kills commands that write files and databases at random moments, and checks what they leave under the final names.

    python -m tests.crash.commands --kills 100                      # of each command
    python -m tests.crash.commands --kills 100 --backend postgres

The process alone is killed, as the kernel does when memory is short, or it and those that it started, as by a power cut, or all get
Ctrl-C. Each runs in a fork of this process, so that the moments fall into its work and not into its imports.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from multiprocessing import resource_tracker
from pathlib import Path

from server.audit import audit_recorder, store_audit
from tests.crash.ended import Ended, fork_and_end, kill, press_ctrl_c
from tests.crash.victims import TEMPORARY, VICTIMS, Place, Stores
from tests.e2e.preloaded import IMPORTED
from tests.postgres import PrivatePostgres, private_postgres

KILLED = ("export", "checkpoint", "backup", "audit", "rebuild", "regrade", "upgrade")
LONG_AFTER = 600.0
INTERRUPTED = 130


def kill_all(pid: int) -> None:
    os.killpg(pid, signal.SIGKILL)


SIGNALS = {kill: "killed", kill_all: "killed with its processes", press_ctrl_c: "interrupted"}


def kill_many(stores: Stores, name: str, kills: int, draw: random.Random) -> Counter[tuple[str, str]]:
    """Kill a command so often; returns how often it was ended how, and what was left."""
    victim, left = VICTIMS[name], Counter[tuple[str, str]]()

    def run(place: Place, after: float, send: object = kill) -> Ended:
        return fork_and_end(stores.arguments(victim), place.folder, place.settings, after=after, send=send)  # type: ignore[arg-type]

    whole = run(stores.copy(victim), LONG_AFTER)
    assert whole.code == 0, whole.output
    for _ in range(kills):
        place, send = stores.copy(victim), draw.choice(list(SIGNALS))
        ended = run(place, draw.uniform(0.0, 1.0) * whole.seconds, send)
        assert ended.left == [], ended
        if send is press_ctrl_c and ended.was_signalled:
            assert (ended.code, len(ended.lines)) == (INTERRUPTED, 1) or ended.code == 0, ended.output
            assert not [path for each in TEMPORARY for path in place.folder.glob(each)]
        left[SIGNALS[send] if ended.was_signalled else "had ended", victim.outcome(place, stores)] += 1
    return left


@contextmanager
def _postgres(is_wanted: bool) -> Iterator[PrivatePostgres | None]:
    if not is_wanted:
        yield None
        return
    with private_postgres() as postgres:
        yield postgres


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100, help="of each command")
    parser.add_argument("--episodes", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--backend", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--commands", nargs="+", choices=KILLED, default=KILLED)
    given = parser.parse_args()
    for name in IMPORTED:
        import_module(name)
    store_audit.EPISODES_PER_BATCH, audit_recorder.SECONDS_PER_RECORD = 5, 0.0  # so that kills fall between records
    is_postgres = given.backend == "postgres"
    with tempfile.TemporaryDirectory(prefix="mlops-debug-kills-") as folder, _postgres(is_postgres) as postgres:
        stores = Stores(Path(folder), postgres, episodes=given.episodes)
        resource_tracker._resource_tracker._stop()  # a fork starts its own, as a command does
        for name in given.commands:
            if is_postgres and not VICTIMS[name].runs_on_postgres:
                continue
            began = time.monotonic()
            left = kill_many(stores, name, given.kills, random.Random(f"{name} {given.seed}"))
            print(f"{name}: {given.kills} times, {time.monotonic() - began:.0f} s", flush=True)
            for (how, outcome), count in sorted(left.items()):
                print(f"  {count:>4} {how}: {outcome}", flush=True)


if __name__ == "__main__":
    main()
