"""The live feed: by position, without a gap and without a secret."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from server.settings import Settings
from server.web.pages.live.feed import Feed, join_frames
from tests.served import Served, serving

READ = {"action_type": "read_config"}
QUERY = {"action_type": "query_artifact", "artifact_name": "config.yaml", "field_path": "optimizer.momentum"}
SUBMIT = {"action_type": "submit_diagnosis", "diagnosis": "a guess"}


async def collect(feed: Feed, after: int | None, wanted: int) -> list[tuple[int, dict[str, Any]]]:
    """The first events after a position."""
    received: list[tuple[int, dict[str, Any]]] = []
    following = feed.follow(after)
    async with asyncio.timeout(20):
        async for entries in following:
            received += [(each.position, parsed(each.frame)) for each in entries]
            if len(received) >= wanted:
                break
    await following.aclose()
    return received


def parsed(frame: bytes) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(frame.split(b"data: ", 1)[1])
    return data


def feed_of(served: Served) -> Feed:
    feed: Feed = served.app.state.pages.feed
    return feed


@pytest.mark.both_backends
async def test_everything_after_a_position_is_sent_in_order(served: Served) -> None:
    await served.reset(episode_id="a")
    watching = asyncio.create_task(collect(feed_of(served), 0, 5))
    for action in (READ, QUERY):
        await served.step("a", action)
    await served.reset(episode_id="b")
    await served.step("a", SUBMIT)
    received = await watching
    assert [position for position, _ in received] == [1, 2, 3, 4, 5]
    assert [data["kind"] for _, data in received] == ["reset", "read", "query", "reset", "submit"]


async def test_a_subscriber_that_comes_back_gets_what_it_missed_and_nothing_twice(served: Served) -> None:
    await served.reset(episode_id="a")
    first = await collect(feed_of(served), 0, 1)
    for _ in range(3):
        await served.step("a", READ)
    later = await collect(feed_of(served), first[-1][0], 3)
    assert [position for position, _ in first + later] == [1, 2, 3, 4]


async def test_a_restart_of_the_server_loses_nothing(settings: Settings) -> None:
    async with serving(settings) as before:
        await before.reset(episode_id="a")
        received = await collect(feed_of(before), 0, 1)
        await before.step("a", READ)
    async with serving(settings) as after:
        watching = asyncio.create_task(collect(feed_of(after), received[-1][0], 2))
        await after.step("a", QUERY)
        assert [position for position, _ in await watching] == [2, 3]


async def test_many_events_come_in_pieces_without_a_gap(served: Served) -> None:
    for number in range(30):
        await served.reset(episode_id=f"e-{number}", task_id="medium")
        for _ in range(20):
            await served.step(f"e-{number}", READ)
    received = await collect(feed_of(served), 0, 630)
    assert [position for position, _ in received] == list(range(1, 631))


async def test_of_a_running_episode_neither_id_nor_words_nor_scenario_are_sent(served: Served) -> None:
    await served.reset(episode_id="secret-name", agent="ada", seed=770077, task_id="medium")
    await served.step("secret-name", QUERY)
    received = await collect(feed_of(served), 0, 2)
    text = json.dumps(received)
    for word in ("secret-name", "770077", "momentum", "digest", "run-", "leakage"):
        assert word not in text
    assert received[1][1]["path"] == "/episodes/~1"
    assert received[1][1]["title"] == "Queried config.yaml"


async def test_the_end_is_sent_with_score_and_address_but_without_what_was_written(served: Served) -> None:
    await served.reset(episode_id="e")
    await served.step("e", SUBMIT)
    end = (await collect(feed_of(served), 1, 1))[0][1]
    assert (end["ended"], end["score"], end["path"]) == (True, 0.01, "/episodes/e")
    assert "a guess" not in json.dumps(end)


async def test_subscribers_to_one_episode_get_no_other(served: Served) -> None:
    await served.reset(episode_id="a")
    await served.reset(episode_id="b")
    following = feed_of(served).follow(0)
    entries = await anext(following)
    await following.aclose()
    assert b'"number":"~2"' not in join_frames(entries, 1)
    assert join_frames(entries, 99).startswith(b":")
