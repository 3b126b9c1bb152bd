"""The generated reference covers all of the code, shows nothing that an agent must not know, and outdated pages are found."""

from __future__ import annotations

import re
from pathlib import Path

from domain.events import EVENT_KINDS
from domain.faults import CATALOGUE
from server.app import create_app
from server.settings import PREFIX, SETTINGS, Settings
from upkeep.checkout import ROOT
from upkeep.reference.pages import outdated_pages, render_page, write_pages


def test_pages_that_were_just_written_are_up_to_date(tmp_path: Path) -> None:
    write_pages(tmp_path)
    assert outdated_pages(tmp_path) == []


def test_a_changed_a_missing_and_a_leftover_page_are_outdated_and_a_written_one_by_hand_is_not(tmp_path: Path) -> None:
    changed, missing, *_ = write_pages(tmp_path)
    leftover, by_hand = tmp_path / "gone.md", tmp_path / "by-hand.md"
    leftover.write_text(changed.read_text())
    by_hand.write_text("# Written by hand\n")
    changed.write_text(changed.read_text() + "More.\n")
    missing.unlink()
    assert outdated_pages(tmp_path) == [changed, missing, leftover]


def test_every_setting_every_kind_and_every_fault_has_its_place() -> None:
    settings, events, faults = (render_page(f"{name}.md") for name in ("settings", "events", "faults"))
    assert re.findall(rf"^\| `{PREFIX}(\w+)`", settings, flags=re.MULTILINE) == [each.name for each in SETTINGS]
    assert set(EVENT_KINDS) <= set(re.findall(r"^## `(\w+)`$", events, flags=re.MULTILINE))
    assert re.findall(r"^\| `(\w+)` \| `", faults, flags=re.MULTILINE)[-len(CATALOGUE) :] == [
        name for task in dict.fromkeys(each.task_id for each in CATALOGUE.values()) for name in _of(task)
    ]


def _of(task: str) -> list[str]:
    return [name for name, fault in CATALOGUE.items() if fault.task_id == task]


def test_every_route_has_its_place() -> None:
    page = render_page("routes.md")
    for route in create_app(Settings()).routes:
        assert str(getattr(route, "path", "")) in page


def test_the_page_of_a_fault_does_not_name_its_value_or_its_seed() -> None:
    page = render_page("faults.md")
    assert not re.search(r"seed \d|dose|severit", page)
    for fault in CATALOGUE.values():
        assert fault.proposed_fix not in page


def test_the_page_of_faults_says_of_each_what_the_catalogue_says() -> None:
    page = (ROOT / "docs" / "explanation" / "faults.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*)\|$", page, flags=re.MULTILINE))
    assert set(rows) == set(CATALOGUE)
    for name, row in rows.items():
        task, categories, where, _ = (each.strip() for each in row.split(" | "))
        fault = CATALOGUE[name]
        assert task == fault.task_id
        assert set(categories.split(" or ")) == {fault.category, *fault.also_categories}
        assert f"`{fault.field}`" in where
        assert fault.file in where
