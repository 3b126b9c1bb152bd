"""``mlops-debug demo`` as a user sees it."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from itertools import product
from pathlib import Path

import pytest

from tests.client.runner.running import COMMAND, command
from tests.e2e.running import ROOT, ServerProcess, environment
from tests.profiles import smoke


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


SHADOWS = ("server", "domain", "random", "queue", "signal")
"""Packages of ours, and modules that the interpreter of a worker process imports first."""


@pytest.mark.parametrize("import_path", smoke([None, "", os.curdir], lambda path: path == ""))
def test_no_process_of_the_demo_imports_from_the_working_directory(import_path: str | None, tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    for name in SHADOWS if import_path is None else ("server", "domain"):
        (tmp_path / name).mkdir()
        for file in ("__init__.py", "__main__.py"):
            (tmp_path / name / file).write_text(f"open({str(tmp_path / 'imported')!r}, 'a').write('{name} ')")
    path = {} if import_path is None else {"PYTHONPATH": os.pathsep.join([str(ROOT), import_path])}
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "mlops_debug_env", "demo", "--exit", "--entries", "1"],
        env={**environment(TMPDIR=str(tmp_path / "scratch")), **path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert not (tmp_path / "imported").exists()
    assert list((tmp_path / "scratch").iterdir()) == []


ENDINGS = list(product(("server: ", "The server is up at "), (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)))


@pytest.mark.parametrize("ending", smoke(ENDINGS, lambda each: ENDINGS.index(each) in (0, 4)), ids=map(str, ENDINGS))
def test_a_demo_that_is_ended_leaves_neither_its_server_nor_its_folder(
    ending: tuple[str, signal.Signals], tmp_path: Path
) -> None:
    until, number = ending
    process = subprocess.Popen(
        [*COMMAND, "demo", "--entries", "1"],
        env=environment(TMPDIR=str(tmp_path)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: [signal.signal(each, signal.SIG_DFL) for each in (signal.SIGINT, signal.SIGHUP)],
    )
    try:
        assert process.stderr is not None
        said = ""
        for line in process.stderr:
            said += line
            if until in line:
                break
        url = said.rsplit(until, 1)[1].split()[0].rstrip(";")
        process.send_signal(number)
        is_ended_by_its_user = number == signal.SIGINT and until != "server: "
        assert process.wait(60) == (0 if is_ended_by_its_user else 128 + number)
        with pytest.raises(OSError, match="refused"):
            urllib.request.urlopen(f"{url}/health", timeout=10).close()
        assert list(tmp_path.iterdir()) == []
    finally:
        process.kill()
        process.communicate()


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


def test_the_demo_plays_on_a_running_server_and_leaves_it_and_nothing_else(
    server: ServerProcess, tmp_path: Path
) -> None:
    ended = command("demo", "--url", server.url, "--entries", "2", settings={"TMPDIR": str(tmp_path)})
    assert ended.returncode == 0, ended.stderr
    assert re.search(r"^ +heuristic +0\.\d\d\d", ended.stdout, flags=re.MULTILINE), ended.stdout
    assert list(tmp_path.iterdir()) == []
    with urllib.request.urlopen(f"{server.url}/health", timeout=10) as answer:
        assert answer.status == 200


def test_a_demo_on_a_running_server_that_is_ended_leaves_no_folder(server: ServerProcess, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "demo", "--url", server.url, "--entries", "354"],
        env=environment(TMPDIR=str(tmp_path)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        assert process.stderr.readline() == f"server: {server.url}\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM
        assert list(tmp_path.iterdir()) == []
    finally:
        process.kill()
        process.communicate()
    with urllib.request.urlopen(f"{server.url}/health", timeout=10) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--url", "http://127.0.0.1:1"), 3, "No connection to the server"),
        (("--url", "127.0.0.1"), 2, "must have http or https"),
        (("--url", "http://127.0.0.1:1", "--database", "x.db"), 2, "--database is for a server that the demo starts"),
    ],
)
def test_a_server_that_cannot_be_played_on_is_reported_in_a_line(
    arguments: tuple[str, ...], code: int, message: str, tmp_path: Path
) -> None:
    ended = command("demo", *arguments, settings={"TMPDIR": str(tmp_path)})
    assert (ended.returncode, ended.stdout) == (code, "")
    assert message in ended.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


SIGNALLED_WHILE_STARTING = """
import atexit, signal, subprocess, sys
from mlops_debug_env.cli import cli

class SignalledPopen(subprocess.Popen):
    def __init__(self, command, **options):
        super().__init__([sys.executable, "-c", "import time; time.sleep(600)"], **options)
        atexit.register(lambda: print("started", self.pid, self.poll()))
        signal.raise_signal(signal.SIGTERM)

subprocess.Popen = SignalledPopen
sys.argv = ["mlops-debug", "demo", "--exit"]
cli()
"""


def test_a_signal_while_the_server_is_being_started_leaves_no_process_and_no_folder(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SIGNALLED_WHILE_STARTING],
        env=environment(TMPDIR=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    started = re.search(r"started (\d+) (\S+)", ended.stdout)
    assert started is not None, ended.stderr
    if started[2] == "None":
        os.kill(int(started[1]), signal.SIGKILL)
    assert (ended.returncode, started[2]) == (128 + signal.SIGTERM, str(-signal.SIGTERM))
    assert list(tmp_path.iterdir()) == []
