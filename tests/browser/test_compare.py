"""Two episodes side by side."""

from __future__ import annotations

import httpx
from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.e2e.playing import Episode


def play(http: httpx.Client, agent: str, *actions: str) -> str:
    episode = Episode(http, task_id="medium", seed=5, agent=agent)
    for action in (*actions, "submit_diagnosis"):
        episode.step(action)
    return episode.id


def test_two_are_picked_in_the_list_and_compared(http: httpx.Client, watch: Open) -> None:
    play(http, "compared-one", "read_config", "read_logs")
    play(http, "compared-two", "read_config", "inspect_preprocessing", "read_logs")
    watched = watch()
    page = watched.open("/episodes?q=compared-")
    expect(page.locator("table.list tbody tr")).to_have_count(2)
    watched.check_accessibility()
    watched.shoot("episodes")
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name="Compare the two ticked").click()
    expect(page.locator(".lead")).to_contain_text("the same scenario")
    expect(page.locator("tr#divergence th")).to_contain_text("2")
    expect(page.locator("tr.same")).to_have_count(2)
    watched.check_accessibility()
    watched.shoot("compare")
