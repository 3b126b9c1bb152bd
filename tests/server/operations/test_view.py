"""``mlops-debug view`` as a user sees it."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from typer.testing import CliRunner

from server.cli import cli
from tests.e2e.running import ROOT, environment

RUN = ROOT / "tests" / "client" / "runner" / "run-of-0.1.0"


def test_a_folder_of_version_0_1_0_is_served_until_ctrl_c_and_nothing_is_written(tmp_path: Path) -> None:
    shutil.copytree(RUN, tmp_path / "r")
    before = {each.name: each.read_bytes() for each in (tmp_path / "r").iterdir()}
    process = subprocess.Popen(
        [sys.executable, "-m", "server", "view", str(tmp_path / "r"), "--port", "0"],
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert process.stderr is not None
        found = re.search(r"is at (http://127\.0\.0\.1:\d+); Ctrl-C ends it\.", process.stderr.readline())
        assert found is not None
        with urllib.request.urlopen(found[1], timeout=60) as answer:
            assert "1 of 2 finished" in answer.read().decode()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.communicate()
    assert {each.name: each.read_bytes() for each in (tmp_path / "r").iterdir()} == before


def test_a_folder_without_a_run_and_a_port_that_is_taken_are_reported_in_one_line(tmp_path: Path) -> None:
    missing = CliRunner().invoke(cli, ["view", str(tmp_path)])
    assert (missing.exit_code, "contains no run: there is no run.json" in missing.stderr) == (2, True)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused = CliRunner().invoke(cli, ["view", str(RUN), "--port", str(taken.getsockname()[1])])
    assert (refused.exit_code, "cannot listen on 127.0.0.1" in refused.stderr) == (2, True)
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize("port", ["-1", "65536"])
def test_a_port_that_does_not_exist_is_refused(port: str) -> None:
    assert CliRunner().invoke(cli, ["view", str(RUN), "--port", port]).exit_code == 2
