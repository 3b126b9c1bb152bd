"""What a list tells of the end of an episode: fault, answer, pass or fail, and the figures of the whole filter."""

from __future__ import annotations

import re
from typing import Any

import jsonschema
import pytest

from server.settings import Settings
from server.web.openapi.document import openapi_document
from server.web.openapi.operations import OPERATIONS
from server.web.pages.episode_list.filter import MAX_PAGE_SIZE
from server.web.pages.episode_names import place_in_run, short_names
from tests.databases import execute
from tests.hand_made import REPAIR
from tests.served import Served, assert_problem, serving
from tests.server.ranking.test_rounds import ann, closed, playing, ranked

__all__ = ["ann", "playing"]

FAULT, ANSWER = "data_leakage_scaler", "optimizer.momentum"
WRONG = {"action_type": "submit_diagnosis", "root_cause_file": "config.yaml", "root_cause_field": ANSWER}
RIGHT = {
    "action_type": "submit_diagnosis",
    "failure_category": "data_leakage",
    "root_cause_file": "preprocessing.py",
    "root_cause_field": REPAIR.field,
    "patch": [REPAIR.model_dump()],
}


async def listed(served: Served, query: str = "") -> dict[str, Any]:
    response = await served.client.get(f"/episodes.json{query}")
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def cells(page: str, name: str) -> list[str]:
    return re.findall(rf'<td class="{name}"[^>]*>(.*?)</td>', page, re.DOTALL)


async def test_fault_and_answer_are_shown_of_ended_episodes_only(served: Served) -> None:
    await served.reset(task_id="medium", episode_id="over", agent="a")
    await served.reset(task_id="medium", episode_id="runs", agent="a")
    await served.step("over", WRONG)
    page = (await served.client.get("/episodes")).text
    assert [FAULT in cell for cell in cells(page, "of-fault")] == [True]
    assert [ANSWER in cell for cell in cells(page, "of-answer")] == [True]
    assert "config.yaml, optimizer.momentum" in page
    running, over = (await listed(served))["episodes"]
    assert (running["faults"], running["answers"], running["episode_id"]) == (None, None, None)
    assert (over["faults"], over["answers"][0]["root_cause_field"]) == ([FAULT], ANSWER)


async def test_an_episode_without_a_diagnosis_has_a_fault_and_no_answer(served: Served) -> None:
    for _ in range(2):
        await served.client.post("/sessions/s/reset", json={"task_id": "medium"})
    over = next(each for each in (await listed(served))["episodes"] if each["status"] == "abandoned")
    assert (over["faults"], over["answers"]) == ([FAULT], None)
    assert "no answer" in (await served.client.get("/episodes?status=ended")).text


async def test_a_diagnosis_passes_or_fails_by_its_score(served: Served) -> None:
    for name, action in (("right", RIGHT), ("wrong", WRONG)):
        await served.reset(task_id="medium", episode_id=name)
        await served.step(name, action)
    page = (await served.client.get("/episodes?sort=best")).text
    assert re.findall(r'class="status (\w+)"', page) == ["passed", "failed"]
    assert [each["passed"] for each in (await listed(served, "?sort=best"))["episodes"]] == [True, False]


async def test_fault_and_answer_of_an_attempt_are_listed_when_its_round_has_closed(
    settings: Settings, playing: Served
) -> None:
    name = (await ranked(playing))["episode_id"]
    fault = (await playing.step(name, WRONG))["info"]["ground_truth"]["fault_id"]
    (before,) = (await listed(playing))["episodes"]
    page = (await playing.client.get("/episodes")).text
    assert (before["round"], before["faults"], before["answers"]) == ("spring", None, None)
    assert "shown when the round closes" in page
    for word in (fault, ANSWER):
        assert word not in page
        assert word not in (await playing.client.get("/agent?name=ann")).text
    await closed(playing, settings)
    (after,) = (await listed(playing))["episodes"]
    assert (after["faults"], after["answers"][0]["root_cause_field"]) == ([fault], ANSWER)


async def test_the_figures_are_of_the_whole_filter_and_not_of_the_page(served: Served) -> None:
    scores = []
    for number in range(5):
        await served.reset(task_id="medium", episode_id=f"e{number}", agent="a" if number < 4 else "b")
        if number:
            await served.step(f"e{number}", RIGHT if number % 2 else WRONG)
            state = (await served.client.get("/state", params={"episode_id": f"e{number}"})).json()
            scores.append(state["score"])
    found = await listed(served, "?limit=1")
    mean = round(sum(scores) / len(scores), 4)
    assert found["totals"] == {"running": 1, "ended": 4, "mean_score": mean, "pass_rate": 0.5, "is_cut": False}
    of_a = (await listed(served, "?agent=a&limit=1"))["totals"]
    assert (of_a["running"], of_a["ended"], of_a["mean_score"]) == (1, 3, round(sum(scores[:3]) / 3, 4))
    assert (await listed(served, "?q=b"))["totals"]["ended"] == 1
    assert (await listed(served, "?status=running"))["totals"]["ended"] == 0
    assert (await listed(served, "?task=hard"))["totals"]["mean_score"] is None
    assert f"mean score <strong>{mean:.2f}</strong>" in (await served.client.get("/episodes")).text


