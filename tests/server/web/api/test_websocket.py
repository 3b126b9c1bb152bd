"""The WebSocket side of WIRE.md."""

from __future__ import annotations

from typing import Any

import pytest

from server.settings import Settings
from tests.served import Served, serving

READ = {"action_type": "read_config"}


def step(action: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"type": "step", "data": {**action, "metadata": metadata} if metadata else action}


async def test_a_conversation(served: Served) -> None:
    async with served.socket() as socket:
        begun = await socket.say({"type": "reset", "data": {"task_id": "hard", "seed": 3, "episode_id": "a-1"}})
        assert begun["type"] == "observation"
        assert set(begun["data"]) == {"observation", "reward", "done", "metadata"}
        assert begun["data"]["metadata"]["version"] == 1
        read = await socket.say(
            step({"action_type": "read_logs", "log_filter": "epoch:1-3"}, request_id="r-9", expected_version=1)
        )
        assert (read["data"]["reward"], read["data"]["metadata"]["version"]) == (0.02, 2)
        state = await socket.say({"type": "state"})
        assert state["type"] == "state"
        assert state["data"] == (await served.client.get("/state?episode_id=a-1")).json()
        assert await socket.say({"type": "close"}) == {"type": "closed"}
    assert (await served.client.get("/state?episode_id=a-1")).json()["done"] is False


async def test_a_socket_shows_the_same_observations_as_rest(served: Served) -> None:
    actions = [READ, {"action_type": "read_logs", "log_filter": "warn"}, READ, {"action_type": "submit_diagnosis"}]
    rest = [await served.reset(seed=5, episode_id="rest"), *[await served.step("rest", each) for each in actions]]
    async with served.socket() as socket:
        frames = [await socket.say({"type": "reset", "data": {"seed": 5, "episode_id": "sock"}})]
        frames += [await socket.say(step(each)) for each in actions]
    for by_rest, frame in zip(rest, frames, strict=True):
        assert frame["data"]["observation"] == by_rest["observation"]
        assert (frame["data"]["reward"], frame["data"]["done"]) == (by_rest["reward"], by_rest["done"])


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{", "INVALID_JSON"),
        ("", "INVALID_JSON"),
        ("[]", "VALIDATION_ERROR"),
        ("null", "VALIDATION_ERROR"),
        ({}, "UNKNOWN_TYPE"),
        ({"type": "mcp"}, "VALIDATION_ERROR"),
        ({"type": "tools"}, "UNKNOWN_TYPE"),
        ({"type": None}, "UNKNOWN_TYPE"),
        ({"type": "step"}, "VALIDATION_ERROR"),
        ({"type": "step", "data": {"action_type": "nope"}}, "VALIDATION_ERROR"),
        ({"type": "step", "data": {}}, "VALIDATION_ERROR"),
        ({"type": "reset", "data": {"task_id": "nope"}}, "VALIDATION_ERROR"),
        ({"type": "step", "data": READ}, "EPISODE_NOT_STARTED"),
        ({"type": "state"}, "EPISODE_NOT_STARTED"),
    ],
)
async def test_an_error_names_its_code_and_leaves_the_socket_open(served: Served, frame: Any, code: str) -> None:
    async with served.socket() as socket:
        answered = await socket.say(frame)
        assert answered["type"] == "error"
        assert answered["data"]["code"] == code
        assert answered["data"]["message"]
        assert ("errors" in answered["data"]) == (code == "VALIDATION_ERROR")
        assert (await socket.say({"type": "reset"}))["type"] == "observation"


async def test_a_problem_without_a_code_of_its_own_is_carried_whole(served: Served) -> None:
    await served.reset(episode_id="taken", seed=1)
    async with served.socket() as socket:
        taken = await socket.say({"type": "reset", "data": {"episode_id": "taken", "seed": 2}})
        assert (taken["data"]["code"], taken["data"]["problem"]["code"]) == ("EXECUTION_ERROR", "episode_exists")
        await socket.say({"type": "reset", "data": {"episode_id": "mine"}})
        stale = await socket.say(step(READ, expected_version=9))
        assert stale["data"]["problem"]["actual_version"] == 1
        await socket.say(step(READ, request_id="r"))
        reused = await socket.say(step({"action_type": "read_logs"}, request_id="r"))
        assert reused["data"]["problem"]["code"] == "request_id_reused"


