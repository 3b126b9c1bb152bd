"""The front page, the list, and what every page has in common."""

from __future__ import annotations

from itertools import product

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.e2e.playing import Episode, open_client
from tests.e2e.running import ServerProcess
from tests.profiles import smoke

PATHS = ("/", "/episodes", "/live", "/play", "/compare", "/episodes/none")
SIGHTS = (("light", 1440), ("dark", 1440), ("light", 390), ("dark", 390))
LOOKS = list(product(PATHS, SIGHTS))


@pytest.mark.parametrize("look", smoke(LOOKS, lambda look: look[0] == "/" or look[1] == SIGHTS[0]), ids=map(str, LOOKS))
def test_every_page_is_sound(watch: Open, look: tuple[str, tuple[str, int]]) -> None:
    path, (scheme, width) = look
    watched = watch(color_scheme=scheme, viewport={"width": width, "height": 844})
    page = watched.open(path)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    watched.check_accessibility()
    watched.shoot(f"page{path.replace('/', '-')}-{scheme}-{width}")
    # A page that is not there says so with its status, which the browser puts on the console.
    watched.errors = [each for each in watched.errors if not (path == "/episodes/none" and "404" in each)]


def test_the_content_is_reached_past_the_navigation(watch: Open) -> None:
    page = watch().open("/")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_the_counters_of_the_front_page_are_live(server: ServerProcess, watch: Open) -> None:
    page = watch().open("/")
    over = page.locator("[data-count=ended]")
    before = int(over.text_content() or "")
    with open_client(server.url) as http:
        Episode(http, task_id="easy", seed=5).step("submit_diagnosis")
    expect(over).to_have_text(str(before + 1))


def test_the_front_page_says_how_to_connect(watch: Open) -> None:
    watched = watch()
    page = watched.open("/")
    expect(page.locator("pre")).to_contain_text(f'GenericEnvClient(base_url="{watched.url}")')
    assert len((page.locator("pre").text_content() or "").strip().split("\n")) == 3