async def test_programs_follow_the_pages_of_a_list_to_its_end_and_back(served: Served) -> None:
    for number in range(5):
        await served.reset(task_id="medium", episode_id=f"e{number}")
        await served.step(f"e{number}", WRONG)
    seen, address = [], "/episodes.json?limit=2&sort=oldest"
    while address is not None:
        page = (await served.client.get(address)).json()
        seen.append([each["episode_id"] for each in page["episodes"]])
        before, address = page["earlier"], page["later"]
    assert seen == [["e0", "e1"], ["e2", "e3"], ["e4"]]
    assert [each["episode_id"] for each in (await served.client.get(before)).json()["episodes"]] == seen[1]


@pytest.mark.parametrize(
    "query", ["limit=0", f"limit={MAX_PAGE_SIZE + 1}", "task=none", "after=12", "least_score=nan", "agnet=a"]
)
async def test_programs_are_told_of_a_value_that_is_invalid(served: Served, query: str) -> None:
    assert_problem(await served.client.get(f"/episodes.json?{query}"), 422, "invalid")


async def test_the_lists_fit_their_published_schemas(served: Served) -> None:
    await served.reset(task_id="medium", episode_id="r.0.0", agent="a")
    await served.reset(task_id="medium", episode_id="r.1.0", agent="a")
    await served.step("r.0.0", RIGHT)
    document = openapi_document(OPERATIONS)
    for path, query in (("/episodes.json", ""), ("/agent.json", "?name=a"), ("/run.json", "?name=r")):
        answer = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        schema = {**answer, "components": document["components"]}
        jsonschema.validate((await served.client.get(path + query)).json(), schema)


async def test_a_scenario_that_cannot_be_read_costs_its_row_the_fault_only(served: Served, settings: Settings) -> None:
    await served.reset(task_id="medium", episode_id="e")
    await served.step("e", WRONG)
    triggers = execute(settings.database_url, "SELECT name FROM sqlite_master WHERE type = 'trigger'")
    execute(settings.database_url, *(f"DROP TRIGGER {name}" for (name,) in triggers))
    execute(settings.database_url, "UPDATE scenarios SET body = x'00'")
    (found,) = (await listed(served))["episodes"]
    assert (found["faults"], found["answers"][0]["root_cause_field"]) == (None, ANSWER)
    assert "not readable" in (await served.client.get("/episodes")).text


async def test_the_ids_of_a_list_are_told_apart_by_what_is_shown_of_them(served: Served) -> None:
    beginning, end = "experiment-with-a-long-name", "and-a-long-end-of-it"
    names = [f"{beginning}-{middle}-{end}" for middle in ("one", "two")] + [f"{beginning}.12.{n}" for n in (0, 1)]
    for name in names:
        await served.reset(task_id="medium", episode_id=name)
        await served.step(name, WRONG)
    shown = re.findall(r'<th scope="row"><a [^>]*>([^<]+)</a>', (await served.client.get("/episodes")).text)
    assert len(set(shown)) == 4
    assert {"experime…-name.12.0", "experime…-name.12.1"} < {re.sub(r"…\w*-", "…-", each) for each in shown}


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["short"], ["short"]),
        (["k0123abcd:0123456789abcdef0123456789abcdef.3.0"], ["01234567…89abcdef.3.0"]),
        (["0123456789abcdef0123456789abcdef.3.0." + "ab" * 16], ["01234567…89abcdef.3.0"]),
        (
            ["a" * 20 + "1" + "b" * 20, "a" * 20 + "2" + "b" * 20],
            ["a" * 20 + "1" + "b" * 20, "a" * 20 + "2" + "b" * 20],
        ),
    ],
)
def test_a_name_is_cut_where_nothing_is_lost(names: list[str], shown: list[str]) -> None:
    assert list(short_names(names).values()) == shown


@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("r.3.0", "r"),
        ("k0123abcd:r.x.3.0", "k0123abcd:r.x"),
        (f"r.3.0.{'0a' * 16}", "r"),
        (f"k0123abcd:r.x.12.3.{'12' * 16}", "k0123abcd:r.x"),
        (f"r.3.0.{'0a' * 15}", None),
        ("r.3", None),
        ("e-001", None),
        ("k0123abcd.spring:1:1", None),
    ],
)
def test_the_id_of_an_episode_names_its_run(name: str, run: str | None) -> None:
    place = place_in_run(name)
    assert (None if place is None else place.run) == run


@pytest.mark.both_backends
async def test_both_backends_count_the_same(settings: Settings) -> None:
    async with serving(settings) as served:
        for number in range(4):
            await served.reset(task_id="medium", episode_id=f"r.{number}.0", agent="ab"[number % 2])
            if number:
                await served.step(f"r.{number}.0", RIGHT if number == 1 else WRONG)
        totals = (await listed(served))["totals"]
        assert (totals["running"], totals["ended"], totals["pass_rate"]) == (1, 3, 0.3333)
        assert [each["episode_id"] for each in (await listed(served, "?run=r&sort=oldest"))["episodes"]] == [
            f"r.{number}.0" for number in (1, 2, 3)
        ]
        (task,) = (await served.client.get("/agent.json?name=b")).json()["practice"]
        assert (task["task_id"], task["ended"], task["pass_rate"], task["mean_steps"]) == ("medium", 2, 0.5, 1.0)
