"""A NUL in a name, which PostgreSQL cannot store, is an unknown name and never a failure of the database."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from server.settings import Settings
from tests.served import Served, assert_problem, serving

pytestmark = pytest.mark.both_backends


@pytest.fixture
async def keyless(settings: Settings) -> AsyncIterator[Served]:
    async with serving(replace(settings, access="keys")) as served:
        yield served


@pytest.mark.parametrize("query", ["q=a%00", "agent=%00", "round=%00", "q=%2500", "task=%00", "sort=%00"])
async def test_a_list_that_is_asked_for_with_one_is_empty_or_ignores_it(served: Served, query: str) -> None:
    await served.reset(episode_id="e", agent="a")
    response = await served.client.get(f"/episodes?{query}")
    assert response.status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/leaderboard.json?round=%00",
        "/leaderboard.json?suite=a%00",
        "/leaderboard.csv?round=a%00",
        "/leaderboard?round=%00",
        "/leaderboard.json?rubric_version=%00",
        "/episodes/a%00b",
        "/episodes/a%00b/state",
        "/episodes/a%00b/events",
        "/state?episode_id=a%00",
        "/openenv/state?episode_id=%00",
        "/sessions/a%00/state",
        "/compare?a=%00&b=a%00",
        "/live?episode=%00&after=%00",
        "/%00",
    ],
)
async def test_an_address_with_one_is_unknown_or_not_valid(served: Served, path: str) -> None:
    status = (await served.client.get(path)).status_code
    assert status < 500, path


@pytest.mark.parametrize("name", ["round", "agent", "episode_id", "task_id", "request_id"])
async def test_a_reset_with_one_does_not_fit_the_schema(served: Served, name: str) -> None:
    body = {name: "a\0b"} | ({"entry": 1} if name == "round" else {})
    assert_problem(await served.client.post("/reset", json=body), 422, "invalid")


@pytest.mark.parametrize("text", ["\0", "mdk_a\0_b"])
async def test_a_key_with_one_is_no_key(keyless: Served, text: str) -> None:
    for sent in (f"agent:{text}", text):
        encoded = base64.b64encode(sent.encode()).decode()
        response = await keyless.client.get("/state?episode_id=e", headers={"Authorization": f"Basic {encoded}"})
        assert_problem(response, 401, "key_required")
