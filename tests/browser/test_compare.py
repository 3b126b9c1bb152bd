"""Two episodes side by side."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.e2e.playing import Episode


def play(http: httpx.Client, agent: str, *actions: str) -> str:
    episode = Episode(http, task_id="medium", seed=5, agent=agent)
    for action in (*actions, "submit_diagnosis"):
        episode.step(action)
    return episode.id


def test_some_are_picked_in_the_list_and_compared(http: httpx.Client, watch: Open) -> None:
    play(http, "compared-one", "read_config", "read_logs")
    play(http, "compared-two", "read_config", "inspect_preprocessing", "read_logs")
    watched = watch()
    page = watched.open("/episodes?q=compared-")
    expect(page.locator("table.list tbody tr")).to_have_count(2)
    watched.check_accessibility()
    watched.shoot("episodes")
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name="Compare the ticked").click()
    expect(page.locator(".lead")).to_contain_text("the same scenario")
    expect(page.locator("tr#divergence")).to_contain_text("preprocessing.py")
    expect(page.locator("tr.same")).to_have_count(4)
    expect(page.locator("table.verdicts")).to_contain_text("data_leakage_scaler")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_four_fit_at_every_width_in_every_light(http: httpx.Client, watch: Open, width: int, scheme: str) -> None:
    reads = ("read_config", "read_logs", "inspect_preprocessing", "read_eval_results")
    names = [play(http, "four", *reads[: count + 1]) for count in range(4)]
    watched = watch(color_scheme=scheme, viewport={"width": width, "height": 900})
    page = watched.open("/compare?" + "&".join(f"e={name}" for name in names))
    expect(page.locator("table.steps thead th")).to_have_count(4)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    watched.check_accessibility()
    watched.shoot(f"compare-{scheme}-{width}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_lists_agents_and_runs_are_readable_at_every_width(
    http: httpx.Client, watch: Open, width: int, scheme: str
) -> None:
    run = "0123456789abcdef0123456789abcdef"
    for entry in range(2):
        episode = Episode(
            http, task_id="medium", seed=5, agent="runner", episode_id=f"{run}.{entry}.{width}{scheme == 'dark':d}"
        )
        episode.step("submit_diagnosis", root_cause_field="optimizer.momentum")
    watched = watch(color_scheme=scheme, viewport={"width": width, "height": 900})
    for name, path in (
        ("list", "/episodes?agent=runner"),
        ("agent", "/agent?name=runner"),
        ("run", f"/run?name={run}"),
    ):
        page = watched.open(path)
        row = page.locator("table.episodes tbody tr").first
        expect(row).to_contain_text("data_leakage_scaler")
        expect(row).to_contain_text("failed")
        episode_name, task = row.locator("th a").bounding_box(), row.locator(".of-task .task").bounding_box()
        assert episode_name is not None
        assert task is not None
        assert episode_name["x"] + episode_name["width"] <= task["x"]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        watched.check_accessibility()
        watched.shoot(f"{name}-{scheme}-{width}")
