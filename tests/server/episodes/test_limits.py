"""What one client, and all together, may take; and what is told of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from server.episodes.limits import OpenEpisodes, StepRateLimiter, TooManyStepsError
from server.settings import Settings
from tests.served import Served, assert_problem, serving

READ = {"action_type": "read_config"}


def test_a_client_has_a_seconds_worth_of_steps_and_then_the_pace() -> None:
    now = [0.0]
    limiter = StepRateLimiter(3, now=lambda: now[0])
    for _ in range(3):
        limiter.acquire("a")
    with pytest.raises(TooManyStepsError):
        limiter.acquire("a")
    limiter.acquire("b")
    now[0] += 0.34
    limiter.acquire("a")
    with pytest.raises(TooManyStepsError):
        limiter.acquire("a")
    now[0] += 100
    for _ in range(3):
        limiter.acquire("a")
    with pytest.raises(TooManyStepsError):
        limiter.acquire("a")


def test_the_episode_left_alone_for_longest_makes_room() -> None:
    opened = OpenEpisodes(2)
    assert [opened.begin("a", "1"), opened.begin("a", "2"), opened.begin("b", "3")] == [None, None, None]
    opened.touch("1", 2)
    assert opened.begin("a", "4") == ("2", 1)
    opened.discard("2")
    opened.discard("1")
    opened.discard("nobody")
    opened.touch("nobody", 1)
    assert opened.begin("a", "5") is None


@pytest.mark.both_backends
async def test_an_episode_that_is_played_on_another_server_does_not_make_room(settings: Settings) -> None:
    async with serving(replace(settings, open_episode_limit=1)) as here, serving(settings) as there:
        await here.reset(episode_id="a")
        await there.step("a", READ)
        await here.reset(episode_id="b")
        await here.reset(episode_id="c")
        done = {name: (await there.client.get(f"/state?episode_id={name}")).json()["done"] for name in "abc"}
    assert done == {"a": False, "b": True, "c": False}


@pytest.mark.both_backends
async def test_an_episode_that_another_server_ended_is_no_longer_counted(settings: Settings) -> None:
    async with serving(settings) as here, serving(settings) as there:
        await here.reset(episode_id="a")
        await here.reset(episode_id="b")
        await there.step("a", {"action_type": "submit_diagnosis"})
        await here.services.sweeper.forget_ended()
        assert here.services.sweeper._open.names() == ["b"]


async def test_a_step_too_many_is_told_over_both_transports_and_nothing_is_recorded(settings: Settings) -> None:
    async with serving(replace(settings, steps_per_second=2)) as served:
        now = [0.0]
        served.services.step_limiter._now = lambda: now[0]
        async with served.socket() as socket:
            await socket.say({"type": "reset", "data": {"episode_id": "e"}})
            await socket.say({"type": "step", "data": READ})
            await socket.say({"type": "step", "data": READ})
            refused = await socket.say({"type": "step", "data": READ})
            assert refused["data"]["code"] == "CAPACITY_REACHED"
            assert refused["data"]["problem"]["code"] == "too_many_steps"
            now[0] += 1
            assert (await socket.say({"type": "step", "data": READ}))["data"]["metadata"]["version"] == 4
        await served.reset(episode_id="f")  # the test's own REST client has an address, and so a limiter, of its own
        answers = [await served.client.post("/step", json={"episode_id": "f", "action": READ}) for _ in range(3)]
        assert [each.status_code for each in answers[:2]] == [200, 200]
        assert_problem(answers[2], 429, "too_many_steps")
        assert (await served.client.get("/state?episode_id=f")).json()["step_count"] == 2


async def test_a_header_does_not_make_another_client(settings: Settings) -> None:
    async with serving(replace(settings, steps_per_second=1)) as served:
        served.services.step_limiter._now = lambda: 0.0
        await served.reset(episode_id="e")
        await served.step("e", READ)
        again = await served.client.post("/step", json={"action": READ}, headers={"X-Forwarded-For": "10.0.0.9"})
        assert_problem(again, 429, "too_many_steps")


async def test_a_socket_too_many_is_told_why_and_closed(settings: Settings) -> None:
    async with serving(replace(settings, socket_limit=2)) as served:
        async with served.socket() as first, served.socket("/sessions/k/ws"):
            async with served.socket() as third:
                assert (await third.hear())["data"]["code"] == "CAPACITY_REACHED"
                assert await third.hear() == {"type": "closed"}
            assert (await first.say({"type": "reset"}))["type"] == "observation"
        async with served.socket() as later:
            assert (await later.say({"type": "reset"}))["type"] == "observation"


async def test_over_the_limit_of_open_episodes_the_longest_idle_one_is_closed(settings: Settings) -> None:
    async with serving(replace(settings, open_episode_limit=2)) as served:
        for episode_id in ("a", "b"):
            await served.reset(episode_id=episode_id)
        await served.step("a", READ)
        await served.reset(episode_id="c")
        events = (await served.client.get("/episodes/b/events")).json()
        assert (events[-1]["kind"], events[-1]["payload"]) == ("expire", {"reason": "idle"})
        await served.step("a", {"action_type": "submit_diagnosis"})
        await served.reset(episode_id="d")
        assert (await served.client.get("/openenv/state")).json()["open_episodes"] == 2
        assert (await served.client.get("/state?episode_id=c")).json()["done"] is False


async def test_ready_counts_what_is_open(served: Served) -> None:
    async with served.socket() as socket:
        await socket.say({"type": "reset"})
        ready = await served.client.get("/ready")
    assert ready.status_code == 200
    assert {key: value for key, value in ready.json().items() if key != "version"} == {
        "status": "ready",
        "queue_depth": 0,
        "open_sockets": 1,
        "open_episodes": 1,
    }


async def test_not_ready_where_the_database_does_not_answer(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> int:
        await asyncio.Event().wait()
        return 0

    monkeypatch.setattr("server.services.READY_TIMEOUT_SECONDS", 0.01)
    monkeypatch.setattr("server.services.read_open_count", never)
    response = await served.client.get("/ready")
    problem = response.json()
    assert (response.status_code, problem["code"], problem["queue_depth"]) == (503, "not_ready", 0)
    assert response.headers["retry-after"] == "1"
    assert (await served.client.get("/health")).status_code == 200
