"""The generated reference covers all of the code, shows nothing that an agent must not know, and outdated pages are found."""

from __future__ import annotations

import re
from pathlib import Path

from domain.events import EVENT_KINDS
from domain.families.multi_source import FAULTS as FAULTS_OF_SOURCES
from domain.faults import CATALOGUE, POOLS
from domain.training.multi_source.agreements import AGREEMENTS
from server.app import create_app
from server.settings import PREFIX, SETTINGS, Settings
from upkeep.reference.pages import outdated_pages, render_page, write_pages

FAULTS = (*POOLS.values(), FAULTS_OF_SOURCES)


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
    rows = re.findall(r"^\| `(\w+)` \| `", faults, flags=re.MULTILINE)
    assert rows[-sum(map(len, FAULTS)) :] == [name for each in FAULTS for name in each]


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
    rows = _tables(render_page("faults.md"))
    for task in POOLS:
        assert set(rows[task]) == set(POOLS[task])
        for name, (categories, files, fields, causal, _) in rows[task].items():
            fault = CATALOGUE[name]
            assert categories == _code(fault.category, *fault.also_categories)
            assert files == _code(fault.file, *fault.also_files)
            assert fields == _code(fault.field, *fault.also_fields)
            assert causal == _code(*sorted(fault.causal))


def test_the_page_of_faults_says_of_each_declaration_what_the_family_says() -> None:
    rows = _tables(render_page("faults.md"))["hard and expert"]
    assert list(rows) == [agreement.fault_id for agreement in AGREEMENTS]
    for agreement in AGREEMENTS:
        categories, file, declaration, *notes = rows[agreement.fault_id]
        assert categories == _code(agreement.category, *agreement.also_categories)
        assert (file, declaration) == (_code(agreement.file), _code(agreement.pattern))
        assert all(notes)


def test_the_page_of_faults_lists_how_loud_each_planted_one_of_one_table_is() -> None:
    rows = _tables(render_page("faults.md"))["How loud those of one table are"]
    assert {name: row[0] for name, row in rows.items()} == {name: task for task in POOLS for name in POOLS[task]}


def _tables(page: str) -> dict[str, dict[str, list[str]]]:
    """Heading to the rows below it: fault to its cells."""
    found: dict[str, dict[str, list[str]]] = {}
    for part in re.split(r"^## ", page, flags=re.MULTILINE)[1:]:
        heading, _, text = part.partition("\n")
        rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", text, flags=re.MULTILINE)
        found[heading] = {name: row.split(" | ") for name, row in rows}
    return found


def _code(*names: str) -> str:
    return ", ".join(f"`{name}`" for name in names)
