"""How much each viewer sees of an episode that was started with a key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from server.settings import Settings
from tests.served import Served, serving
from tests.server.security.test_api_keys import bearer, made
from tests.server.web.pages.play.test_page import hidden

READ = {"action_type": "inspect_preprocessing"}
SHOWN = "StandardScaler().fit(everything)"


@pytest.fixture
async def keyed(settings: Settings) -> AsyncIterator[tuple[Served, dict[str, str]]]:
    """A server that asks for keys, on which ann plays."""
    guarded = replace(settings, access="keys")
    keys = {name: made(guarded, name) for name in ("ann", "bob")}
    keys["watcher"] = made(guarded, "watcher", "viewer")
    async with serving(guarded) as served:
        served.client.headers.update(bearer(keys["ann"]))
        await served.reset(task_id="medium", episode_id="e")
        await served.step("e", READ)
        yield served, keys


async def test_its_agent_and_a_viewer_see_what_it_was_shown_and_a_rival_sees_nothing(
    keyed: tuple[Served, dict[str, str]],
) -> None:
    served, keys = keyed
    name = f"{keys['ann'].split('_')[1]}:e"
    for who, status in (("ann", 200), ("watcher", 200), ("bob", 404)):
        page = await served.client.get(f"/episodes/{name}", headers=bearer(keys[who]))
        assert (page.status_code, SHOWN in page.text) == (status, status == 200), who
    by_number = await served.client.get("/episodes/~1", headers=bearer(keys["bob"]))
    assert (by_number.status_code, SHOWN in by_number.text, name in by_number.text) == (200, False, False)


async def test_on_an_open_server_a_keyed_name_that_can_be_guessed_opens_nothing(settings: Settings) -> None:
    key = made(settings, "ann")
    async with serving(settings) as served:
        await served.client.post("/reset", json={"task_id": "medium", "episode_id": "e"}, headers=bearer(key))
        name = f"{key.split('_')[1]}:e"
        step = {"episode_id": name, "action": READ}
        assert (await served.client.post("/step", json=step, headers=bearer(key))).status_code == 200
        assert SHOWN not in (await served.client.get(f"/episodes/{name}")).text
        assert SHOWN in (await served.client.get(f"/episodes/{name}", headers=bearer(key))).text


async def test_without_a_key_only_the_board_can_be_seen(keyed: tuple[Served, dict[str, str]]) -> None:
    served, _ = keyed
    del served.client.headers["Authorization"]
    for path in ("/", "/episodes", "/episodes/~1", "/live", "/live/feed", "/play", "/compare"):
        assert (await served.client.get(path)).status_code == 401, path
    for path in ("/leaderboard", "/static/pages.css"):
        assert (await served.client.get(path)).status_code == 200, path


async def test_a_person_with_a_key_plays_under_its_name(keyed: tuple[Served, dict[str, str]]) -> None:
    served, keys = keyed
    served.client.headers.update(bearer(keys["bob"]))
    form = hidden((await served.client.get("/play")).text)
    begun = await served.client.post("/play/begin", data={**form, "task_id": "easy", "agent": "someone else"})
    assert begun.status_code == 303
    form = hidden((await served.client.get("/play")).text)
    acted = await served.client.post("/play/act", data={**form, "action_type": "read_config"})
    assert acted.status_code == 303
    listed = (await served.client.get("/episodes")).text
    assert ">bob</a>" in listed
    assert "someone else" not in listed


async def test_the_events_of_a_keyed_session_are_whole_after_the_end(keyed: tuple[Served, dict[str, str]]) -> None:
    served, _ = keyed
    begun = await served.client.post("/sessions/s/reset", json={})
    name = begun.json()["info"]["episode_id"]
    await served.step(name, {"action_type": "submit_diagnosis"})
    assert (await served.client.get(f"/episodes/{name}/events")).json()[0]["payload"]["seed"] is not None