async def test_another_reset_closes_the_open_episode(served: Served) -> None:
    async with served.socket() as socket:
        await socket.say({"type": "reset", "data": {"episode_id": "first"}})
        await socket.say({"type": "reset", "data": {"episode_id": "second"}})
        await socket.say({"type": "reset", "data": {"episode_id": "second"}})
        await socket.say({"type": "reset", "data": {"task_id": "nope"}})
    first = (await served.client.get("/state?episode_id=first")).json()
    second = (await served.client.get("/state?episode_id=second")).json()
    assert (first["done"], first["truncated"], first["score"]) == (True, True, 0.01)
    assert first["ground_truth"]["fault_id"] == "data_leakage_scaler"
    assert second["done"] is False
    events = (await served.client.get("/episodes/first/events")).json()
    assert [(each["kind"], each["actor"]) for each in events] == [("reset", "agent"), ("expire", "server")]
    assert events[-1]["payload"] == {"reason": "abandoned"}
    final = await served.step("first", READ)
    assert (final["done"], final["reward"], final["info"]["brier"]) == (True, 0.0, None)


async def test_a_reset_closes_the_open_episode_in_the_same_batch(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served.socket() as socket:
        first = (await socket.say({"type": "reset"}))["data"]["metadata"]["episode_id"]
        writer, batches = served.services.store._writer, []
        write = writer._write
        monkeypatch.setattr(writer, "_write", lambda opened, batch: batches.append(batch) or write(opened, batch))
        second = (await socket.say({"type": "reset"}))["data"]["metadata"]["episode_id"]
    assert [[append.stream_id for append in batch[0].appends] for batch in batches] == [[second, first]]
    assert (await served.client.get(f"/state?episode_id={first}")).json()["done"] is True


async def test_an_open_episode_that_another_server_ended_does_not_fail_the_reset(
    served: Served, settings: Settings
) -> None:
    async with served.socket() as socket, serving(settings) as other:
        first = (await socket.say({"type": "reset"}))["data"]["metadata"]["episode_id"]
        await other.services.episodes.close(first, "idle")
        begun = await socket.say({"type": "reset"})
        assert (begun["type"], begun["data"]["metadata"]["version"]) == ("observation", 1)
    ends = (await served.client.get(f"/episodes/{first}/events")).json()[1:]
    assert [each["payload"] for each in ends] == [{"reason": "idle"}]


async def test_a_reset_that_fails_closes_nothing(served: Served) -> None:
    await served.reset(episode_id="taken", seed=1)
    async with served.socket() as socket:
        await socket.say({"type": "reset", "data": {"episode_id": "mine"}})
        await socket.say({"type": "reset", "data": {"episode_id": "taken"}})
        assert (await socket.say(step(READ)))["data"]["metadata"]["episode_id"] == "mine"


async def test_reading_order_is_answering_order(served: Served) -> None:
    async with served.socket() as socket:
        await socket.send({"type": "reset", "data": {}})
        for _ in range(10):
            await socket.send(step(READ))
        answers = [await socket.hear() for _ in range(11)]
    assert [each["data"]["metadata"]["version"] for each in answers] == list(range(1, 12))


async def test_a_dropped_socket_leaves_its_episode(served: Served) -> None:
    async with served.socket() as socket:
        await socket.say({"type": "reset", "data": {"episode_id": "e"}})
    assert (await served.step("e", READ))["info"]["version"] == 2


async def test_a_frame_beyond_the_limit_is_answered_and_the_socket_stays_open(served: Served) -> None:
    limit = served.services.settings.body_limit_bytes
    async with served.socket() as socket:
        refused = await socket.say({"type": "reset", "data": {"agent": "x" * limit}})
        assert refused["type"] == "error"
        assert refused["data"]["problem"]["code"] == "body_too_large"
        assert (await socket.say({"type": "reset", "data": {}}))["type"] == "observation"
