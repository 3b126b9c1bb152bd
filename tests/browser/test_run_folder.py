"""Reading the folder of a run in a browser."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.e2e.running import environment
from tests.server.web.pages.run_folder.made_run import FINISHED, make_run


@pytest.fixture(scope="module")
def viewed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a folder that ``mlops-debug view`` serves."""
    folder: Path = make_run(tmp_path_factory.mktemp("viewed") / "my-run")
    process = subprocess.Popen(
        [sys.executable, "-m", "server", "view", str(folder), "--port", "0"],
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        found = re.search(r"is at (http://\S+);", process.stderr.readline())
        assert found is not None
        yield found[1]
    finally:
        process.terminate()
        process.communicate()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_pages_of_a_run_are_accessible_and_as_wide_as_the_screen(
    width: int, scheme: str, viewed: str, watch: Open
) -> None:
    watched = watch(viewed, viewport={"width": width, "height": 900}, color_scheme=scheme)
    for name, path in (("run", "/"), ("run-episode", f"/episodes/{FINISHED}")):
        page = watched.open(path)
        watched.check_accessibility()
        assert page.evaluate("document.documentElement.scrollWidth") == width
        watched.shoot(f"{name}-{width}-{scheme}")


def test_a_reader_finds_what_the_model_said_beside_what_it_did(viewed: str, watch: Open) -> None:
    page = watch(viewed).open("/")
    page.get_by_role("link", name="easy-1").click()
    expect(page.get_by_role("heading", name="1 read_config")).to_be_visible()
    for said in ("Hm.", "No action.", "I read <i>it</i>.", "read_config({})"):
        expect(page.get_by_text(said, exact=True).first).to_be_visible()
    sent = page.get_by_role("region", name="Message of user").last
    expect(sent).to_be_hidden()
    page.get_by_text("Request 2 of 2").click()
    expect(sent).to_contain_text("No action.")
