"""500 agents at once on one server: no errors, and a client that does not grow with the number of episodes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from mlops_debug_env.runner.run_setup import DEFAULT_SUITE
from mlops_debug_env.suites import read_suite
from tests.client.runner.running import COMMAND, results
from tests.e2e.running import ServerProcess

CONCURRENCY = 500
MAX_GROWTH = 1.25


def peak_kib(out: Path, trials: int, url: str) -> int:
    """Peak memory of a run, which must end without an error."""
    asked = ("run", "--agent", "random", "--trials", str(trials), "--concurrency", str(CONCURRENCY))
    process = subprocess.Popen([*COMMAND, *asked, "--url", url, "--out", str(out), "--json"], stdout=subprocess.DEVNULL)
    _, code, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(code)
    assert process.returncode == 0
    return used.ru_maxrss


@pytest.mark.slow
def test_500_agents_at_once_finish_without_an_error_in_flat_memory(server: ServerProcess, tmp_path: Path) -> None:
    entries = len(read_suite(DEFAULT_SUITE).entries)
    few = peak_kib(tmp_path / "few", 2, server.url)
    many = peak_kib(tmp_path / "many", 4, server.url)
    assert len(results(tmp_path / "few")) == 2 * entries > CONCURRENCY
    assert len(results(tmp_path / "many")) == 4 * entries
    assert (tmp_path / "many" / "errors.jsonl").read_text() == ""
    print(
        f"peak of the client: {few / 1024:.0f} MiB for {2 * entries} episodes, {many / 1024:.0f} MiB for twice as many"
    )
    assert many < few * MAX_GROWTH
