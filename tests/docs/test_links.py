"""Every page can be reached from an index, every link and source path leads somewhere, and decisions have one format."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, pages

SOURCES = (
    "domain",
    "server",
    "mlops_debug_env",
    "bench",
    "tests",
    "upkeep",
    "migrations",
    "deploy",
    "examples",
    "docs",
)
DECISIONS = ROOT / "docs" / "decisions"
TOP = [*pages(), ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]


def links_of(page: Path) -> list[str]:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    return re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", text)


def anchors_of(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", TOP, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links_of(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor and target.suffix == ".md":
            assert anchor in anchors_of(target), link


@pytest.mark.parametrize("page", TOP, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_source_path_that_a_page_names_exists(page: Path) -> None:
    named = re.findall(rf"`((?:{'|'.join(SOURCES)})/[\w./-]+)`", page.read_text())
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_indexes_lead_to_every_page() -> None:
    indexes = [ROOT / "docs" / "README.md", DECISIONS / "README.md"]
    linked = {(index.parent / link.partition("#")[0]).resolve() for index in indexes for link in links_of(index)}
    assert {page for page in pages() if page != ROOT / "README.md" and page not in indexes} <= linked
    assert DECISIONS / "README.md" in {(indexes[0].parent / link).resolve() for link in links_of(indexes[0])}


@pytest.mark.parametrize("page", sorted(DECISIONS.glob("0*.md")), ids=lambda page: page.stem)
def test_a_decision_has_status_date_context_decision_and_consequences(page: Path) -> None:
    text = page.read_text()
    assert re.match(rf"# {page.stem[:4]}\. .+\n\n- \*\*Status:\*\* .+\n- \*\*Date:\*\* \d{{4}}-\d\d-\d\d\n", text)
    assert re.findall(r"^## (.*)$", text, flags=re.MULTILINE) == ["Context", "Decision", "Consequences"]
