"""`MlopsDebugEnv` on the real OpenEnv package and a real server process: typed, found by AutoEnv, keyed by default."""

from __future__ import annotations

import asyncio
import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.relay import relaying
from tests.e2e.running import ROOT, ServerProcess, environment

needs_openenv = pytest.mark.skipif(
    importlib.util.find_spec("openenv") is None, reason="needs the OpenEnv package: pip install '.[openenv]'"
)
pytestmark = pytest.mark.openenv


@pytest.fixture
def client() -> Any:
    """The module of the client."""
    return importlib.import_module("mlops_debug_env.client")


@needs_openenv
def test_an_episode_through_the_blocking_client(server: ServerProcess, client: Any) -> None:
    with client.MlopsDebugEnv(base_url=server.url).sync() as env:
        first = env.reset(task_id="medium", seed=5)
        assert (first.observation.task_id, first.observation.max_steps, first.reward) == ("medium", 30, None)
        assert len(first.observation.field_registry) > 50
        read = env.step(client.MlopsDebugAction(action_type="read_config"))
        assert "optimizer" in read.observation.last_action_result.content
        assert (read.reward, read.observation.reward) == (0.02, 0.02)
        patch = ({"file": "preprocessing.py", "field": "StandardScaler.fit_transform", "value": "train"},)
        last = env.step(client.MlopsDebugAction(action_type="submit_diagnosis", patch=patch, confidence=0.5))
        assert last.done
        assert last.metadata["ground_truth"]["fault_id"] == "data_leakage_scaler"
        assert last.metadata["breakdown"]["proposed_fix"]["read_as"] == [dict(patch[0])]
        state = env.state()
        assert (state.episode_id, state.done) == (last.metadata["episode_id"], True)
        assert state.ground_truth.fault_id == "data_leakage_scaler"


@needs_openenv
def test_the_async_client_takes_typed_actions_of_both_kinds_and_dicts(server: ServerProcess, client: Any) -> None:
    from mlops_debug_env.protocol.actions import ReadConfig

    async def play() -> list[int]:
        async with client.MlopsDebugEnv(base_url=server.url) as env:
            await env.reset(seed=5)
            actions = [ReadConfig(), {"action_type": "read_logs"}, client.MlopsDebugAction(action_type="read_logs")]
            return [(await env.step(action)).observation.step_count for action in actions]

    assert asyncio.run(play()) == [1, 2, 3]


@needs_openenv
def test_a_step_that_was_lost_may_be_sent_again(server: ServerProcess, client: Any) -> None:
    async def play() -> tuple[int, int]:
        async with relaying(server.port) as relay, client.MlopsDebugEnv(base_url=relay.url) as env:
            await env.reset(seed=5)
            await env.step({"action_type": "read_config"})
            relay.drop()
            again = await _until_connected(env, {"action_type": "read_config"})
            on = await env.step({"action_type": "read_logs"})
            return again.observation.step_count, on.observation.step_count

    assert asyncio.run(play()) == (1, 2)


async def _until_connected(env: Any, action: dict[str, Any]) -> Any:
    from websockets.exceptions import ConnectionClosed

    async with asyncio.timeout(20):
        while True:
            try:
                return await env.step(action)
            except (OSError, ConnectionClosed):
                await asyncio.sleep(0.05)


@needs_openenv
def test_a_session_that_is_named_is_the_same_later(server: ServerProcess, client: Any) -> None:
    with client.MlopsDebugEnv(base_url=server.url, session_key="typed-later").sync() as env:
        env.reset(seed=5)
    with client.MlopsDebugEnv(base_url=f"{server.url}/sessions/typed-later").sync() as env:
        assert env.step({"action_type": "read_config"}).observation.step_count == 1


@needs_openenv
def test_a_second_session_of_a_client_has_a_key_of_its_own(server: ServerProcess, client: Any) -> None:
    with client.MlopsDebugEnv(base_url=server.url).sync() as env:
        env.reset(task_id="easy", seed=3)
        other = env.new_session()
        other.reset(task_id="hard", seed=3)
        env.step({"action_type": "read_config"})
        assert (env.state().step_count, other.state().step_count) == (1, 0)


@needs_openenv
def test_auto_env_finds_the_client_the_action_and_the_observation(
    server: ServerProcess, client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    auto = importlib.import_module("openenv.auto.auto_env")
    discovery = importlib.import_module("openenv.auto._discovery")
    action_finder = importlib.import_module("openenv.auto.auto_action")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # what it finds is kept on disk
    discovery.reset_discovery()
    try:
        found = discovery.get_discovery().get_environment_by_name("mlops-debug")
        if found is None:
            pytest.skip("the distribution is not installed: pip install -e '.[openenv]'")
        assert found.client_module_path == "mlops_debug_env.client"
        assert found.get_observation_class() is client.MlopsDebugObservation
        for name in ("mlops-debug", "mlops_debug_env", "mlops-debug-env"):
            assert action_finder.AutoAction.from_env(name) is client.MlopsDebugAction
        env = auto.AutoEnv.from_env("mlops-debug", base_url=server.url)
        assert type(env) is client.MlopsDebugEnv
        with env.sync() as playing:
            assert playing.reset(seed=5).observation.step_count == 0
    finally:
        discovery.reset_discovery()


def test_the_manifest_inside_the_package_is_the_one_at_the_root() -> None:
    assert (ROOT / "openenv.yaml").read_bytes() == (ROOT / "mlops_debug_env" / "openenv.yaml").read_bytes()


def test_without_the_extra_the_import_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "openenv.py").write_text("raise ImportError('not here')\n")
    shadowed = environment(PYTHONPATH=f"{tmp_path}:{ROOT}")
    command = [sys.executable, "-c", "import mlops_debug_env; import mlops_debug_env.client"]
    ran = subprocess.run(command, env=shadowed, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 1
    assert "pip install 'openenv-mlops-debug-env[openenv]'" in ran.stderr.splitlines()[-1]
