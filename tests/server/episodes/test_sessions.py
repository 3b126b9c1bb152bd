"""Keyed sessions: the same episode after a dropped socket, a restart, and from another server."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest

from server.security.session_names import MARK
from server.settings import Settings
from tests.postgres import PrivatePostgres
from tests.served import Served, assert_problem, serving

pytestmark = pytest.mark.both_backends
READ = {"action_type": "read_config"}
LOGS = {"action_type": "read_logs"}
SUBMIT = {"action_type": "submit_diagnosis", "root_cause_file": "preprocessing.py", "confidence": 0.25}
PATH = "/sessions/k/ws"


def step(action: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"type": "step", "data": {**action, "metadata": metadata} if metadata else action}


def reset(**data: Any) -> dict[str, Any]:
    return {"type": "reset", "data": data}


async def kinds(served: Served, episode_id: str) -> list[str]:
    return [each["kind"] for each in (await served.client.get(f"/episodes/{episode_id}/events")).json()]


async def test_a_new_socket_goes_on_where_the_dropped_one_was(served: Served) -> None:
    async with served.socket(PATH) as socket:
        await socket.say(reset(episode_id="e"))
        await socket.say(step(READ))
    async with served.socket(PATH) as socket:
        on = await socket.say(step(LOGS))
        assert (on["data"]["metadata"]["episode_id"], on["data"]["metadata"]["version"]) == ("e", 3)
        assert (await socket.say({"type": "state"}))["data"]["step_count"] == 2


async def test_a_session_is_recorded_by_a_name_that_does_not_hold_its_key(served: Served) -> None:
    await served.client.post("/sessions/the-key/reset", json={"episode_id": "e"})
    await served.step("e", SUBMIT)
    told = await served.client.get("/episodes/e/events")
    assert told.json()[0]["payload"]["session"].startswith(MARK)
    assert "the-key" not in told.text


@pytest.mark.parametrize("action", [READ, SUBMIT, {**READ, "action_type": "run_sanity_check"}])
async def test_the_first_step_of_a_new_socket_may_be_the_lost_one(served: Served, action: dict[str, Any]) -> None:
    if action["action_type"] == "run_sanity_check":
        action = {"action_type": "run_sanity_check", "sanity_check_type": "data_leakage"}
    async with served.socket(PATH) as socket:
        await socket.say(reset(episode_id="e"))
        answered = await socket.say(step(action))
    before = await kinds(served, "e")
    for _ in range(2):
        async with served.socket(PATH) as socket:
            assert await socket.say(step(action)) == answered
    assert await kinds(served, "e") == before


async def test_the_step_that_reached_the_limit_may_be_sent_again(served: Served) -> None:
    async with served.socket(PATH) as socket:
        await socket.say(reset(episode_id="e"))
        answers = [await socket.say(step(READ)) for _ in range(20)]
    async with served.socket(PATH) as socket:
        assert await socket.say(step(READ)) == answers[-1]
    assert len(await kinds(served, "e")) == 22


async def test_only_the_first_step_of_a_socket_is_taken_for_a_repeated_one(served: Served) -> None:
    async with served.socket(PATH) as socket:
        await socket.say(reset(episode_id="e"))
        await socket.say(step(READ))
        assert (await socket.say(step(READ)))["data"]["metadata"]["version"] == 3
    async with served.socket(PATH) as socket:
        assert (await socket.say(step(LOGS)))["data"]["metadata"]["version"] == 4
        assert (await socket.say(step(LOGS)))["data"]["metadata"]["version"] == 5


async def test_a_step_that_is_not_valid_is_not_the_first_step(served: Served) -> None:
    async with served.socket(PATH) as socket:
        await socket.say(reset(episode_id="e"))
        await socket.say(step(READ))
    async with served.socket(PATH) as socket:
        await socket.say(step({"action_type": "nope"}))
        assert (await socket.say(step(READ)))["data"]["metadata"]["version"] == 2


@pytest.mark.parametrize(
    ("metadata", "version"), [({"expected_version": 1}, 2), ({"expected_version": 2}, 3), ({"request_id": "r"}, 3)]
)
async def test_a_step_that_says_it_is_another_one_is_taken(
    served: Served, metadata: dict[str, Any], version: int
) -> None:
    async with served.socket(PATH) as socket:
        await socket.say(reset(episode_id="e"))
        await socket.say(step(READ))
    async with served.socket(PATH) as socket:
        assert (await socket.say(step(READ, **metadata)))["data"]["metadata"]["version"] == version


async def test_a_plain_socket_knows_nothing_of_lost_steps(served: Served) -> None:
    async with served.socket() as socket:
        await socket.say(reset(episode_id="e"))
        await socket.say(step(READ))
    async with served.socket() as socket:
        await socket.say(reset(episode_id="e", resume=True))
        assert (await socket.say(step(READ)))["data"]["metadata"]["version"] == 3


async def test_a_key_without_an_episode_starts_none(served: Served) -> None:
    async with served.socket(PATH) as socket:
        for frame in (step(READ), {"type": "state"}):
            assert (await socket.say(frame))["data"]["code"] == "EPISODE_NOT_STARTED"
    answers = [await served.client.post("/sessions/k/step", json=READ), await served.client.get("/sessions/k/state")]
    for response in answers:
        assert_problem(response, 409, "episode_not_started")


async def test_the_newest_socket_wins(served: Served) -> None:
    async with served.socket(PATH) as older:
        await older.say(reset(episode_id="e"))
        async with served.socket(PATH) as newer:
            assert (await older.hear())["data"]["code"] == "SESSION_ERROR"
            assert await older.hear() == {"type": "closed"}
            assert (await newer.say(step(READ)))["data"]["metadata"]["version"] == 2
        # The older one's parting must not have taken the seat of the newer.
        async with served.socket(PATH) as newest:
            assert (await newest.say({"type": "state"}))["data"]["step_count"] == 1


@pytest.mark.parametrize("backend", ["postgres"])
@pytest.mark.always_postgres
async def test_the_newest_socket_wins_whichever_server_it_is_on(settings: Settings) -> None:
    async with serving(settings) as here, serving(settings) as there, here.socket(PATH) as older:
        await older.say(reset(episode_id="e"))
        async with there.socket(PATH) as newer:
            assert (await older.hear())["data"]["code"] == "SESSION_ERROR"
            assert await older.hear() == {"type": "closed"}
            assert (await newer.say(step(READ)))["data"]["metadata"]["version"] == 2
            async with here.socket(PATH) as newest:
                assert (await newer.hear())["data"]["code"] == "SESSION_ERROR"
                assert (await newest.say({"type": "state"}))["data"]["step_count"] == 1


@pytest.mark.parametrize("backend", ["postgres"])
@pytest.mark.always_postgres
async def test_of_sockets_that_come_at_once_on_two_servers_one_stays(settings: Settings) -> None:
    async with serving(settings) as here, serving(settings) as there:
        await here.client.post("/sessions/k/reset", json={"episode_id": "e"})
        async with AsyncExitStack() as stack:
            sockets = [await stack.enter_async_context(server.socket(PATH)) for server in (here, there) * 3]
            ends = [asyncio.create_task(each.hear()) for each in sockets]
            # Each but one is told; which one, is the order in which the database took them.
            told, waiting = set[asyncio.Task[dict[str, Any]]](), set(ends)
            while len(told) < len(sockets) - 1:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                told |= done
            assert {each.result()["data"]["code"] for each in told} == {"SESSION_ERROR"}
            (last,) = [number for number, end in enumerate(ends) if end in waiting]
            await sockets[last].send({"type": "state"})
            assert (await ends[last])["data"]["episode_id"] == "e"


@pytest.mark.parametrize("backend", ["postgres"])
@pytest.mark.always_postgres
async def test_a_reset_over_another_server_moves_the_open_socket(settings: Settings) -> None:
    async with serving(settings) as here, serving(settings) as there, here.socket(PATH) as socket:
        await socket.say(reset(episode_id="e"))
        await there.client.post("/sessions/k/reset", json={"episode_id": "f"})
        for _ in range(200):
            shown = (await socket.say({"type": "state"}))["data"]["episode_id"]
            if shown == "f":
                break
        assert shown == "f"


@pytest.mark.parametrize("backend", ["postgres"])
@pytest.mark.always_postgres
async def test_news_is_heard_again_after_the_connection_broke(
    settings: Settings, postgres: PrivatePostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.episodes.peers.AGAIN_SECONDS", 0.01)
    async with serving(settings) as here, serving(settings) as there:
        await postgres.alter(settings.database_url, "RESET ALL")
        for _ in range(200):
            async with here.socket(PATH) as older, there.socket(PATH):
                heard = asyncio.create_task(older.hear())
                if (await asyncio.wait([heard], timeout=0.1))[0]:
                    assert heard.result()["data"]["code"] == "SESSION_ERROR"
                    return
                heard.cancel()
        raise AssertionError("the older socket was never told")


async def test_frames_that_the_older_socket_left_are_not_played(served: Served) -> None:
    async with served.socket(PATH) as older:
        await older.say(reset(episode_id="e"))
        async with served.socket(PATH) as newer:
            await older.send(step(LOGS))
            assert (await older.hear())["data"]["code"] == "SESSION_ERROR"
            assert (await newer.say({"type": "state"}))["data"]["step_count"] == 0


async def test_a_step_under_way_on_the_older_socket_is_the_one_that_the_newer_repeats(served: Served) -> None:
    async with served.socket(PATH) as older:
        await older.say(reset(episode_id="e"))
        await older.send(step(READ))
        async with served.socket(PATH) as newer:
            assert (await newer.say(step(READ)))["data"]["metadata"]["version"] == 2
    assert await kinds(served, "e") == ["reset", "read"]


async def test_sockets_of_other_keys_are_left_alone(served: Served) -> None:
    async with served.socket(PATH) as one, served.socket("/sessions/other/ws") as other:
        await one.say(reset(episode_id="e"))
        assert (await other.say(step(READ)))["data"]["code"] == "EPISODE_NOT_STARTED"
        assert (await one.say(step(READ)))["data"]["metadata"]["version"] == 2


async def test_a_key_that_is_no_key_is_refused(served: Served) -> None:
    async with served.socket("/sessions/a b/ws") as socket:
        assert (await socket.hear())["data"]["code"] == "VALIDATION_ERROR"
        assert await socket.hear() == {"type": "closed"}
    assert_problem(await served.client.get("/sessions/a b/state"), 422, "invalid")


async def test_another_reset_closes_the_open_episode_also_on_a_new_socket(served: Served) -> None:
    async with served.socket(PATH) as socket:
        await socket.say(reset(episode_id="first"))
    async with served.socket(PATH) as socket:
        await socket.say(reset(episode_id="second"))
        assert (await socket.say(step(READ)))["data"]["metadata"]["episode_id"] == "second"
    first = (await served.client.get("/episodes/first/events")).json()
    assert (first[-1]["kind"], first[-1]["payload"]) == ("expire", {"reason": "abandoned"})


async def test_a_reset_that_names_the_keys_own_episode_never_closes_it(served: Served) -> None:
    async with served.socket(PATH) as socket:
        begun = await socket.say(reset(episode_id="e", seed=3))
        assert await socket.say(reset(episode_id="e", seed=3)) == begun
        await socket.say(step(READ))
        assert (await socket.say(reset(episode_id="e", seed=3)))["data"]["problem"]["code"] == "episode_exists"
        resumed = await socket.say(reset(episode_id="e", resume=True))
        assert resumed["data"]["observation"]["step_count"] == 1
    assert await kinds(served, "e") == ["reset", "read"]


async def test_a_session_takes_up_only_what_was_begun_on_it_and_closes_nothing_for_a_refusal(served: Served) -> None:
    await served.reset(episode_id="elsewhere", seed=3)
    async with served.socket(PATH) as socket:
        await socket.say(reset(episode_id="mine"))
        for frame in (reset(episode_id="elsewhere", seed=3), reset(episode_id="elsewhere", resume=True)):
            assert (await socket.say(frame))["data"]["problem"]["code"] == "episode_exists"
        assert (await socket.say(step(READ)))["data"]["metadata"]["episode_id"] == "mine"


async def test_rest_and_socket_share_the_session(served: Served) -> None:
    async with served.socket(PATH) as socket:
        await socket.say(reset(episode_id="one"))
        by_rest = (await served.client.post("/sessions/k/step", json=READ)).json()
        assert (by_rest["info"]["episode_id"], by_rest["info"]["version"]) == ("one", 2)
        begun = await served.client.post("/sessions/k/reset", json={"episode_id": "two"})
        assert begun.headers["set-cookie"].startswith("mlops_debug_episode=two;")
        assert (await socket.say(step(READ)))["data"]["metadata"]["episode_id"] == "two"
    state = (await served.client.get("/sessions/k/state")).json()
    assert (state["episode_id"], state["step_count"]) == ("two", 1)
    assert await kinds(served, "one") == ["reset", "read", "expire"]


async def test_another_episode_named_beside_the_key_is_ambiguous(served: Served) -> None:
    await served.client.post("/sessions/k/reset", json={"episode_id": "e"})
    other = await served.client.post("/sessions/k/step", json={"action": READ, "episode_id": "f"})
    assert_problem(other, 400, "episode_ambiguous")
    same = await served.client.post("/sessions/k/step", json={"action": READ, "episode_id": "e"})
    assert same.json()["info"]["version"] == 2


async def test_a_session_survives_a_restart(settings: Settings) -> None:
    async with serving(settings) as served, served.socket(PATH) as socket:
        await socket.say(reset(episode_id="e"))
        answered = await socket.say(step(READ))
    async with serving(settings) as served, served.socket(PATH) as socket:
        assert await socket.say(step(READ)) == answered
        assert (await socket.say(step(LOGS)))["data"]["metadata"]["version"] == 3


async def test_another_server_on_the_database_goes_on_with_the_session(settings: Settings) -> None:
    async with serving(settings) as here, serving(settings) as there:
        async with here.socket(PATH) as socket:
            await socket.say(reset(episode_id="e"))
            await socket.say(step(READ))
        async with there.socket(PATH) as socket:
            assert (await socket.say(step(READ)))["data"]["metadata"]["version"] == 2
            last = await socket.say(step(LOGS))
        # What is folded here is older than what happened there.
        async with here.socket(PATH) as socket:
            assert await socket.say(step(LOGS)) == last
        assert (await here.client.get("/sessions/k/state")).json()["step_count"] == 2
    async with serving(settings) as served:
        assert await kinds(served, "e") == ["reset", "read", "read"]


async def test_many_sockets_of_one_key_at_once_leave_one(served: Served) -> None:
    async with served.socket(PATH) as socket:
        await socket.say(reset(episode_id="e"))

    async def knock() -> None:
        async with served.socket(PATH) as socket:
            await socket.send(step(READ))
            await socket.hear()

    await asyncio.gather(*(knock() for _ in range(20)))
    assert await kinds(served, "e") == ["reset", "read"]
    assert served.services.sockets.open_count == 0
