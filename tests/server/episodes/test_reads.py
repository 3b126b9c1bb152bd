"""When the log is read: not where nothing but this server has written; always where another server may have."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from server.settings import Settings
from server.storage.engines import SQLITE_READ_CONNECTIONS
from tests.served import Served, serving

READ = {"action_type": "read_config"}


@contextmanager
def statements(served: Served) -> Iterator[list[str]]:
    """The statements that are sent over the reading connections meanwhile."""
    sent: list[str] = []

    def record(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    engine = served.services.reader.sync_engine
    event.listen(engine, "before_cursor_execute", record)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", record)


async def state_of(served: Served, episode_id: str) -> dict[str, Any]:
    response = await served.client.get("/state", params={"episode_id": episode_id})
    assert response.status_code == 200, response.text
    answered: dict[str, Any] = response.json()
    return answered


async def test_a_server_that_writes_alone_reads_nothing_to_begin_play_and_show_an_episode(served: Served) -> None:
    await served.reset(episode_id="first", seed=7)
    await served.client.post("/sessions/k/reset", json={"episode_id": "before", "seed": 7})
    with statements(served) as sent:
        async with served.socket() as socket:
            for name in ("second", "third"):
                assert (await socket.say({"type": "reset", "data": {"episode_id": name, "seed": 7}}))["data"]
                await socket.say({"type": "step", "data": READ})
                assert (await socket.say({"type": "state"}))["data"]["step_count"] == 1
        async with served.socket("/sessions/k/ws") as socket:
            for name in ("keyed", "keyed-again"):
                assert (await socket.say({"type": "reset", "data": {"episode_id": name, "seed": 7}}))["data"]
        assert (await state_of(served, "second"))["done"]
        await served.reset(episode_id="fourth", seed=7)
        await served.reset(episode_id="fourth", seed=7)
    assert sent == []


async def test_a_named_reset_on_a_socket_that_plays_closes_the_old_episode_in_the_same_commit(served: Served) -> None:
    await served.reset(episode_id="warm", seed=7)
    async with served.socket() as socket:
        await socket.say({"type": "reset", "data": {"episode_id": "left", "seed": 7}})
        await socket.say({"type": "reset", "data": {"episode_id": "begun", "seed": 7}})
    left, begun = [(await served.client.get(f"/episodes/{name}/events")).json() for name in ("left", "begun")]
    assert [each["kind"] for each in left] == ["reset", "expire"]
    assert left[1]["position"] == begun[0]["position"] + 1


async def test_two_sockets_that_reset_to_each_others_episode_do_not_wait_for_each_other(served: Served) -> None:
    def reset(name: str) -> dict[str, Any]:
        return {"type": "reset", "data": {"episode_id": name, "seed": 7}}

    async with served.socket() as one, served.socket() as other:
        await asyncio.gather(one.say(reset("a")), other.say(reset("b")))
        await asyncio.gather(one.say({"type": "step", "data": READ}), other.say({"type": "step", "data": READ}))
        for name in ("a", "b"):
            served.services.episodes.cache.drop(name)  # so that only the append finds that they exist
        answered = await asyncio.gather(one.say(reset("b")), other.say(reset("a")))
    assert [each["type"] for each in answered] == ["error", "error"]


@pytest.mark.both_backends
async def test_what_another_server_records_is_shown_at_once(settings: Settings) -> None:
    async with serving(settings) as here, serving(settings) as there:
        await here.reset(episode_id="e", seed=7)
        for steps in range(1, 6):
            await there.step("e", READ)
            assert (await state_of(here, "e"))["step_count"] == steps
        await here.step("e", READ)
        assert (await state_of(there, "e"))["step_count"] == 6


@pytest.mark.both_backends
async def test_a_name_that_another_server_gave_away_is_found_by_the_append(settings: Settings) -> None:
    async with serving(settings) as here, serving(settings) as there:
        await here.reset(episode_id="warm", seed=7)
        first = await there.reset(episode_id="e", seed=7)
        assert await here.reset(episode_id="e", seed=7) == first
        await there.step("e", READ)
        response = await here.client.post("/reset", json={"episode_id": "e", "seed": 7})
        assert response.status_code == 409
        resumed = await here.reset(episode_id="e", seed=7, resume=True)
        assert resumed["observation"]["step_count"] == 1


async def test_a_thousand_reads_at_once_use_the_same_few_threads(served: Served) -> None:
    names = [f"e-{n}" for n in range(20)]
    for name in names:
        await served.reset(episode_id=name, seed=7)
    seen: set[str] = set()
    for _ in range(3):
        await asyncio.gather(*(served.client.get(f"/episodes/{name}/events") for name in names * 10))
        seen |= {
            each.name for each in threading.enumerate() if "aiosqlite" in each.name or "_connection_worker" in each.name
        }
    assert 1 <= len(seen) <= SQLITE_READ_CONNECTIONS
