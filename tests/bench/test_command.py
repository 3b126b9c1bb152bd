"""The whole benchmark in its smallest form, on real servers, as the command line runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.e2e.running import environment

NEEDED = ("openenv", "psutil", "matplotlib")
MISSING = [name for name in NEEDED if find_spec(name) is None]


def run_bench(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    files = ("--json", str(folder / "bench.json"), "--plot", str(folder / "bench.svg"))
    command = [sys.executable, "-m", "bench", *files, *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=600, check=False
    )


@pytest.mark.slow
@pytest.mark.skipif(bool(MISSING), reason=f"needs the extra bench: {', '.join(MISSING)} missing")
def test_the_smallest_plan_measures_every_server_and_writes_its_files(tmp_path: Path) -> None:
    done = run_bench(tmp_path, "--plan", "smallest", "--folder", str(tmp_path))
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    measured = json.loads((tmp_path / "bench.json").read_text())
    rates = {cell["server"]: cell["figure"]["steps_per_second"] for cell in measured["cells"] if cell["load"] == "ws"}
    assert set(rates) == {"mlops-debug", "openenv", "openenv-generating", "ceiling"}
    assert measured["single"]["disk_bytes_per_event"] > 0
    assert all(target["figure"] in done.stdout for target in measured["targets"])
    assert (tmp_path / "bench.svg").read_text().lstrip().startswith("<?xml")


@pytest.mark.skipif(not MISSING, reason="the extra bench is installed")
def test_without_its_extra_the_command_says_what_to_install(tmp_path: Path) -> None:
    done = run_bench(tmp_path)
    assert done.returncode == 2
    assert "pip install" in done.stderr
    assert "[bench]" in done.stderr
