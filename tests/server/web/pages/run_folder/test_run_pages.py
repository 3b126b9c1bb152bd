"""The folder of a run as pages: every episode, and every request and reply of one, also of a run that was killed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from mlops_debug_env.runner.run_folder import RunFolder
from server.web.pages.run_folder.app import create_run_app
from tests.client.runner.made import made_result
from tests.client.runner.test_run_folder import HEADER
from tests.server.web.pages.run_folder.made_run import FAILED, FINISHED, KILLED, make_run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_run(tmp_path / "r")


@pytest.fixture
async def browser(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = create_run_app(folder, hosts=["localhost"])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
        yield http


async def test_the_list_has_every_episode_with_its_score_or_what_became_of_it(browser: httpx.AsyncClient) -> None:
    page = (await browser.get("/")).text
    for expected in ("1 of 4 finished", "0.80", "exploding_lr", "has no result yet", "ModelUnavailableError: no GPU"):
        assert expected in page
    for episode_id in (FINISHED, KILLED, FAILED):
        assert f'href="./episodes/{episode_id}"' in page


async def test_an_episode_shows_thoughts_beside_actions_with_every_request_and_reply(
    browser: httpx.AsyncClient,
) -> None:
    page = (await browser.get(f"/episodes/{FINISHED}")).text
    assert "Request 1 of 2: 2 new messages" in page
    assert "Request 2 of 2: 1 new message, 2 sent before" in page
    for expected in (
        "Hm.",
        "No action.",
        "read_config({})",
        "Why not.",
        "100 in, 10 out",
        "1.25 s",
        "tool_calls",
        "lr: 0.1",
    ):
        assert expected in page
    assert page.index("Hm.") < page.index("I read &lt;i&gt;it&lt;/i&gt;.") < page.index("lr: 0.1")
    assert "<b>a</b>" not in page, "what a model or a server says is text"


async def test_a_request_without_an_answer_is_shown_as_that(browser: httpx.AsyncClient) -> None:
    assert "The run was ended before the model answered." in (await browser.get(f"/episodes/{KILLED}")).text


async def test_pages_are_read_only_have_the_headers_of_the_site_and_answer_to_their_own_host(
    browser: httpx.AsyncClient,
) -> None:
    answer = await browser.get("/")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert (await browser.post("/")).status_code == 405
    assert (await browser.get("/episodes/nothing")).status_code == 404
    assert (await browser.get("/", headers={"Host": "attacker.example"})).status_code == 400


async def test_what_the_run_writes_meanwhile_is_shown(browser: httpx.AsyncClient, folder: Path) -> None:
    with RunFolder(folder, HEADER) as run:
        run.write_result(made_result(seed=2, score=0.6, episode_id=KILLED))
    assert "2 of 4 finished" in (await browser.get("/")).text
