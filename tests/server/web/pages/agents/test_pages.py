"""The pages of an agent and of a run."""

from __future__ import annotations

import re

import pytest

from tests.served import Served, assert_problem
from tests.server.ranking.test_leaderboard import played
from tests.server.web.pages.episode_list.test_outcomes import RIGHT, WRONG
from tests.server.web.pages.episode_list.test_page import paths

__all__ = ["played"]


async def test_an_agent_has_its_rounds_apart_from_its_practice(played: Served) -> None:
    await played.reset(task_id="easy", episode_id="practice", agent="good")
    await played.step("practice", WRONG)
    found = (await played.client.get("/agent.json?name=good")).json()
    (spring,) = found["rounds"]
    assert (spring["round"], spring["is_open"], spring["ended"], spring["mean_score"]) == ("spring", True, 18, 0.99)
    assert [(each["task_id"], each["ended"]) for each in found["practice"]] == [("easy", 1)]
    assert [each["task_id"] for each in spring["tasks"]] == ["easy", "medium", "hard"]
    page = (await played.client.get("/agent?name=good")).text
    assert 'href="./leaderboard?round=spring"' in page
    assert "practice" in paths(page)


async def test_the_board_and_the_list_lead_to_the_page_of_an_agent(played: Served) -> None:
    for path in ("/leaderboard", "/episodes"):
        assert '/agent?name=%3Dcheat"' in (await played.client.get(path)).text, path


@pytest.mark.parametrize("name", ["a/b", "..", "a b&c", "<b>ä</b>"])
async def test_any_name_of_an_agent_has_a_page(served: Served, name: str) -> None:
    await served.reset(task_id="easy", episode_id="e", agent=name)
    await served.step("e", WRONG)
    (path,) = set(re.findall(r'href="\.(/agent\?name=[^"]+)"', (await served.client.get("/episodes")).text))
    assert (await served.client.get(path)).status_code == 200
    assert (await served.client.get("/agent.json", params={"name": name})).json()["agent"] == name


async def test_a_run_is_what_the_ids_of_ended_episodes_begin_with(served: Served) -> None:
    for entry, trial, action in ((0, 0, RIGHT), (10, 0, WRONG), (0, 1, None)):
        name = f"my-run.{entry}.{trial}"
        await served.reset(task_id="medium", episode_id=name, agent="a")
        if action is not None:
            await served.step(name, action)
    await served.reset(task_id="medium", episode_id="my-run-2.0.0", agent="a")
    await served.step("my-run-2.0.0", WRONG)
    (runs,) = [(await served.client.get("/agent.json?name=a")).json()["runs"]]
    assert {each["run"]: each["ended"] for each in runs} == {"my-run": 2, "my-run-2": 1}
    page = (await served.client.get("/run?name=my-run")).text
    assert paths(page) == ["my-run.0.0", "my-run.10.0"]
    assert "my-run.0.1" not in page
    found = (await served.client.get("/run.json?name=my-run")).json()
    assert (found["totals"]["ended"], found["totals"]["running"], found["totals"]["pass_rate"]) == (2, 0, 0.5)
    assert 'href="../run?name=my-run"' in (await served.client.get("/episodes/my-run.0.0")).text


async def test_a_run_of_which_nothing_has_ended_is_not_found(served: Served) -> None:
    await served.reset(task_id="medium", episode_id="secret.0.0")
    assert_problem(await served.client.get("/run.json?name=secret"), 404, "unknown_run")
    assert_problem(await served.client.get("/agent.json?name=nobody"), 404, "unknown_agent")
    assert (await served.client.get("/run?name=secret")).status_code == 404
    assert (await served.client.get("/episodes?run=secret&status=running")).text.count('scope="row"') == 0


async def test_a_long_run_is_paged(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.web.pages.agents.page._ROWS_OF_RUN", 2)
    for entry in range(5):
        await served.reset(task_id="medium", episode_id=f"r.{entry}.0")
        await served.step(f"r.{entry}.0", WRONG)
    seen, address = [], "/run?name=r"
    while address:
        page = (await served.client.get(address)).text
        seen.append(paths(page))
        following = re.search(r'rel="next" href="([^"]+)"', page)
        address = "" if following is None else "/run" + following[1].replace("&amp;", "&")
    assert seen == [["r.0.0", "r.1.0"], ["r.2.0", "r.3.0"], ["r.4.0"]]


@pytest.mark.parametrize("path", ["/agent.json", "/run.json", "/agent.json?name="])
async def test_a_name_is_needed(served: Served, path: str) -> None:
    assert_problem(await served.client.get(path), 422, "invalid")
