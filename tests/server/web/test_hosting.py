"""Behind a prefix of a proxy, and in the frame of another site."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from server.security.api_keys import create_key
from server.settings import SettingError, Settings, read_settings
from tests.operating import changed
from tests.served import Served, serving

PAGES = (
    "/",
    "/episodes",
    "/live",
    "/play",
    "/leaderboard",
    "/compare",
    "/docs",
    "/episodes/e",
    "/episodes/~1",
    "/a/b/c",
)
BROWSER = {"Accept": "text/html"}
FRAMED = {**BROWSER, "Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
HUB = "https://huggingface.co"


@pytest.fixture
async def prefixed(settings: Settings) -> AsyncIterator[Served]:
    async with serving(replace(settings, root_path="/debugger")) as served:
        yield served


@pytest.fixture
async def framed(settings: Settings) -> AsyncIterator[Served]:
    async with serving(replace(settings, frame_ancestors=(HUB,))) as served:
        yield served


@pytest.mark.parametrize("path", PAGES)
async def test_every_link_of_every_page_is_relative(served: Served, path: str) -> None:
    await served.reset(episode_id="e", agent="ann")
    await served.step("e", {"action_type": "submit_diagnosis"})
    page = await served.client.get(path, headers=BROWSER)
    if page.status_code == 303:
        assert page.headers["location"].startswith("../")
        return
    links = re.findall(r'(?:href|action|src)="([^"]*)"', page.text)
    assert links
    root = "../" * (path.count("/") - 1) or "./"
    outside = [link for link in links if not link.startswith((root, "#", "?", "https://"))]
    assert outside == []
    assert int(page.headers["content-length"]) == len(page.content)


@pytest.mark.parametrize("prefix", ["", "/debugger"])
async def test_a_proxy_may_leave_the_prefix_on_or_take_it_off(prefixed: Served, prefix: str) -> None:
    begun = await prefixed.client.post(f"{prefix}/reset", json={"episode_id": "e"})
    assert begun.status_code == 200
    assert (await prefixed.client.get(f"{prefix}/episodes/e/state")).json()["step_count"] == 0
    assert (await prefixed.client.get(f"{prefix}/episodes")).status_code == 200
    async with prefixed.socket(f"{prefix}/sessions/s/ws") as socket:
        assert (await socket.say({"type": "reset"}))["type"] == "observation"


async def test_the_prefix_alone_leads_to_the_front_page(prefixed: Served) -> None:
    moved = await prefixed.client.get("/debugger")
    assert (moved.status_code, moved.headers["location"]) == (307, "/debugger/")
    front = await prefixed.client.get("/debugger/", headers=BROWSER)
    assert 'base_url="http://test/debugger"' in front.text.replace("&#34;", '"')
    assert (await prefixed.client.get("/debugger-not")).status_code == 404


async def test_a_key_is_asked_for_behind_a_prefix_as_well(settings: Settings) -> None:
    key = changed(settings, lambda connection: create_key(connection, "ann", ("viewer",), kind="agent", now="t"))
    async with serving(replace(settings, root_path="/debugger", access="keys")) as served:
        assert (await served.client.get("/debugger/health")).status_code == 200
        assert (await served.client.get("/debugger/episodes")).status_code == 401
        bearer = {"Authorization": f"Bearer {key}"}
        assert (await served.client.post("/debugger/reset", json={}, headers=bearer)).status_code == 403


async def test_the_players_cookie_stays_below_the_prefix(prefixed: Served) -> None:
    cookie = (await prefixed.client.get("/debugger/play")).headers["set-cookie"]
    assert "Path=/debugger/play;" in cookie
    assert "samesite=lax" in cookie.lower()


async def test_the_document_names_the_server_relatively(served: Served) -> None:
    assert (await served.client.get("/openapi.json")).json()["servers"][0]["url"] == "./"


@pytest.mark.parametrize("path", ["/", "/docs", "/episodes/none"])
async def test_pages_may_be_framed_by_those_that_are_named(framed: Served, served: Served, path: str) -> None:
    policy = (await framed.client.get(path, headers=BROWSER)).headers["content-security-policy"]
    assert f"frame-ancestors 'self' {HUB}" in policy
    assert (
        "frame-ancestors 'none'" in (await served.client.get(path, headers=BROWSER)).headers["content-security-policy"]
    )


async def test_what_is_no_page_is_never_framed(framed: Served) -> None:
    assert "frame-ancestors 'none'" in (await framed.client.get("/tasks")).headers["content-security-policy"]


async def test_a_refused_page_may_be_framed_too(settings: Settings) -> None:
    async with serving(replace(settings, access="keys", frame_ancestors=(HUB,))) as served:
        refused = await served.client.get("/play", headers=FRAMED)
    assert (refused.status_code, HUB in refused.headers["content-security-policy"]) == (401, True)


@pytest.mark.parametrize(
    ("ancestors", "headers", "is_sent"),
    [((HUB,), FRAMED, True), ((HUB,), BROWSER, False), ((), FRAMED, False)],
)
async def test_the_players_cookie_is_sent_from_a_frame_only_where_it_may_be_framed(
    settings: Settings, ancestors: Any, headers: dict[str, str], is_sent: bool
) -> None:
    async with serving(replace(settings, frame_ancestors=ancestors)) as served:
        cookie = (await served.client.get("/play", headers=headers)).headers["set-cookie"].lower()
    attributes = {each.strip() for each in cookie.split(";")}
    assert ({"samesite=none", "secure", "partitioned"} <= attributes) is is_sent
    assert ("samesite=lax" in attributes) is not is_sent
    assert "httponly" in attributes


@pytest.mark.parametrize("text", ["debugger", "/a b", "/a;x", "//", "/a//b", "/a\r\nx"])
def test_a_prefix_is_a_plain_path(text: str) -> None:
    if text == "//":
        assert read_settings({"MLOPS_DEBUG_ROOT_PATH": text}).root_path == ""
        return
    with pytest.raises(SettingError, match="must be a path"):
        read_settings({"MLOPS_DEBUG_ROOT_PATH": text})


@pytest.mark.parametrize("text", ["huggingface.co", "*", "https://a.org; script-src *", "https://a.org/path"])
def test_an_ancestor_is_an_origin(text: str) -> None:
    with pytest.raises(SettingError, match="must be origins"):
        read_settings({"MLOPS_DEBUG_FRAME_ANCESTORS": text})
    assert read_settings({"MLOPS_DEBUG_FRAME_ANCESTORS": f"{HUB}/, https://*.hf.space"}).frame_ancestors == (
        HUB,
        "https://*.hf.space",
    )


async def test_an_address_of_a_prefix_is_used_by_the_feed(served: Served) -> None:
    """Scripts take the root of the site from the page."""
    assert 'data-root="./"' in (await served.client.get("/live")).text
    assert json.dumps("/live/feed") not in (await served.client.get("/static/live.js")).text
