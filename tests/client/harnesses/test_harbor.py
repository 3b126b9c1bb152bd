"""Task folders of Harbor: its own models read them, and their scripts run beside the program that their container runs."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops_debug_env.harnesses.harbor import Source, solution_of, write_task
from mlops_debug_env.suites import SuiteEntry
from mlops_debug_env.transport.sync_client import SyncDebugClient
from tests.e2e.running import ROOT, ServerProcess, environment, free_port

ENTRY = SuiteEntry(task_id="medium", seed=987_654_321)
SOURCE = Source("one", "5", "mlops-debug")


@pytest.fixture(scope="module")
def task(server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with SyncDebugClient(server.url) as client:
        return write_task(tmp_path_factory.mktemp("tasks"), ENTRY, SOURCE, solution_of(ENTRY, client))


def service_of(task: Path) -> dict[str, Any]:
    text = (task / "environment" / "docker-compose.yaml").read_text()
    found: dict[str, Any] = yaml.safe_load(text)["services"]["mlops-debug"]
    return found


@pytest.fixture
def service(task: Path, server: ServerProcess) -> Iterator[str]:
    """The address of what the task's second container runs; its own command, on a server that runs already."""
    port = free_port()
    command = service_of(task)["command"][1:-1]
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "mlops_debug_env", *command, f"127.0.0.1:{port}"],
        env=environment(MLOPS_DEBUG_URL=server.url),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "/mcp" in line:
            break
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.communicate()


def run(script: Path, service: str, logs: Path) -> str:
    env = environment(MLOPS_DEBUG_SERVICE=service, VERIFIER_LOGS=str(logs))
    ran = subprocess.run([str(script)], env=env, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_solution_solves_it_and_the_verifier_writes_the_score(task: Path, service: str, tmp_path: Path) -> None:
    run(task / "tests" / "test.sh", service, tmp_path)
    assert json.loads((tmp_path / "reward.json").read_text()) == {"reward": 0.0, "submitted": 0}
    assert '"status":"submitted"' in run(task / "solution" / "solve.sh", service, tmp_path)
    run(task / "tests" / "test.sh", service, tmp_path)
    assert json.loads((tmp_path / "reward.json").read_text()) == {"reward": 0.99, "submitted": 1}


def test_nothing_that_the_agent_can_read_has_seed_or_truth(task: Path) -> None:
    # Harbor reads task.toml on the host, and copies tests and solution into the container after the agent.
    shown = (task / "instruction.md").read_text() + (task / "environment" / "Dockerfile").read_text() + task.name
    assert str(ENTRY.seed) not in shown
    assert "COPY" not in shown
    assert str(ENTRY.seed) in service_of(task)["command"]
    assert (set(service_of(task)), service_of(task).get("ports")) == (
        {"image", "command", "expose", "healthcheck"},
        None,
    )


def test_the_configuration_names_the_mcp_server(task: Path) -> None:
    config = tomllib.loads((task / "task.toml").read_text())
    (server,) = config["environment"]["mcp_servers"]
    assert (server["transport"], server["url"]) == ("streamable-http", "http://mlops-debug:8000/mcp")
    assert config["task"]["name"] == "mlops-debug/medium-0000"


def test_the_command_writes_a_folder_for_each_entry_and_overwrites_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mlops_debug_env.harnesses.harbor", "--out", str(tmp_path / "t"), "--entries", "5"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    names = sorted(each.name for each in (tmp_path / "t").iterdir())
    assert names == ["easy-0000", "easy-0001", "expert-0000", "hard-0000", "medium-0000"]
    assert not list((tmp_path / "t").glob("*/solution"))
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (again.returncode, "is not empty" in again.stderr) == (2, True)


@pytest.mark.harness
def test_harbor_reads_the_task(task: Path) -> None:
    models: Any = pytest.importorskip("harbor.models.task.task", reason="needs the harness harbor, of Python 3.12")
    assert models.Task.is_valid_dir(task)
    read = models.Task(task)
    assert read.config.environment.mcp_servers[0].url == "http://mlops-debug:8000/mcp"
    assert read.config.agent.timeout_sec == 900
    assert "show_task" in read.instruction
