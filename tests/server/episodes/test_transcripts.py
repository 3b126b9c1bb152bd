"""Transcripts: what a model said, shared by its client, shown after the end, and no part of the record."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from server.scenarios.simulation import InProcessSimulation
from server.security.api_keys import create_key
from server.settings import Settings
from tests.operating import changed
from tests.served import Served, serving

SUBMIT = {"action_type": "submit_diagnosis", "root_cause_file": "config.yaml"}
SAID: dict[str, Any] = {
    "model": "m-1",
    "replies": [
        {"step": 1, "text": "Broken at first.", "problem": "no tool call"},
        {
            "step": 1,
            "text": "The <script>config</script> first.",
            "reasoning": "It is short.",
            "calls": ["read_config({})"],
        },
        {"step": 2, "text": "I am done."},
    ],
}


async def begun(served: Served, episode_id: str = "e") -> None:
    await served.reset(episode_id=episode_id, task_id="easy", seed=5)
    await served.step(episode_id, {"action_type": "read_config"})


async def shared(served: Served, said: Any = SAID, episode_id: str = "e", **headers: str) -> httpx.Response:
    return await served.client.post(f"/episodes/{episode_id}/transcript", json=said, headers=headers)


async def page_of(served: Served, episode_id: str = "e") -> str:
    return (await served.client.get(f"/episodes/{episode_id}")).text


def key_of(settings: Settings, name: str) -> str:
    return changed(settings, lambda opened: create_key(opened, name, ("agent",), kind="agent", now="2030"))


@pytest.mark.both_backends
async def test_a_transcript_is_shown_beside_the_actions_after_the_end(settings: Settings) -> None:
    async with serving(settings, simulation=InProcessSimulation()) as served:
        await begun(served)
        said = {**SAID, "replies": [*SAID["replies"][:-1], {"step": 2.0, "text": "I am done."}]}
        assert (await shared(served, said)).status_code == 204, "a whole number may be written as 2.0"
        assert "I am done." not in await page_of(served), "the episode runs"
        await served.step("e", SUBMIT)
        page = await page_of(served)
    assert (
        page.index("Broken at first.")
        < page.index("no tool call")
        < page.index("It is short.")
        < page.index("I am done.")
    )
    assert "The &lt;script&gt;config&lt;/script&gt; first." in page
    assert "not part of the record" in page


@pytest.mark.both_backends
async def test_it_changes_neither_the_events_nor_the_grade(settings: Settings) -> None:
    async with serving(settings, simulation=InProcessSimulation()) as served:
        for name in ("without", "with"):
            await begun(served, name)
        before = (await served.client.get("/episodes/with/events")).content
        await shared(served, episode_id="with")
        assert (await served.client.get("/episodes/with/events")).content == before
        ended = [(await served.step(name, SUBMIT))["info"] for name in ("without", "with")]
    assert ended[0]["score"] == ended[1]["score"]
    assert ended[0]["breakdown"] == ended[1]["breakdown"]


async def test_after_the_end_none_is_taken_and_before_it_the_first_stays(served: Served) -> None:
    await begun(served)
    assert (await shared(served)).status_code == 204
    assert (await shared(served, {"replies": [{"step": 1, "text": "Other words."}]})).status_code == 204
    await served.step("e", SUBMIT)
    refused = await shared(served, {"replies": []})
    assert (refused.status_code, refused.json()["code"]) == (409, "episode_over")
    page = await page_of(served)
    assert "I am done." in page
    assert "Other words." not in page


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"replies": [{"step": 0}]},
        {"replies": [{"step": 1, "text": "x" * 20_001}]},
        {"replies": [{"step": 1, "text": 7}]},
        {"model": "m" * 201, "replies": []},
        {"replies": [{"step": 1}] * 1001},
    ],
    ids=["nothing", "step", "long", "no text", "model", "many"],
)
async def test_what_is_no_transcript_or_too_large_is_refused(served: Served, said: Any) -> None:
    await begun(served)
    assert (await shared(served, said)).status_code == 422


async def test_a_body_beyond_the_limit_is_refused(served: Served) -> None:
    await begun(served)
    limit = served.services.settings.body_limit_bytes
    said = {"replies": [{"step": 1, "text": "x" * 20_000}] * (limit // 20_000 + 1)}
    assert (await shared(served, said)).status_code == 413


async def test_only_the_player_of_a_running_episode_shares(served: Served, settings: Settings) -> None:
    own, other = ({"Authorization": f"Bearer {key_of(settings, name)}"} for name in ("ann", "bob"))
    begun_by_ann = await served.client.post(
        "/reset", json={"episode_id": "e", "task_id": "easy", "seed": 5}, headers=own
    )
    name = begun_by_ann.json()["info"]["episode_id"]
    assert (await shared(served, episode_id=name, **other)).status_code == 404
    assert (await shared(served, episode_id=name)).status_code == 404
    assert (await shared(served, episode_id=name, **own)).status_code == 204


async def test_an_unknown_episode_is_reported(served: Served) -> None:
    assert (await shared(served, episode_id="none")).json()["code"] == "unknown_episode"
