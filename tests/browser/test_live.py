"""Watching episodes live."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.e2e.playing import Episode, open_client
from tests.e2e.running import ServerProcess


def test_an_episode_is_watched_from_its_beginning_to_its_end(server: ServerProcess, watch: Open) -> None:
    watched = watch()
    page = watched.open("/live")
    expect(page.locator("[data-link]")).to_have_text("connected")
    with open_client(server.url) as http:
        episode = Episode(http, task_id="medium", agent="watched-agent", seed=5)
        card = page.locator(".flight", has_text="watched-agent")
        expect(card).to_have_count(1)
        episode.step("read_config")
        episode.step("run_sanity_check", sanity_check_type="data_leakage")
        expect(card.locator("[data-latest]")).to_have_text("Checked data_leakage")
        expect(card.locator("[data-steps]")).to_have_text("2")
        expect(card.locator("[data-strip] i")).to_have_count(2)
        assert episode.id not in page.content()
        watched.check_accessibility()
        watched.shoot("live")
        episode.step("submit_diagnosis")
        expect(card).to_have_count(0)
        expect(page.locator("[data-ended] tr").first).to_contain_text("watched-agent")
    page.locator("[data-ended] a").first.click()
    expect(page.locator("h1")).to_have_text(episode.id)


def test_nothing_is_lost_when_the_server_is_killed_and_started_again(own_server: ServerProcess, watch: Open) -> None:
    watched = watch(own_server.url)
    page = watched.open("/live")
    expect(page.locator("[data-link]")).to_have_text("connected")
    with open_client(own_server.url) as http:
        episode = Episode(http, task_id="medium", agent="survivor", seed=5)
        card = page.locator(".flight", has_text="survivor")
        expect(card).to_have_count(1)
        episode.step("read_config")
    own_server.kill()
    expect(page.locator("[data-link]")).to_contain_text("reconnecting")
    # The browser reports the lost connection on the console; that is what happened, and no error of the page.
    own_server.start()
    with open_client(own_server.url) as http:
        for action_type in ("read_logs", "inspect_preprocessing"):
            http.post("/step", json={"episode_id": episode.id, "action": {"action_type": action_type}})
        expect(page.locator("[data-link]")).to_have_text("connected", timeout=30_000)
        expect(card.locator("[data-strip] i")).to_have_count(3, timeout=30_000)
        expect(card.locator("[data-latest]")).to_have_text("Read preprocessing.py")
        expect(page.locator(".flight", has_text="survivor")).to_have_count(1)
    watched.errors = [each for each in watched.errors if "net::ERR_" not in each]


def test_the_page_of_a_running_episode_goes_on_with_it(server: ServerProcess, watch: Open) -> None:
    watched = watch()
    with open_client(server.url) as http:
        episode = Episode(http, task_id="easy", seed=5)
        page = watched.open(f"/episodes/{episode.id}")
        expect(page.locator(".timeline li")).to_have_count(1)
        episode.step("read_config")
        expect(page.locator(".timeline li")).to_have_count(2)
        expect(page.locator(".panel:visible")).to_contain_text("learning_rate")
        assert "dropout_too_high" not in page.content()
        episode.step("submit_diagnosis")
        expect(page.locator("#verdict")).to_be_visible()
    expect(page.locator(".truth")).to_contain_text("dropout_too_high")


def test_without_scripts_the_live_page_still_tells_what_runs(server: ServerProcess, watch: Open) -> None:
    with open_client(server.url) as http:
        Episode(http, task_id="easy", agent="plain").step("read_config")
    page = watch(java_script_enabled=False).open("/live")
    expect(page.locator(".flight", has_text="plain")).to_contain_text("Read config.yaml")
