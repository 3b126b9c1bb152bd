"""``mlops-debug demo`` as a user sees it."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.e2e.running import environment
from tests.mlops_debug_env.evaluation.running import COMMAND, command


def test_the_demo_prints_a_table_of_four_agents_and_ends_for_scripts(tmp_path: Path) -> None:
    database = tmp_path / "kept.db"
    ended = command("demo", "--exit", "--entries", "3", "--database", str(database))
    assert ended.returncode == 0, ended.stderr
    for agent in ("nop", "random", "constant", "heuristic"):
        assert re.search(rf"^ +{agent} +0\.\d\d\d +0\.\d\d\d", ended.stdout, flags=re.MULTILINE), ended.stdout
    with sqlite3.connect(database) as connection:
        (episodes,) = connection.execute("SELECT count(*) FROM events WHERE kind = 'submit'").fetchone()
    connection.close()
    assert episodes == 12


def test_the_demo_leaves_the_server_up_until_ctrl_c(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "demo", "--entries", "3"],
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # What a shell starts in the background, the tests perhaps, is made deaf to Ctrl-C, and hands that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert process.stderr is not None
        said = ""
        for line in process.stderr:
            said += line
            if "The server is up at" in line:
                break
        url = said.rsplit("The server is up at ", 1)[1].split(";")[0]
        with urllib.request.urlopen(f"{url}/health", timeout=10) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        with pytest.raises(OSError, match="refused"):
            urllib.request.urlopen(f"{url}/health", timeout=10).close()
    finally:
        process.kill()
        process.communicate()
