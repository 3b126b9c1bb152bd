"""The pages behind a prefix of a proxy, and in a frame of another site: linked, styled, live and playable as anywhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from tests.browser.conftest import Open
from tests.browser.hosting import OtherSite, other_site, reverse_proxy
from tests.e2e.playing import Episode, open_client
from tests.e2e.running import ServerProcess, environment

PREFIX = "/tools/debugger"


@pytest.fixture(scope="module")
def site() -> Iterator[OtherSite]:
    with other_site() as site:
        yield site


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory, site: OtherSite) -> Iterator[ServerProcess]:
    settings = environment(MLOPS_DEBUG_ROOT_PATH=PREFIX, MLOPS_DEBUG_FRAME_ANCESTORS=site.origin)
    process = ServerProcess(tmp_path_factory.mktemp("hosted"), child_environment=settings)
    process.start()
    yield process
    process.stop()


def play(page: Page | FrameLocator) -> None:
    """An episode by the forms, from the page of play to the replay."""
    begin = page.get_by_role("form", name="Begin an episode")
    begin.get_by_role("button").last.click()
    read = page.get_by_role("form", name="Read an artifact")
    read.get_by_role("button", name="config.yaml").click()
    expect(page.locator("#result")).to_contain_text("config.yaml")


@pytest.mark.parametrize("takes_off", [False, True], ids=["prefix left on", "prefix taken off"])
def test_the_site_works_behind_a_prefix(hosted: ServerProcess, watch: Open, takes_off: bool) -> None:
    with open_client(hosted.url) as http:
        episode = Episode(http, task_id="easy", seed=5)
        episode.step("submit_diagnosis")
    with reverse_proxy(hosted.url, PREFIX, takes_off=takes_off) as address:
        watched = watch(url=address)
        page = watched.open("/")
        for name, path in (("Episodes", "/episodes"), ("Live", "/live"), ("Board", "/leaderboard"), ("Play", "/play")):
            page.get_by_role("navigation", name="Pages").get_by_role("link", name=name).click()
            expect(page).to_have_url(f"{address}{path}")
        play(page)
        watched.shoot(f"prefix-play-{'off' if takes_off else 'on'}")
        page = watched.open(f"/episodes/{episode.id}")
        expect(page.locator("h1")).to_be_visible()
        watched.shoot(f"prefix-episode-{'off' if takes_off else 'on'}")
        page = watched.open("/docs")
        expect(page.locator(".opblock").first).to_be_visible(timeout=30_000)
        page.goto("about:blank")  # leaves what the proxy still passes on


def test_the_feed_arrives_behind_a_prefix(hosted: ServerProcess, watch: Open) -> None:
    with reverse_proxy(hosted.url, PREFIX, takes_off=True) as address:
        page = watch(url=address).open("/live")
        with open_client(hosted.url) as http:
            begun = Episode(http, task_id="easy", seed=6)
            card = page.locator("[data-flights] a.head").first
            expect(card).to_be_visible()
            card.click()
            expect(page.locator("h1")).to_be_visible()
            begun.step("submit_diagnosis")
        page.goto("about:blank")


def test_an_episode_is_played_in_a_frame_of_another_site(hosted: ServerProcess, site: OtherSite, watch: Open) -> None:
    site.framed = f"{hosted.url}{PREFIX}/"
    watched = watch(url=site.origin)
    page = watched.open("/")
    framed = page.frame_locator("iframe")
    expect(framed.locator("h1")).to_be_visible()
    watched.shoot("frame-home")
    framed.get_by_role("link", name="Play", exact=True).click()
    play(framed)
    watched.shoot("frame-play")
    framed.get_by_role("navigation", name="Pages").get_by_role("link", name="Episodes").click()
    expect(framed.locator("h1")).to_be_visible()
    watched.shoot("frame-episodes")
    # The frame is of another site: that is what is tested here.
    watched.foreign = [each for each in watched.foreign if not each.startswith(hosted.url)]


def test_a_site_that_is_not_named_gets_no_frame(server: ServerProcess, site: OtherSite, browser: Browser) -> None:
    site.framed = f"{server.url}/"
    context = browser.new_context()
    page = context.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.goto(site.origin)
    expect(page.frame_locator("iframe").locator("header.site")).to_have_count(0)
    assert any("frame-ancestors" in each for each in refused), refused
    context.close()
