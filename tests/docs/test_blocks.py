"""Every code block of README.md and docs is run as it stands, against a real server process, or held to its form."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.docs.blocks import READ, ROOT, RUN, Block, all_blocks, blocks_of, is_code, pages
from tests.docs.installing import check
from tests.docs.model import a_model
from tests.docs.reader import Reader

BLOCKS = all_blocks()
PAGES = [page for page in pages() if any(is_code(each) and each.reason is None for each in blocks_of(page))]
NOT_RUN = [each for each in BLOCKS if is_code(each) and each.reason is not None]
MAX_NOT_RUN = 2
_NODE = r'\w+(\["[^"]+"\]|\[\("[^"]+"\)\])?'
EDGE = re.compile(rf"{_NODE} (-->|<-->) {_NODE}")
"""A line of a flowchart as the pages write them: an edge, each end with its label or without."""


def test_every_block_has_a_language_that_is_run_or_parsed() -> None:
    assert [each.name for each in BLOCKS if each.language not in (*RUN, *READ)] == []


def test_few_blocks_are_not_run_and_each_says_why() -> None:
    for each in NOT_RUN:
        print(f"not run: {each.name}: {each.reason}")
    print(f"{sum(is_code(each) for each in BLOCKS) - len(NOT_RUN)} blocks are run, {len(NOT_RUN)} are not")
    assert len(NOT_RUN) <= MAX_NOT_RUN


@pytest.mark.parametrize("block", [each for each in BLOCKS if each.language in READ], ids=lambda each: each.name)
def test_what_is_not_run_has_its_form(block: Block) -> None:
    if block.language == "json":
        json.loads(block.text)
    elif block.language == "yaml":
        yaml.safe_load(block.text)
    elif block.language == "mermaid":
        first, *lines = block.text.splitlines()
        assert re.fullmatch(r"flowchart (LR|TB)", first)
        assert [line for line in lines if not EDGE.fullmatch(line.strip())] == []


@pytest.mark.parametrize("block", [each for each in BLOCKS if each.language == "python"], ids=lambda each: each.name)
def test_python_is_python(block: Block) -> None:
    ast.parse(block.text)


@pytest.fixture(scope="module")
def model_url() -> Iterator[str]:
    with a_model() as url:
        yield url


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_can_be_followed_to_the_letter(
    page: Path, tmp_path: Path, model_url: str, request: pytest.FixtureRequest
) -> None:
    is_on_postgres = page.name == "postgres.md"
    url = request.getfixturevalue("postgres").create_database() if is_on_postgres else None
    reader = Reader(tmp_path / "read", model_url, database_url=url)
    reader.prepare()
    reader.follow(page)


@pytest.mark.parametrize(
    ("command", "is_good"),
    [("install .", True), ("install .[server]", True), ("install .[none]", False), ("install other", False)],
)
def test_installations_name_existing_extras(command: str, is_good: bool) -> None:
    assert (check(command.split()) is None) == is_good
