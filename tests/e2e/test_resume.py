"""The stock OpenEnv client on a session: after any failure its next step continues at the right step, and is recorded once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from tests.e2e.playing import WRONG_DIAGNOSIS, Json, open_client
from tests.e2e.relay import Relay, relaying
from tests.e2e.running import ServerProcess

openenv: Any = pytest.importorskip("openenv.core", reason="needs the OpenEnv package: pip install '.[openenv]'")

pytestmark = pytest.mark.openenv

READ: Json = {"action_type": "read_config"}
LOGS: Json = {"action_type": "read_logs", "log_filter": "epoch:1-3"}
AGAIN_SECONDS = 20.0
BROKEN = (OSError, TimeoutError, ConnectionClosed)


async def step(env: Any, action: Json) -> Any:
    """What an agent does: step, and where the connection breaks, step again."""
    deadline = time.monotonic() + AGAIN_SECONDS
    while True:
        try:
            return await env.step(action)
        except BROKEN:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)


def kinds(http: httpx.Client, episode_id: str) -> list[str]:
    return [each["kind"] for each in http.get(f"/episodes/{episode_id}/events").json()]


def wait_until_recorded(http: httpx.Client, episode_id: str, events: int) -> None:
    deadline = time.monotonic() + AGAIN_SECONDS
    while len(kinds(http, episode_id)) < events:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def client(url: str, key: str) -> Any:
    return openenv.GenericEnvClient(base_url=f"{url}/sessions/{key}", message_timeout_s=AGAIN_SECONDS)


@pytest.mark.parametrize("fail", [Relay.drop, Relay.drop_clients], ids=["dropped", "half open"])
def test_the_next_step_goes_on_with_the_episode(
    server: ServerProcess, http: httpx.Client, fail: Callable[[Relay], None]
) -> None:
    async def play() -> str:
        async with relaying(server.port) as relay, client(relay.url, f"next-{fail.__name__}") as env:
            episode_id = (await env.reset(task_id="medium", seed=5)).metadata["episode_id"]
            assert (await env.step(READ)).observation["step_count"] == 1
            fail(relay)
            on = await step(env, LOGS)
            assert (on.observation["step_count"], on.metadata["episode_id"]) == (2, episode_id)
            assert (await env.state())["step_count"] == 2
            return str(episode_id)

    assert kinds(http, asyncio.run(play())) == ["reset", "read", "read"]


@pytest.mark.parametrize("fail", [Relay.drop, Relay.drop_clients], ids=["dropped", "half open"])
@pytest.mark.parametrize("lost", [READ, WRONG_DIAGNOSIS], ids=["read", "submit"])
def test_a_step_whose_answer_was_lost_may_be_sent_again(
    server: ServerProcess, http: httpx.Client, fail: Callable[[Relay], None], lost: Json
) -> None:
    async def play() -> tuple[str, Any]:
        key = f"lost-{fail.__name__}-{lost['action_type']}"
        async with relaying(server.port) as relay, client(relay.url, key) as env:
            episode_id = (await env.reset(task_id="medium", seed=5)).metadata["episode_id"]
            await env.step(LOGS)
            relay.swallows_answers = True
            waiting = asyncio.create_task(env.step(lost))
            await asyncio.to_thread(wait_until_recorded, http, episode_id, 3)
            fail(relay)
            with pytest.raises(BROKEN):
                await waiting
            relay.swallows_answers = False
            return episode_id, await step(env, lost)

    episode_id, answered = asyncio.run(play())
    assert len(kinds(http, episode_id)) == 3
    assert (answered.observation["step_count"], answered.metadata["version"]) == (2, 3)
    assert answered.reward > 0
    state = http.get("/state", params={"episode_id": episode_id}).json()
    assert state["total_reward"] == pytest.approx(0.02 + answered.reward)


def test_a_killed_server_costs_no_episode_and_no_step(own_server: ServerProcess) -> None:
    async def play() -> str:
        async with client(own_server.url, "k") as env:
            episode_id = (await env.reset(task_id="medium", seed=5)).metadata["episode_id"]
            recorded = await env.step(READ)
            await asyncio.to_thread(own_server.kill)
            await asyncio.to_thread(own_server.start)
            again = await step(env, READ)
            assert (again.observation, again.reward, again.metadata) == (
                recorded.observation,
                recorded.reward,
                recorded.metadata,
            )
            assert (await env.step(LOGS)).observation["step_count"] == 2
            await asyncio.to_thread(own_server.kill)
            await asyncio.to_thread(own_server.start)
            assert (await step(env, WRONG_DIAGNOSIS)).observation["step_count"] == 3
            return str(episode_id)

    episode_id = asyncio.run(play())
    with open_client(own_server.url) as http:
        assert kinds(http, episode_id) == ["reset", "read", "read", "submit"]


def test_the_sync_client_goes_on_too(own_server: ServerProcess) -> None:
    with client(own_server.url, "k").sync() as env:
        env.reset(task_id="medium", seed=5)
        env.step(READ)
        own_server.kill()
        own_server.start()
        deadline = time.monotonic() + AGAIN_SECONDS
        while True:
            try:
                answered = env.step(LOGS)
                break
            except BROKEN:
                assert time.monotonic() < deadline
        assert answered.observation["step_count"] == 2


def test_a_step_where_no_episode_ever_was_starts_none(server: ServerProcess) -> None:
    with client(server.url, "nobody-was-here").sync() as env, pytest.raises(RuntimeError, match="EPISODE_NOT_STARTED"):
        env.step(READ)


def step_again(env: Any, action: dict[str, Any]) -> Any:
    """A step of a client whose session was taken: it may be told so once, where it finds that frame before the end of its
    socket; the next step takes the key again."""
    try:
        return env.step(action)
    except RuntimeError as error:
        if "SESSION_ERROR" not in str(error):
            raise
    return env.step(action)


def test_two_clients_of_a_key_take_the_session_from_each_other_and_play_one_episode(server: ServerProcess) -> None:
    with client(server.url, "two-clients").sync() as older:
        older.reset(task_id="easy", seed=5)
        with client(server.url, "two-clients").sync() as newer:
            assert newer.step(READ).observation["step_count"] == 1
            assert step_again(older, LOGS).observation["step_count"] == 2
