"""A person plays in the browser, with and without scripts."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open


@pytest.mark.parametrize("has_scripts", [True, False])
def test_a_person_investigates_and_submits(watch: Open, has_scripts: bool) -> None:
    watched = watch(java_script_enabled=has_scripts)
    page = watched.open("/play")
    page.get_by_label("medium").check()
    page.get_by_label("Your name").fill("a tester")
    page.get_by_label("Seed").fill("5")
    if has_scripts:
        watched.check_accessibility()
    page.get_by_role("button", name="Begin", exact=True).click()
    result = page.locator("#result")
    page.get_by_role("button", name="preprocessing.py").click()
    expect(result).to_contain_text("StandardScaler")
    page.get_by_role("button", name="data_leakage", exact=True).click()
    expect(result).to_contain_text("scaler_rows_outside_train")
    page.get_by_placeholder("optimizer.momentum").fill("optimizer.momentum")
    page.get_by_role("button", name="Query", exact=True).click()
    expect(result).to_contain_text("0.8147")
    page.get_by_placeholder("keyword").fill("epoch:1-3")
    page.get_by_role("form", name="Filter the log").get_by_role("button").click()
    expect(result).to_contain_text("[EPOCH 03]")
    if has_scripts:
        watched.check_accessibility()
        watched.shoot("play")
    diagnosis = page.get_by_role("form", name="Submit a diagnosis")
    diagnosis.get_by_label("Category").select_option("data_leakage")
    diagnosis.get_by_label("File").select_option("preprocessing.py")
    diagnosis.get_by_label("Field", exact=True).fill("StandardScaler.fit_transform")
    diagnosis.get_by_placeholder("field", exact=True).fill("StandardScaler.fit_transform")
    diagnosis.get_by_placeholder("value").fill("train")
    diagnosis.get_by_label("Confidence").fill("90")
    page.get_by_role("button", name="Submit and end").click()
    expect(page.locator("table.grade tfoot")).to_contain_text("0.99")
    page.get_by_role("link", name="Replay it step by step").click()
    expect(page.locator("dl.facts").first).to_contain_text("a tester")


def begin(page: Page, task: str) -> None:
    page.get_by_label(task).check()
    page.get_by_label("Seed").fill("5")
    page.get_by_role("button", name="Begin", exact=True).click()


def test_a_half_typed_diagnosis_is_kept_while_the_person_looks_further_and_when_it_is_refused(watch: Open) -> None:
    watched = watch()
    page = watched.open("/play")
    begin(page, "medium")
    diagnosis = page.get_by_role("form", name="Submit a diagnosis")
    diagnosis.get_by_label("Why").fill("The scaler\nsees everything.")
    diagnosis.get_by_label("Category").select_option("data_leakage")
    page.get_by_role("button", name="preprocessing.py").click()
    expect(page.locator("#result")).to_contain_text("StandardScaler")
    expect(diagnosis.get_by_label("Why")).to_have_value("The scaler\nsees everything.")
    expect(diagnosis.get_by_label("Category")).to_have_value("data_leakage")
    diagnosis.get_by_label("Confidence").fill("90")
    diagnosis.get_by_text("Or as edits of files").click()
    diagnosis.get_by_label("Find").first.fill("  fit(all)")
    diagnosis.get_by_placeholder("field", exact=True).fill("StandardScaler.fit_transform")
    page.get_by_role("button", name="Submit and end").click()
    expect(page.get_by_role("alert")).to_contain_text("patch or edits, not both")
    page.get_by_role("button", name="config.yaml").click()
    expect(page.locator("#result")).to_contain_text("optimizer")
    for label, value in (("Why", "The scaler\nsees everything."), ("Confidence", "90"), ("Find", "  fit(all)")):
        expect(diagnosis.get_by_label(label).first).to_have_value(value)
    expect(diagnosis.get_by_label("Find").first).to_be_visible()
    watched.errors.clear()  # the browser tells of the answer 422, which was meant


def test_a_draft_belongs_to_its_episode(watch: Open) -> None:
    page = watch().open("/play")
    begin(page, "easy")
    why = page.get_by_role("form", name="Submit a diagnosis").get_by_label("Why")
    why.fill("of the first")
    page.get_by_text("Begin another", exact=True).click()
    page.get_by_role("button", name="Abandon this one").click()
    expect(page.locator("dl.facts").first).to_contain_text("0 of")
    expect(why).to_have_value("")
    assert page.evaluate("sessionStorage.length") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_a_person_repairs_a_hard_run_by_an_edit_at_every_width(watch: Open, width: int, scheme: str) -> None:
    watched = watch(color_scheme=scheme, viewport={"width": width, "height": 844})
    page = watched.open("/play")
    watched.shoot(f"play-begin-{scheme}-{width}")
    begin(page, "hard")
    page.get_by_role("button", name="train.log").click()
    if width == 390:
        expect(page.get_by_role("navigation", name="Parts of this page")).to_be_visible()
        page.get_by_role("link", name="Diagnose", exact=True).click()
        expect(page.get_by_role("heading", name="Diagnose")).to_be_in_viewport()
    diagnosis = page.get_by_role("form", name="Submit a diagnosis")
    diagnosis.get_by_text("Or as edits of files").click()
    diagnosis.get_by_label("Find").first.fill("epochs: 5")
    diagnosis.get_by_label("Replace by").first.fill("epochs: 6")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    watched.check_accessibility()
    watched.shoot(f"play-{scheme}-{width}")
    page.get_by_role("button", name="Submit and end").click()
    expect(page.locator("table.grade")).to_contain_text("replace")
    watched.shoot(f"play-over-{scheme}-{width}")
