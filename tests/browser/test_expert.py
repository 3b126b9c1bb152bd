"""A person plays the expert task: two entries, one, or an empty list."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import Open

TWO_SEED, HEALTHY_SEED = "1", "5"


def begin(page: Page, seed: str) -> None:
    page.get_by_label("expert").check()
    page.get_by_label("Seed").fill(seed)
    page.get_by_role("button", name="Begin", exact=True).click()
    for name in ("config.yaml", "train.log", "eval_results.json"):
        page.get_by_role("button", name=name).click()


def fill(page: Page, number: int, *, category: str, file: str, field: str, value: str) -> None:
    entry = page.get_by_role("group", name=f"Entry {number}")
    entry.get_by_label("Category").select_option(category)
    entry.get_by_label("File").select_option(file)
    entry.get_by_label("Field", exact=True).fill(field)
    entry.get_by_placeholder("field", exact=True).fill(field)
    entry.get_by_placeholder("value").fill(value)
    entry.get_by_label("Confidence").fill("80")


def test_a_person_submits_two_entries_and_sees_both_graded(watch: Open) -> None:
    watched = watch()
    page = watched.open("/play")
    begin(page, TWO_SEED)
    fill(page, 1, category="config_error", file="config.yaml", field="optimizer.learning_rate", value="0.2")
    fill(page, 2, category="data_leakage", file="model_card.json", field="TargetEncoder.fit", value="train")
    watched.check_accessibility()
    watched.shoot("play-expert")
    page.get_by_role("button", name="Submit and end").click()
    grade = page.locator("table.grade")
    expect(grade).to_contain_text("Entry 1: exploding_lr")
    expect(grade).to_contain_text("Entry 2: matches nothing")
    expect(grade).to_contain_text("missing_output_unit")
    expect(grade.locator("tfoot")).to_contain_text("0.25")
    page.get_by_role("link", name="Replay it step by step").click()
    expect(page.locator("section.card").first).to_contain_text("Fault 2 was missing_output_unit")
    watched.check_accessibility()
    watched.shoot("replay-expert")


def test_a_blank_list_is_asked_about_and_saying_that_nothing_is_wrong_is_a_button(watch: Open) -> None:
    watched = watch(java_script_enabled=False)
    page = watched.open("/play")
    begin(page, HEALTHY_SEED)
    page.get_by_role("button", name="Submit and end").click()
    expect(page.get_by_role("alert")).to_contain_text("a list of 0 to 2 entries")
    page.get_by_role("button", name="Nothing is wrong").click()
    expect(page.locator("table.grade")).to_contain_text("Nothing is wrong with this run")
    expect(page.locator("table.grade tfoot")).to_contain_text("0.99")
    watched.shoot("play-expert-healthy")
    watched.errors.clear()  # the browser tells of the answer 422, which was meant
