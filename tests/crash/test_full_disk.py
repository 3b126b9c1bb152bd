"""A disk that is full while a command writes is reported in one line, and nothing is lost or half written."""

from __future__ import annotations

import resource
import subprocess
import sys
from functools import partial

import pytest

from tests.crash.victims import TEMPORARY, VICTIMS, Place, Stores
from tests.e2e.running import environment

BYTES = 33_000
"""So far a file may grow: SQLite opens the database, and what the command writes does not fit."""
WRITE_MORE = ("backup", "rebuild", "regrade", "verify", "warm", "upgrade")
"""`tests/server/test_atomic_files.py` has the commands that write a bundle or a checkpoint."""
CANNOT_BE_DONE = 2


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Stores:
    return Stores(tmp_path_factory.mktemp("stores"), None, episodes=20)


def run(arguments: list[str], place: Place) -> subprocess.CompletedProcess[str]:
    """Run a command no file of which grows beyond ``BYTES``, which is a full disk that needs no root."""
    return subprocess.run(
        [sys.executable, "-m", "server", *arguments],
        cwd=place.folder,
        env=environment(**place.settings),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=partial(resource.setrlimit, resource.RLIMIT_FSIZE, (BYTES, resource.RLIM_INFINITY)),
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITE_MORE)
def test_a_full_disk_is_reported_in_one_line_and_nothing_is_lost(name: str, stores: Stores) -> None:
    victim = VICTIMS[name]
    place = stores.copy(victim)
    done = run(stores.arguments(victim), place)
    lines = [each for each in done.stderr.splitlines() if not each.startswith("database: ")]
    assert (done.returncode, len(lines)) == (CANNOT_BE_DONE, 1), done.stderr
    assert not [path for each in TEMPORARY for path in place.folder.glob(each)]
    victim.outcome(place, stores)
