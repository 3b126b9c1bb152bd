"""What a browser gets that may not see a page: a page that says what to do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from server.settings import Settings
from tests.served import Served, assert_problem, serving
from tests.server.security.test_api_keys import bearer, made

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
async def keyed(settings: Settings) -> AsyncIterator[Served]:
    async with serving(replace(settings, access="keys")) as served:
        yield served


@pytest.mark.parametrize("path", ["/", "/episodes?task=easy", "/episodes/~1", "/play", "/compare"])
async def test_a_browser_without_a_key_is_told_how_to_give_one(keyed: Served, path: str) -> None:
    page = await keyed.client.get(path, headers=BROWSER)
    assert page.status_code == 401
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["www-authenticate"].startswith("Basic ")
    assert (page.headers["vary"], page.headers["cache-control"]) == ("Accept", "no-store")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    root = "../" if path.startswith("/episodes/") else "./"
    assert f'<a href="{root}{path[1:]}">Open this page again</a>' in page.text
    assert f"--scope {'agent' if path == '/play' else 'viewer'}" in page.text


async def test_a_program_without_a_key_gets_problem_details(keyed: Served) -> None:
    for accept in ("*/*", "application/json"):
        assert_problem(await keyed.client.get("/episodes", headers={"Accept": accept}), 401, "key_required")
    posted = await keyed.client.post("/reset", headers=BROWSER, json={})
    assert_problem(posted, 401, "key_required")


async def test_a_browser_with_a_key_for_something_else_is_told_which_is_needed(
    settings: Settings, keyed: Served
) -> None:
    key = made(settings, "viewer", "viewer")
    page = await keyed.client.get("/metrics", headers={**BROWSER, **bearer(key)})
    assert page.status_code == 403
    assert "Use a key with the scope operator" in page.text
    assert "private window" in page.text


async def test_the_address_on_the_page_is_text(keyed: Served) -> None:
    page = await keyed.client.get('/episodes?q="><script>alert(1)</script>', headers=BROWSER)
    assert "<script>alert" not in page.text


async def test_an_unknown_path_is_a_page_for_a_browser_and_a_problem_for_a_program(served: Served) -> None:
    page = await served.client.get("/nowhere", headers=BROWSER)
    assert page.status_code == 404
    assert "There is no such resource" in page.text
    assert_problem(await served.client.get("/nowhere"), 404, "not_found")


async def test_empty_pages_say_what_to_do_next(served: Served) -> None:
    for path, words in (
        ("/leaderboard", ("mlops-debug rounds open", "mlops-debug compete")),
        ("/episodes", ("No episode was played here yet", 'href="./play"')),
        ("/episodes?task=easy", ("No episode fits", 'href="./episodes"')),
        ("/live", ('href="./play"',)),
        ("/", ("How to open one",)),
    ):
        text = (await served.client.get(path)).text
        assert [word for word in words if word not in text] == [], path
