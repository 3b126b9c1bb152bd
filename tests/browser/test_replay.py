"""Scrubbing through an episode that is over."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.e2e.playing import Episode, diagnosis_from, truth_of


@pytest.fixture(scope="module")
def played(server: object) -> str:
    """An episode with every kind of step; 7 entries after the reset."""
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=30.0) as http:  # type: ignore[attr-defined]
        truth = truth_of(http, "easy", 5)
        episode = Episode(http, task_id="easy", seed=5, agent="scrubbed")
        episode.step("read_logs", log_filter="epoch:1-3")
        episode.step("run_sanity_check", sanity_check_type="loss_trajectory")
        episode.step("query_artifact", artifact_name="config.yaml", field_path="model.dropout")
        episode.step("query_artifact", artifact_name="config.yaml", field_path="no.such.field")
        episode.step("read_config")
        episode.step("read_logs")
        episode.play(
            diagnosis_from(
                truth, confidence=0.9, diagnosis="Most units are dropped.", root_cause_field="optimizer.learning_rate"
            )
        )
        return episode.id


def test_a_replay_is_scrubbed_by_keyboard(played: str, watch: Open) -> None:
    watched = watch()
    page = watched.open(f"/episodes/{played}")
    place, panel = page.locator("output[data-place]"), page.locator(".panel:visible")
    expect(place).to_have_text("7")
    for key, number, text in (
        ("Home", "0", "Began, task easy"),
        ("ArrowRight", "1", "epoch:1-3"),
        ("ArrowRight", "2", "Flag raised"),
        ("ArrowRight", "3", "0.94"),
        ("ArrowRight", "4", "Refused"),
        ("ArrowLeft", "3", "0.94"),
        ("End", "7", "Submitted"),
    ):
        page.keyboard.press(key)
        expect(place).to_have_text(number)
        expect(panel).to_have_count(1)
        expect(panel).to_contain_text(text)
        assert page.url.endswith(f"?step={number}")
    page.locator("[data-scrub]").focus()
    page.keyboard.press("ArrowLeft")
    expect(place).to_have_text("6")


def test_artifacts_are_shown_as_the_agent_had_seen_them(played: str, watch: Open) -> None:
    page = watch().open(f"/episodes/{played}?step=3")
    config, log, card = (
        page.locator("details.artifact", has=page.locator(f"summary code:text-is('{name}')"))
        for name in ("config.yaml", "train.log", "model_card.json")
    )
    expect(config.locator("[data-seen-words]")).to_contain_text("1 of")
    expect(log.locator("[data-seen-words]")).to_contain_text("3 of")
    expect(card.locator("[data-seen-words]")).to_have_text("unread")
    expect(config.locator("li:not(.unseen)")).to_have_count(1)
    page.keyboard.press("End")
    expect(config.locator("[data-seen-words]")).to_have_text("read")
    expect(log.locator("[data-seen-words]")).to_have_text("read")
    expect(card.locator("[data-seen-words]")).to_have_text("unread")


def test_the_fault_its_twin_and_the_grade_are_shown(played: str, watch: Open) -> None:
    watched = watch()
    page = watched.open(f"/episodes/{played}")
    faulty = page.locator("li.faulty")
    expect(faulty).to_have_count(1)
    expect(faulty).to_contain_text("dropout: 0.94")
    expect(faulty.locator(".twin")).to_contain_text("dropout: 0.14")
    expect(page.locator("[data-plot] canvas")).to_have_count(2)
    expect(page.locator(".key.twin")).to_be_visible()
    field = page.locator("table.grade tbody tr", has=page.locator("th:text-is('Field')"))
    expect(field).to_contain_text("model.dropout")
    expect(field).to_contain_text("optimizer.learning_rate")
    watched.check_accessibility()
    watched.shoot("episode")


LONG_SEED = 2
"""Changes many lines of a long log, which is open on the page."""


@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_is_below_the_foot_of_the_page_and_every_step_is_listed(
    http: httpx.Client, watch: Open, width: int
) -> None:
    episode = Episode(http, task_id="easy", seed=LONG_SEED)
    episode.step("submit_diagnosis", diagnosis="It is the labels.")
    watched = watch(viewport={"width": width, "height": 900})
    page = watched.open(f"/episodes/{episode.id}")
    expect(page.locator("li .twin").first).to_be_attached()
    below = "document.documentElement.scrollHeight - document.querySelector('footer').getBoundingClientRect().bottom - scrollY"
    assert abs(page.evaluate(below)) < 1
    timeline = page.locator(".timeline")
    assert timeline.evaluate("(each) => each.scrollHeight <= each.clientHeight")
    expect(page.locator(".panel:visible")).to_contain_text("It is the labels.")


def test_an_audit_is_asked_for_on_the_page(played: str, watch: Open) -> None:
    page = watch().open(f"/episodes/{played}")
    page.get_by_role("button", name="Audit now").click()
    expect(page.locator("section.audit [role=status]")).to_contain_text("No findings")


def test_every_step_has_an_address_without_scripts(played: str, watch: Open) -> None:
    page = watch(java_script_enabled=False).open(f"/episodes/{played}?step=2")
    expect(page.locator(".panel:visible")).to_contain_text("loss_trajectory")
    page.get_by_role("link", name="Step on").click()
    expect(page.locator(".panel:visible")).to_contain_text("0.94")
    page.locator(".timeline a").first.click()
    expect(page.locator(".panel:visible")).to_contain_text("Began, task easy")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_is_readable_in_every_light_and_width(played: str, watch: Open, scheme: str, width: int) -> None:
    watched = watch(color_scheme=scheme, viewport={"width": width, "height": 844})
    page = watched.open(f"/episodes/{played}?step=2")
    expect(page.locator("[data-plot] canvas")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    watched.check_accessibility()
    watched.shoot(f"episode-{scheme}-{width}")


def test_the_theme_is_switched_and_remembered(played: str, watch: Open) -> None:
    page = watch(color_scheme="light").open(f"/episodes/{played}")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Switch between light and dark").click()
    dark = page.evaluate(ground)
    assert dark != light
    page.reload()
    assert page.evaluate(ground) == dark
