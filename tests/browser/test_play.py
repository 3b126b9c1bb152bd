"""A person plays in the browser, with and without scripts."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

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
