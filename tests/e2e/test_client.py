"""The typed client on a real server process: it plays, and each step is recorded once through all failures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from mlops_debug_env import DebugClient, SyncDebugClient
from mlops_debug_env.protocol.actions import (
    Action,
    QueryArtifact,
    ReadConfig,
    ReadLogs,
    RunSanityCheck,
    SubmitDiagnosis,
)
from mlops_debug_env.protocol.errors import (
    AnswerTimeoutError,
    CapacityError,
    ConflictError,
    EpisodeNotStartedError,
    InvalidRequestError,
    NotFoundError,
    ServerUnreachableError,
    SessionTakenOverError,
)
from mlops_debug_env.protocol.observations import ResetObservation, StepResult
from mlops_debug_env.protocol.types import TASK_IDS
from mlops_debug_env.transport.retry import Retrying
from tests.e2e.playing import CHECKS, TASKS
from tests.e2e.relay import Relay, relaying
from tests.e2e.running import ServerProcess, environment, free_port

SCHEMA = {"action", "observation", "reset_observation", "state", "fields", "declarations", "measurements"}
PATIENT_SECONDS = 30.0
WRONG = SubmitDiagnosis(failure_category="architecture_bug", confidence=0.9)


async def kinds(client: DebugClient) -> list[str]:
    return [each["kind"] for each in await client.events()]


async def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = asyncio.get_running_loop().time() + PATIENT_SECONDS
    while not is_so():
        assert asyncio.get_running_loop().time() < deadline, "it did not become so in time"
        await asyncio.sleep(0.02)


def recorded(http: httpx.Client, episode_id: str) -> int:
    """How many events the episode has."""
    response = http.get(f"/episodes/{episode_id}/events")
    return len(response.json()) if response.status_code == 200 else 0


async def test_an_episode_from_reset_to_the_revealed_truth(server: ServerProcess) -> None:
    async with DebugClient(server.url) as client:
        first = await client.reset(task_id="medium", seed=5, agent="test")
        assert isinstance(first.observation, ResetObservation)
        assert (first.reward, first.done, first.info.version) == (None, False, 1)
        assert first.observation.sanity_checks == CHECKS
        assert any(field.nullable for field in first.observation.field_registry)
        read = await client.step(ReadConfig())
        assert "optimizer" in (read.observation.last_action_result.content or "")
        queried = await client.step(QueryArtifact(artifact_name="config.yaml", field_path="optimizer.momentum"))
        assert isinstance(queried.observation.last_action_result.value, float)
        checked = (await client.step(RunSanityCheck(sanity_check_type="data_leakage"))).observation.last_action_result
        assert checked.sanity_check is not None
        assert checked.sanity_check.flag
        assert await kinds(client) == ["reset", "read", "query", "check"]
        last = await client.step({"action_type": "submit_diagnosis", "failure_category": "data_leakage"})
        assert last.done
        assert last.info.ground_truth is not None
        assert last.info.ground_truth.fault_id == TASKS["medium"]
        assert last.info.breakdown is not None
        assert last.info.score == last.reward
        state = await client.state()
        assert (state.done, state.score, state.ground_truth) == (True, last.info.score, last.info.ground_truth)


async def test_what_can_be_read_without_playing(server: ServerProcess) -> None:
    async with DebugClient(server.url) as client:
        assert [task.task_id for task in await client.tasks()] == list(TASK_IDS)
        assert (await client.health())["status"] == "healthy"
        assert set(await client.schema()) == SCHEMA
        with pytest.raises(NotFoundError, match="unknown_episode"):
            await client.events("no-such-episode")


def test_the_blocking_client_sees_the_same(server: ServerProcess) -> None:
    async def play() -> list[StepResult]:
        async with DebugClient(server.url) as client:
            return [
                await client.reset(task_id="hard", seed=3),
                await client.step(ReadConfig()),
                await client.step(WRONG),
            ]

    with SyncDebugClient(server.url) as client:
        seen = [client.reset(task_id="hard", seed=3), client.step(ReadConfig()), client.step(WRONG)]
        assert client.state().done
        assert len(client.events()) == 3
        assert [task.task_id for task in client.tasks()] == list(TASK_IDS)
        assert (client.health()["status"], set(client.schema())) == ("healthy", SCHEMA)
    assert [each.reward for each in seen] == [each.reward for each in asyncio.run(play())]
    with pytest.raises(RuntimeError, match="closed"):
        client.state()


async def test_the_blocking_client_works_inside_a_running_loop(server: ServerProcess) -> None:
    with SyncDebugClient(server.url) as client:
        assert client.reset(seed=5).info.version == 1


@pytest.mark.parametrize("fail", [Relay.drop, Relay.drop_clients], ids=["dropped", "half open"])
async def test_the_next_step_goes_on_with_the_episode(server: ServerProcess, fail: Callable[[Relay], None]) -> None:
    async with relaying(server.port) as relay, DebugClient(relay.url) as client:
        begun = await client.reset(task_id="medium", seed=5)
        fail(relay)
        on = await client.step(ReadConfig())
        assert (on.info.step_count, on.info.episode_id) == (1, begun.info.episode_id)


@pytest.mark.parametrize("fail", [Relay.drop, Relay.drop_clients], ids=["dropped", "half open"])
@pytest.mark.parametrize("lost", [ReadConfig(), WRONG], ids=["read", "submit"])
async def test_a_step_whose_answer_was_lost_is_recorded_once(
    server: ServerProcess, http: httpx.Client, fail: Callable[[Relay], None], lost: Action
) -> None:
    async with relaying(server.port) as relay, DebugClient(relay.url) as client:
        begun = await client.reset(task_id="medium", seed=5)
        await client.step(ReadLogs())
        relay.swallows_answers = True
        waiting = asyncio.create_task(client.step(lost))
        await wait_until(lambda: recorded(http, begun.info.episode_id) == 3)
        relay.swallows_answers = False
        fail(relay)
        answered = await waiting
        assert (answered.info.step_count, answered.info.version) == (2, 3)
        assert len(await kinds(client)) == 3


async def test_a_reset_whose_answer_was_lost_begins_one_episode(server: ServerProcess, http: httpx.Client) -> None:
    async with relaying(server.port) as relay, DebugClient(relay.url) as client:
        await client.reset(seed=5)
        relay.swallows_answers = True
        waiting = asyncio.create_task(client.reset(task_id="easy", seed=5, episode_id="lost-reset"))
        await wait_until(lambda: recorded(http, "lost-reset") == 1)
        relay.swallows_answers = False
        relay.drop()
        assert (await waiting).info.version == 1
        assert await kinds(client) == ["reset"]


async def test_a_killed_server_costs_no_episode_and_no_step(own_server: ServerProcess) -> None:
    async with DebugClient(own_server.url, max_retries=12) as client:
        await client.reset(task_id="medium", seed=5)
        await client.step(ReadConfig())
        await asyncio.to_thread(own_server.kill)
        waiting = asyncio.create_task(client.step(ReadLogs()))
        await asyncio.to_thread(own_server.start)
        assert (await waiting).info.step_count == 2
        assert await kinds(client) == ["reset", "read", "read"]


async def test_a_later_client_with_the_key_goes_on(server: ServerProcess) -> None:
    async with DebugClient(server.url) as client:
        await client.reset(task_id="medium", seed=5)
    async with DebugClient(server.url, session_key=client.session_key) as later:
        assert (await later.step(ReadConfig())).info.episode_id == client.episode_id
        resumed = await later.reset(episode_id=client.episode_id, resume=True)
        assert isinstance(resumed.observation, ResetObservation)
        assert resumed.info.step_count == 1


async def test_a_session_that_was_taken_over_is_not_taken_back(server: ServerProcess) -> None:
    async with DebugClient(server.url, session_key="fought-over") as older:
        await older.reset(seed=5)
        async with DebugClient(server.url, session_key="fought-over") as newer:
            assert (await newer.step(ReadConfig())).info.step_count == 1
            for _ in range(2):
                with pytest.raises(SessionTakenOverError, match="fought-over"):
                    await older.step(ReadLogs())
            assert (await newer.step(ReadLogs())).info.step_count == 2


async def test_a_cancelled_step_leaves_no_answer_to_be_mistaken(server: ServerProcess) -> None:
    async with DebugClient(server.url) as client:
        await client.reset(task_id="medium", seed=5)
        waiting = asyncio.create_task(client.step(ReadLogs()))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (await client.step(ReadConfig())).observation.last_action_result.artifact == "config.yaml"


async def test_two_tasks_on_one_client_take_turns(server: ServerProcess) -> None:
    async with DebugClient(server.url) as client:
        await client.reset(task_id="hard", seed=5)
        answered = await asyncio.gather(*(client.step(ReadLogs(log_filter=f"epoch:{n}")) for n in range(1, 9)))
        assert [each.observation.last_action_result.filter for each in answered] == [f"epoch:{n}" for n in range(1, 9)]


async def test_a_refused_request_says_why_and_harms_nothing(server: ServerProcess) -> None:
    async with DebugClient(server.url) as client:
        with pytest.raises(EpisodeNotStartedError, match="reset"):
            await client.step(ReadConfig())
        with pytest.raises(InvalidRequestError, match="seed") as caught:
            await client.reset(seed=-1)
        assert caught.value.status == 422
        assert caught.value.errors[0]["loc"]
        begun = await client.reset(seed=5, episode_id="refused")
        with pytest.raises(ConflictError, match="episode_exists"):
            await client.reset(task_id="hard", seed=8, episode_id="refused")
        action = {"action_type": "read_config", "metadata": {"expected_version": 9}}
        with pytest.raises(ConflictError, match="wrong_expected_version") as conflict:
            await client.step(action)
        assert conflict.value.actual_version == begun.info.version
        assert (await client.step(ReadConfig())).info.step_count == 1


async def test_a_step_with_a_request_id_of_its_own_is_recorded_once(server: ServerProcess) -> None:
    async with DebugClient(server.url) as client:
        await client.reset(seed=5)
        first, again = [await client.step(ReadConfig(), request_id="r-1") for _ in range(2)]
        assert first == again
        with pytest.raises(ConflictError, match="request_id_reused"):
            await client.step(ReadLogs(), request_id="r-1")


async def test_a_pace_is_kept_by_waiting_as_long_as_the_server_says(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, child_environment=environment(MLOPS_DEBUG_STEPS_PER_SECOND="1"))
    server.start()
    waited: list[float] = []

    async def pause(seconds: float) -> None:
        waited.append(seconds)
        await asyncio.sleep(seconds)

    try:
        async with DebugClient(server.url, retrying=Retrying(max_retries=9, pause=pause)) as client:
            await client.reset(seed=5)
            for count in (1, 2):  # the second waits for a second of the server's
                assert (await client.step(ReadLogs(log_filter=str(count)))).info.step_count == count
        assert waited
        assert min(waited) >= 1.0
        async with DebugClient(server.url, max_retries=0, session_key=client.session_key) as hasty:
            with pytest.raises(CapacityError, match="too_many_steps") as caught:
                await asyncio.gather(*(hasty.step(ReadConfig()) for _ in range(15)))
        assert caught.value.retry_after_seconds == 1.0
    finally:
        server.stop()


async def test_a_dead_server_is_reported_in_one_line() -> None:
    async with DebugClient(f"http://127.0.0.1:{free_port()}", max_retries=0) as client:
        with pytest.raises(ServerUnreachableError) as caught:
            await client.reset()
        assert client.base_url in str(caught.value)
        assert "\n" not in str(caught.value)
        with pytest.raises(ServerUnreachableError):
            await client.health()


async def test_a_proxy_of_the_environment_is_not_asked_for_a_server_on_this_machine(
    server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "ws_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    async with DebugClient(server.url, max_retries=0) as client:
        assert (await client.reset(seed=5)).info.version == 1
        assert (await client.health())["status"] == "healthy"


async def test_a_server_that_does_not_answer_is_given_up(server: ServerProcess) -> None:
    async with relaying(server.port) as relay:
        relay.swallows_answers = True
        async with DebugClient(relay.url, max_retries=1, timeout_seconds=0.2) as client:
            with pytest.raises(AnswerTimeoutError, match="0.2 s"):
                await client.reset()
