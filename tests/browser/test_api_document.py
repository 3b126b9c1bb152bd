"""The page of the API, and the page of a server that wants a key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Open
from tests.e2e.running import ServerProcess, environment, run_command_in_process

SIGHTS = [(width, scheme) for width in (1440, 390) for scheme in ("light", "dark")]
BRIGHTNESS = """(each) => {
  const [r, g, b] = getComputedStyle(each).backgroundColor.match(/\\d+/g).map(Number);
  return (r + g + b) / 765;
}"""


@pytest.mark.parametrize(("width", "scheme"), SIGHTS)
def test_the_document_stands_in_the_frame_of_the_site(watch: Open, width: int, scheme: str) -> None:
    watched = watch(color_scheme=scheme, viewport={"width": width, "height": 900})
    page = watched.open("/docs")
    expect(page.get_by_role("navigation", name="Pages").get_by_role("link")).to_have_count(4)
    operation = page.locator(".opblock-summary-path", has_text="/episodes.json")
    expect(operation).to_be_visible(timeout=30_000)  # 1.5 MB of script on a busy machine
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    ground = page.locator("body").evaluate(BRIGHTNESS)
    assert (ground > 0.5) == (scheme == "light")
    words = page.locator(".opblock-summary-path").first.evaluate(BRIGHTNESS.replace("backgroundColor", "color"))
    assert (words > 0.5) == (scheme == "dark")
    watched.shoot(f"docs-{scheme}-{width}")


def test_the_document_follows_the_switch_of_the_site(watch: Open) -> None:
    page = watch(color_scheme="light").open("/docs")
    expect(page.locator(".opblock").first).to_be_visible()
    page.get_by_role("button", name="Switch between light and dark").click()
    expect(page.locator("html.dark-mode")).to_have_count(1)


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that asks for keys."""
    folder: Path = tmp_path_factory.mktemp("keyed")
    process = ServerProcess(folder, child_environment=environment(MLOPS_DEBUG_ACCESS="keys"))
    made = run_command_in_process("keys", "create", "ann", "--database", str(process.database))
    assert made.returncode == 0, made.stderr
    process.start()
    yield process
    process.stop()


def without_challenge(route: Route) -> None:
    answer = route.fetch()
    route.fulfill(response=answer, headers={k: v for k, v in answer.headers.items() if k != "www-authenticate"})


@pytest.mark.parametrize(("width", "scheme"), SIGHTS)
def test_a_person_without_a_key_is_told_what_to_do(keyed: ServerProcess, watch: Open, width: int, scheme: str) -> None:
    watched = watch(keyed.url, color_scheme=scheme, viewport={"width": width, "height": 844})
    # A browser asks for the key before it shows the page; one without a window cannot, so the challenge is taken off.
    watched.page.route("**/episodes", without_challenge)
    page = watched.open("/episodes")
    expect(page.locator("h1")).to_have_text("A good API key is needed")
    expect(page.locator("ol")).to_contain_text("leave the name empty")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    watched.check_accessibility()
    watched.shoot(f"key-needed-{scheme}-{width}")
    page.get_by_role("link", name="The board").click()
    expect(page.locator("h1")).to_have_text("Board")
    watched.check_accessibility()
    watched.shoot(f"board-empty-{scheme}-{width}")
    watched.errors.clear()  # the browser tells of the answer 401, which was meant
