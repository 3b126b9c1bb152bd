"""A browser, or a skip that says why; every page is checked for errors and foreign requests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

from tests.e2e.playing import open_client
from tests.e2e.running import ROOT, ServerProcess

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NAMES = ("chromium", "chromium-browser", "google-chrome")
SERIOUS = ("serious", "critical")


# Ends with this folder: Playwright keeps a loop running in the thread, and nothing asynchronous could be tested beside it.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("no browser: install chromium, for example with apt-get install chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        yield opened
        opened.close()


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    process = ServerProcess(tmp_path_factory.mktemp("browser"))
    process.start()
    yield process
    process.stop()


@pytest.fixture
def http(server: ServerProcess) -> Iterator[httpx.Client]:
    with open_client(server.url) as client:
        yield client


class Watched:
    """A page on which every error and every request to another host is remembered."""

    def __init__(self, page: Page, url: str, shots: Path) -> None:
        self.page = page
        self.url = url
        self._shots = shots
        self.errors: list[str] = []
        self.foreign: list[str] = []
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._on_request)

    def open(self, path: str) -> Page:
        self.page.goto(self.url + path)
        return self.page

    def shoot(self, name: str) -> None:
        """Keep a screenshot as output of the tests."""
        self._shots.mkdir(parents=True, exist_ok=True)
        self.page.evaluate("scrollTo(0, 0)")  # where what sticks to the top belongs
        self.page.screenshot(path=self._shots / f"{name}.png", full_page=True)

    def check_accessibility(self) -> None:
        found = Axe().run(self.page).response["violations"]
        violations = [f"{each['id']}: {node['html'][:160]}" for each in found for node in each["nodes"]]
        serious = [each for each in found if each["impact"] in SERIOUS]
        assert serious == [], "\n".join(violations)

    def check(self) -> None:
        assert self.errors == []
        assert self.foreign == []

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(f"{message.type}: {message.text}")

    def _on_request(self, request: Request) -> None:
        if urlsplit(request.url).netloc != urlsplit(self.url).netloc and not request.url.startswith("data:"):
            self.foreign.append(request.url)


Open = Callable[..., Watched]


@pytest.fixture
def shots() -> Path:
    """Where screenshots are kept: ``MLOPS_DEBUG_TEST_OUTPUT``, by default ``build/screenshots``."""
    return Path(os.environ.get("MLOPS_DEBUG_TEST_OUTPUT", str(ROOT / "build"))) / "screenshots"


@pytest.fixture
def watch(browser: Browser, server: ServerProcess, shots: Path) -> Iterator[Open]:
    """Opens a page in a browser context of its own; on the way out, none may have erred or gone elsewhere."""
    contexts: list[BrowserContext] = []
    watched: list[Watched] = []

    def open_page(url: str = server.url, **options: object) -> Watched:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})  # type: ignore[arg-type]
        contexts.append(context)
        watched.append(Watched(context.new_page(), url, shots))
        return watched[-1]

    yield open_page
    for each in watched:
        each.check()
    for context in contexts:
        context.close()
