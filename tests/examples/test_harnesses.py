"""The examples for other harnesses, run against the real packages where these are installed; a scripted endpoint stands for the model."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.client.harnesses.test_tool_episode import RIGHT
from tests.client.scripted_model import calls, says, serving_model
from tests.e2e.running import ROOT, ServerProcess, environment

pytestmark = [pytest.mark.harness, pytest.mark.slow]

EXAMPLES = ROOT / "examples"
SHOW: tuple[str, dict[str, Any]] = ("show_task", {})
PLAYED: list[tuple[str, dict[str, Any]]] = [
    ("inspect_preprocessing", {}),
    ("run_sanity_check", {"sanity_check_type": "data_leakage"}),
    (
        "submit_diagnosis",
        {**RIGHT, "diagnosis": "The scaler saw all rows.", "proposed_fix": "Fit it on training rows."},
    ),
]


def needs(package: str) -> pytest.MarkDecorator:
    """Skips a test, with what to install, where a package is missing."""
    return pytest.mark.skipif(find_spec(package) is None, reason=f"needs the harness {package}")


@contextmanager
def scripted_endpoint() -> Iterator[str]:
    """A model that plays medium, seed 5, and then says that it is done."""
    started, ended = threading.Event(), threading.Event()
    urls: list[str] = []

    async def serve() -> None:
        async with serving_model([*(calls(each) for each in (SHOW, *PLAYED)), says("Done.")]) as model:
            urls.append(model.url)
            started.set()
            await asyncio.to_thread(ended.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert started.wait(30)
        yield urls[0]
    finally:
        ended.set()
        thread.join(30)


def ran(*command: str, cwd: Path, **settings: str) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("example", "model"),
    [
        pytest.param("openai_agents.py", "scripted", marks=needs("agents")),
        pytest.param("langgraph_agent.py", "openai:scripted", marks=needs("langchain_mcp_adapters")),
    ],
)
def test_an_agent_plays_an_episode_over_mcp(example: str, model: str, tmp_path: Path) -> None:
    with scripted_endpoint() as url:
        printed = ran(
            *(str(EXAMPLES / example), "--model", model), cwd=tmp_path, OPENAI_BASE_URL=url, OPENAI_API_KEY="none"
        )
    assert '"status":"submitted","score":0.9' in printed
    assert "ground_truth" not in printed


@needs("skyrl_gym")
def test_an_environment_of_skyrl_is_rewarded_as_the_server_says(server: ServerProcess, tmp_path: Path) -> None:
    printed = ran(str(EXAMPLES / "skyrl_env.py"), cwd=tmp_path, MLOPS_DEBUG_URL=server.url)
    assert printed.splitlines()[-1] == "score 0.95"
    assert "submit_diagnosis: reward 0.95, done True" in printed


NEMO = """
import json, sys
from unittest.mock import MagicMock
from fastapi.testclient import TestClient
from nemo_gym.base_resources_server import BaseResourcesServerConfig
from nemo_gym.openai_utils import NeMoGymResponseCreateParamsNonStreaming
from nemo_gym.server_utils import ServerClient
import nemo_gym_server as example

config = BaseResourcesServerConfig(host="127.0.0.1", port=1, entrypoint="", name="mlops_debug")
server = example.MlopsDebugServer(config=config, server_client=MagicMock(spec=ServerClient))
row = example.row_of("medium", 5)
NeMoGymResponseCreateParamsNonStreaming.model_validate(row["responses_create_params"])
response = {"id": "r", "created_at": 1.0, "model": "m", "object": "response", "output": [], "tools": [],
            "parallel_tool_calls": False, "tool_choice": "auto"}
played = []
for calls in ([], json.load(sys.stdin)):
    with TestClient(server.setup_webserver()) as client:
        assert client.post("/seed_session", json={"task_id": "medium", "seed": 5}).status_code == 200
        shown = [client.post(f"/{name}", json=arguments).json()["output"] for name, arguments in calls]
        asked = {"responses_create_params": row["responses_create_params"], "response": response}
        verified = client.post("/verify", json=asked).json()
        played.append([verified["reward"], verified["submitted"], shown])
print(json.dumps(played))
"""


@needs("nemo_gym")
def test_a_resources_server_of_nemo_gym_scores_what_was_submitted(server: ServerProcess) -> None:
    done = subprocess.run(
        [sys.executable, "-c", NEMO],
        input=json.dumps([("show_task", {}), ("read_logs", {"log_filter": 3}), *PLAYED]),
        env=environment(MLOPS_DEBUG_URL=server.url, PYTHONPATH=f"{ROOT}:{EXAMPLES}"),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    left, played = json.loads(done.stdout.splitlines()[-1])
    assert left[:2] == [0.01, False]
    assert (played[0] > 0.9, played[1]) == (True, True)
    assert "log_filter" in played[2][1]


@needs("verifiers")
def test_a_taskset_of_verifiers_is_found_and_its_tool_server_plays(server: ServerProcess, tmp_path: Path) -> None:
    """What ``vf-eval`` builds from; the whole command needs a harness program that it installs from the package index."""
    code = f"""
import asyncio, json, sys
from verifiers.v1.utils.loaders import taskset_class
from mlops_debug_env.harnesses.verifiers_taskset import EpisodeTools, EpisodeToolsConfig, MlopsDebugConfig

taskset = taskset_class("mlops-debug-v1")(MlopsDebugConfig(id="mlops-debug-v1"))
tasks = list(taskset.take(4))
offered = {{}}

class Recorder:
    def add_tool(self, fn, name, description):
        offered[name] = fn

async def play():
    tools = EpisodeTools(EpisodeToolsConfig(server={server.url!r}))
    await tools.setup_task(tasks[1].data)
    tools.register(Recorder())
    await offered["inspect_preprocessing"]()
    return offered["show_task"]()

briefing = asyncio.run(play())
print(json.dumps([[each.data.name, each.data.prompt] for each in tasks]))
print(json.dumps(sorted(offered)))
print("You have" in briefing)
"""
    settings = {"PYTHONPATH": f"{ROOT}:{EXAMPLES}", "MLOPS_DEBUG_URL": server.url}
    rows, names, is_briefed = ran("-c", code, cwd=tmp_path, **settings).splitlines()[-3:]
    assert [name.split("-")[0] for name, _ in json.loads(rows)] == ["easy", "medium", "hard", "expert"]
    assert not any("1000000" in prompt for _, prompt in json.loads(rows))
    assert len(json.loads(names)) == 12
    assert "reset" not in names
    assert is_briefed == "True"
