"""The in-process environment, by hand and through OpenEnv's own server: the same episode as over the wire."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlops_debug_env import SyncDebugClient
from server.settings import Settings

openenv: Any = pytest.importorskip("openenv.core", reason="needs the OpenEnv package: pip install '.[openenv]'")

pytestmark = pytest.mark.openenv

from mlops_debug_env.client import MlopsDebugAction, MlopsDebugObservation, MlopsDebugState  # noqa: E402
from server.audit.replay import replay_episode  # noqa: E402
from server.openenv_environment import Embedded, MlopsDebugEnvironment, RefusedError  # noqa: E402

READ = {"action_type": "read_config"}
SUBMIT = {"action_type": "submit_diagnosis", "failure_category": "data_leakage", "confidence": 0.7}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(database_url=f"sqlite:///{tmp_path_factory.mktemp('embedded') / 'e.db'}")


@pytest.fixture(scope="module")
def embedded(settings: Settings) -> Iterator[Embedded]:
    embedded = Embedded(settings)
    yield embedded
    embedded.close()


def test_an_episode_is_played_and_recorded(embedded: Embedded, settings: Settings) -> None:
    env = MlopsDebugEnvironment(embedded)
    first = env.reset(seed=5, task_id="medium", episode_id="by-hand", unknown="ignored")
    assert (first.task_id, first.reward, first.done, first.run_summary.status) == ("medium", None, False, "finished")
    assert env.step(MlopsDebugAction(**READ)).reward == 0.02
    last = env.step(MlopsDebugAction(**SUBMIT))
    assert (last.done, last.metadata["ground_truth"]["fault_id"]) == (True, "data_leakage_scaler")
    assert (env.state.done, env.state.score) == (True, last.reward)
    assert len(asyncio.run(replay_episode(settings.database_url, "by-hand")).events) == 3


def test_a_refused_step_says_why_and_harms_nothing(embedded: Embedded) -> None:
    env = MlopsDebugEnvironment(embedded)
    with pytest.raises(RefusedError, match="reset first"):
        env.step(MlopsDebugAction(**READ))
    env.reset(seed=7)
    with pytest.raises(RefusedError, match="invalid"):
        env.step(MlopsDebugAction(action_type="read_artifact"))
    assert env.step(MlopsDebugAction(**READ)).step_count == 1


def test_environments_play_side_by_side(embedded: Embedded) -> None:
    envs = [MlopsDebugEnvironment(embedded) for _ in range(4)]
    for seed, env in enumerate(envs):
        env.reset(seed=seed)
    assert [env.step(MlopsDebugAction(**READ)).step_count for env in envs] == [1] * 4
    assert len({env.state.episode_id for env in envs}) == 4


@pytest.fixture
def openenv_server(embedded: Embedded) -> Iterator[str]:
    """OpenEnv's own server, hosting the environment, on a free port."""
    import uvicorn
    from openenv.core.env_server.http_server import create_fastapi_app

    app = create_fastapi_app(
        lambda: MlopsDebugEnvironment(embedded),
        MlopsDebugAction,
        MlopsDebugObservation,
        max_concurrent_envs=8,
        state_cls=MlopsDebugState,
    )
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", ws="websockets-sansio")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=30)


def test_openenvs_own_server_plays_it(openenv_server: str) -> None:
    async def play() -> list[Any]:
        async with openenv.GenericEnvClient(base_url=openenv_server) as env:
            return [
                await env.reset(seed=5, task_id="medium"),
                await env.step(READ),
                await env.step(SUBMIT),
                await env.state(),
            ]

    first, read, last, state = asyncio.run(play())
    assert (first.observation["task_id"], first.reward) == ("medium", None)
    assert (read.reward, read.observation["step_count"]) == (0.02, 1)
    assert (last.done, last.metadata["ground_truth"]["fault_id"]) == (True, "data_leakage_scaler")
    assert (state["done"], state["score"]) == (True, last.reward)


def test_it_shows_what_the_wire_shows(embedded: Embedded, tmp_path: Path) -> None:
    from tests.e2e.running import ServerProcess

    server = ServerProcess(tmp_path)
    server.start()
    try:
        with SyncDebugClient(server.url) as client:
            over_the_wire = [client.reset(task_id="hard", seed=3), client.step(READ), client.step(SUBMIT)]
    finally:
        server.stop()
    env = MlopsDebugEnvironment(embedded)
    shown = [
        env.reset(seed=3, task_id="hard"),
        env.step(MlopsDebugAction(**READ)),
        env.step(MlopsDebugAction(**SUBMIT)),
    ]
    for ours, theirs in zip(shown, over_the_wire, strict=True):
        assert (ours.reward, ours.done) == (theirs.reward, theirs.done)
        assert ours.last_action_result == theirs.observation.last_action_result
