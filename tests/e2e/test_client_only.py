"""The wheel without extras is the client: it plays on a server, and says how to install the rest."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from mlops_debug_env.commands.server_packages import SERVER_PACKAGES
from tests.client.runner.ranked import RankedServer, serving_round
from tests.e2e.running import ServerProcess
from tests.e2e.wheels import bare_environment, build_wheel, create_environment, link_requirements

pytestmark = pytest.mark.slow
PROJECT = "openenv-mlops-debug-env"


class Client(NamedTuple):
    """An environment with the client only, and a folder to work in."""

    python: Path
    folder: Path
    installed: set[str]

    def run(self, *command: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment."""
        return subprocess.run(
            [str(self.python.with_name(command[0])), *command[1:]],
            cwd=self.folder,
            env={**bare_environment(), **settings},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Client:
    wheel = build_wheel(tmp_path_factory.mktemp("wheel"))
    python, packages = create_environment(tmp_path_factory.mktemp("environment"), wheel)
    return Client(python, tmp_path_factory.mktemp("client"), link_requirements(packages, PROJECT))


@pytest.fixture(scope="module")
def played(client: Client, server: ServerProcess) -> Path:
    """A run of the client."""
    ended = client.run("mlops-debug", "run", "--url", server.url, "--entries", "2", "--out", "r")
    assert ended.returncode == 0, ended.stderr
    return client.folder / "r"


@pytest.fixture(scope="module")
def ranked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RankedServer]:
    with serving_round(tmp_path_factory.mktemp("ranked")) as served:
        yield served


def test_no_package_of_the_server_is_installed(client: Client) -> None:
    looked = (
        "from importlib.util import find_spec; import sys; print(*[bool(find_spec(each)) for each in sys.argv[1:]])"
    )
    assert set(client.run("python", "-c", looked, *SERVER_PACKAGES).stdout.split()) == {"False"}
    assert {"numpy", "sqlalchemy", "cryptography", "uvicorn"} & client.installed == set()


def test_every_public_name_is_imported(client: Client) -> None:
    ended = client.run("python", "-c", "from mlops_debug_env import *; import mlops_debug_env; print('imported')")
    assert (ended.returncode, ended.stdout) == (0, "imported\n"), ended.stderr


def test_a_script_plays_an_episode(client: Client, server: ServerProcess) -> None:
    script = f"""
from mlops_debug_env import ReadConfig, SubmitDiagnosis, SyncDebugClient
with SyncDebugClient({server.url!r}) as client:
    client.reset(task_id="easy", seed=14)
    client.step(ReadConfig())
    print(client.step(SubmitDiagnosis(failure_category="config_error")).done)
"""
    ended = client.run("python", "-c", script)
    assert (ended.returncode, ended.stdout) == (0, "True\n"), ended.stderr


def test_a_suite_is_played_compared_and_exported(client: Client, played: Path) -> None:
    assert json.loads((played / "summary.json").read_text())["overall"]["episodes"] == 2
    assert client.run("mlops-debug", "compare", "r", "r").returncode == 0
    exported = client.run("mlops-debug", "export", "r", "--out", "r.jsonl")
    assert (exported.returncode, len((client.folder / "r.jsonl").read_text().splitlines())) == (0, 2), exported.stderr


def test_a_ranked_round_is_played(client: Client, ranked: RankedServer) -> None:
    key = ranked.key("client only")
    ended = client.run(
        *("mlops-debug", "compete", "--url", ranked.url, "--round", ranked.round, "--out", "ranked"),
        MLOPS_DEBUG_API_KEY=key,
    )
    assert ended.returncode == 0, ended.stderr
    assert f"{ranked.entries} attempts played" in ended.stdout


def test_four_agents_play_on_a_running_server(client: Client, server: ServerProcess) -> None:
    ended = client.run("mlops-debug", "demo", "--url", server.url, "--entries", "1")
    assert ended.returncode == 0, ended.stderr
    assert "heuristic" in ended.stdout


def test_a_run_is_shown_in_the_browser(client: Client, played: Path) -> None:
    import urllib.request

    process = subprocess.Popen(
        [str(client.python.with_name("mlops-debug")), "view", str(played), "--port", "0"],
        cwd=client.folder,
        env=bare_environment(),
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert process.stderr is not None
        found = re.search(r"is at (http://127\.0\.0\.1:\d+);", process.stderr.readline())
        assert found is not None
        with urllib.request.urlopen(found[1], timeout=60) as answer:
            page = answer.read().decode()
        assert "2 of 2 finished" in page
        (first, *_) = re.findall(r'href="\.(/episodes/[^"]+)"', page)
        with urllib.request.urlopen(f"{found[1]}{first}", timeout=60) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("command", ["serve", "replay e", "demo", "keys list"])
def test_a_command_of_the_server_says_how_to_install_it(client: Client, command: str) -> None:
    ended = client.run("mlops-debug", *command.split())
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "pip install 'openenv-mlops-debug-env[server]'" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_help_and_version_need_no_server(client: Client) -> None:
    for arguments in (["--help"], ["--version"], ["serve", "--help"], ["rounds", "open", "-h"]):
        assert client.run("mlops-debug", *arguments).returncode == 0
