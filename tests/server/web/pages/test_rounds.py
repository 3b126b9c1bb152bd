"""``/rounds`` in a browser and for programs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.settings import Settings
from tests.served import Served, serving
from tests.server.ranking.test_rounds import ann, closed, opened, playing, ranked
from tests.server.web.pages.test_refused import BROWSER

__all__ = ["ann", "playing"]
SECRET = bytes(range(32)).hex()
"""That of the rounds of these tests."""


async def test_a_browser_gets_a_page_and_a_program_json(playing: Served) -> None:
    page, plain = [(await playing.client.get("/rounds", headers=given)) for given in (BROWSER, {"Accept": "*/*"})]
    assert page.headers["content-type"].startswith("text/html")
    assert plain.headers["content-type"] == "application/json"
    assert (page.headers["vary"], plain.headers["vary"]) == ("Accept", "Accept")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert (await playing.client.get("/rounds.json", headers=BROWSER)).json() == plain.json()


async def test_each_round_leads_to_its_board_and_its_episodes(playing: Served, settings: Settings) -> None:
    opened(settings, "autumn")
    page = (await playing.client.get("/rounds", headers=BROWSER)).text
    for name in ("spring", "autumn"):
        assert f'<a class="button" href="./leaderboard?round={name}">Board</a>' in page
        assert f'href="./episodes?round={name}"' in page
        assert f"mlops-debug compete --round {name}" in page
    assert 'class="site"' in page, "in the frame of the site"


@pytest.mark.both_backends
async def test_who_takes_part_is_counted(playing: Served) -> None:
    await ranked(playing, entry=1)
    name = (await ranked(playing, entry=2))["episode_id"]
    await playing.step(name, {"action_type": "submit_diagnosis"})
    page = (await playing.client.get("/rounds", headers=BROWSER)).text
    assert "<dt>Agents</dt><dd>1</dd>" in page
    assert '<dt>Attempts begun</dt><dd>2 <span class="quiet">(1 run)</span></dd>' in page


async def test_the_secret_is_shown_when_the_round_has_closed(playing: Served, settings: Settings) -> None:
    assert SECRET not in (await playing.client.get("/rounds", headers=BROWSER)).text
    await closed(playing, settings)
    page = (await playing.client.get("/rounds", headers=BROWSER)).text
    assert SECRET in page
    assert "compete --round" not in page


async def test_without_a_round_the_page_says_how_to_open_one(served: Served) -> None:
    page = await served.client.get("/rounds", headers=BROWSER)
    assert page.status_code == 200
    assert "No ranked round was opened yet" in page.text
    assert "mlops-debug rounds open" in page.text
    assert (await served.client.get("/rounds")).json() == {"rounds": []}


async def test_it_needs_no_key(settings: Settings) -> None:
    opened(settings)
    async with serving(replace(settings, access="keys")) as served:
        for path in ("/rounds", "/rounds.json"):
            assert (await served.client.get(path, headers=BROWSER)).status_code == 200
