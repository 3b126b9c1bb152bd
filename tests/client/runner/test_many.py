"""500 agents at once on one server: no errors, and a client that does not grow with the number of episodes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.client.runner.running import COMMAND, results
from tests.e2e.running import ServerProcess

CONCURRENCY = 500
ENTRIES = 130
"""The fewest that keep 500 agents busy with four trials, in every profile: drawing a run of several sources takes long."""
MAX_GROWTH = 1.25


def peak_kib(out: Path, trials: int, url: str) -> int:
    """Peak memory of a run, which must end without an error."""
    asked = ("run", "--agent", "random", "--entries", str(ENTRIES), "--trials", str(trials))
    where = ("--concurrency", str(CONCURRENCY), "--url", url, "--out", str(out), "--json")
    process = subprocess.Popen([*COMMAND, *asked, *where], stdout=subprocess.DEVNULL)
    _, code, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(code)
    assert process.returncode == 0
    return used.ru_maxrss


@pytest.mark.slow
def test_500_agents_at_once_finish_without_an_error_in_flat_memory(server: ServerProcess, tmp_path: Path) -> None:
    few = peak_kib(tmp_path / "few", 4, server.url)
    many = peak_kib(tmp_path / "many", 8, server.url)
    assert len(results(tmp_path / "few")) == 4 * ENTRIES > CONCURRENCY
    assert len(results(tmp_path / "many")) == 8 * ENTRIES
    assert (tmp_path / "many" / "errors.jsonl").read_text() == ""
    print(
        f"peak of the client: {few / 1024:.0f} MiB for {4 * ENTRIES} episodes, {many / 1024:.0f} MiB for twice as many"
    )
    assert many < few * MAX_GROWTH
