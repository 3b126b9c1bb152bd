"""OpenEnv's Task API."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from domain.ranking.statistics import PASS_SCORE
from server.web.api.tasks import MAX_TASKS
from tests.e2e.running import ROOT
from tests.served import Served, assert_problem


async def post(served: Served, path: str, **body: Any) -> Any:
    response = await served.client.post(f"/mlops-debug/{path}", json=body)
    assert response.status_code == 200, response.text
    return response.json()


async def test_the_environment_and_its_splits_are_listed(served: Served) -> None:
    manifest = yaml.safe_load((ROOT / "openenv.yaml").read_text())
    assert (await served.client.get("/list_environments")).json() == [manifest["name"]]
    for name in (manifest["name"], manifest["name"].upper(), "mlops-debug"):
        listed = (await served.client.get(f"/{name}/splits")).json()
        assert listed == [{"name": name, "type": name} for name in ("train", "validation", "test")]
    assert_problem(await served.client.get("/another/splits"), 404, "not_found")


async def test_a_long_split_is_counted_whole_and_listed_from_its_beginning(served: Served) -> None:
    count = (await post(served, "num_tasks", split="train"))["num_tasks"]
    listed = (await post(served, "tasks", split="train"))["tasks"]
    assert count > MAX_TASKS == len(listed)
    assert [each["index"] for each in listed] == list(range(MAX_TASKS))


async def test_a_range_leaves_its_end_out(served: Served) -> None:
    tasks = (await post(served, "task_range", split="test", start=10, stop=13))["tasks"]
    assert [each["id"] for each in tasks] == ["test-10", "test-11", "test-12"]
    assert (await post(served, "task", split="test", index=11))["task"] == tasks[1]
    end = (await post(served, "num_tasks", split="test"))["num_tasks"]
    assert len((await post(served, "task_range", split="test", start=end - 2))["tasks"]) == 2
    assert (await post(served, "task_range", split="test", start=end + 5))["tasks"] == []
    assert (await post(served, "task_range", split="test", start=5, stop=2))["tasks"] == []


async def test_a_task_outside_the_split_does_not_exist(served: Served) -> None:
    response = await served.client.post("/mlops-debug/task", json={"split": "test", "index": 10**9})
    assert_problem(response, 400, "unknown_task")


async def test_a_task_says_how_hard_it_is_what_it_is_like_and_when_it_is_passed(served: Served) -> None:
    tasks = (await post(served, "task_range", split="test", start=0, stop=3))["tasks"]
    assert [(each["difficulty"], each["group"]) for each in tasks] == [
        ("easy", "single_table"),
        ("medium", "single_table"),
        ("hard", "multi_source"),
    ]
    assert {each["success_threshold"] for each in tasks} == {PASS_SCORE}
    assert yaml.safe_load((ROOT / "openenv.yaml").read_text())["success_threshold"] == PASS_SCORE


@pytest.mark.parametrize("path", ["tasks", "num_tasks", "task", "task_range"])
@pytest.mark.parametrize("body", [{}, {"split": "secret"}, {"split": None}])
async def test_a_split_must_be_one_of_the_three(served: Served, path: str, body: dict[str, Any]) -> None:
    assert_problem(await served.client.post(f"/mlops-debug/{path}", json=body), 422, "invalid")


@pytest.mark.parametrize(("path", "body"), [("task", {"index": -1}), ("task", {}), ("task_range", {"start": -1})])
async def test_a_number_is_whole_and_not_negative(served: Served, path: str, body: dict[str, Any]) -> None:
    assert_problem(await served.client.post(f"/mlops-debug/{path}", json={"split": "test", **body}), 422, "invalid")


async def test_a_task_is_reset_by_its_number_or_by_what_it_says(served: Served) -> None:
    task = (await post(served, "task", split="test", index=4))["task"]
    numbered = await served.reset(split="test", index=4, episode_id="a")
    # The same parameters, in other words: the stored answer again.
    named = {name: task[name] for name in ("split", "task_id", "seed")}
    assert await served.reset(**named, episode_id="a") == numbered
    assert await served.reset(**task, episode_id="a") == numbered
    assert numbered["info"]["task_id"] == task["task_id"]


async def test_a_seed_beside_a_number_decides_nothing(served: Served) -> None:
    numbered = await served.reset(split="test", index=4, episode_id="a")
    assert await served.reset(split="test", index=4, seed=99, episode_id="a") == numbered


async def test_a_number_beside_another_task_names_no_task(served: Served) -> None:
    response = await served.client.post("/reset", json={"split": "test", "index": 4, "task_id": "hard"})
    assert_problem(response, 400, "unknown_task")
    for incomplete in ({"index": 4}, {"split": "test"}, {"split": "test", "task_id": "easy"}):
        assert_problem(await served.client.post("/reset", json=incomplete), 422, "invalid")


async def test_the_same_seed_in_another_split_is_another_episode(served: Served) -> None:
    await served.reset(split="test", seed=4, episode_id="a")
    for other in ({"seed": 4}, {"split": "validation", "seed": 4}):
        assert_problem(await served.client.post("/reset", json={**other, "episode_id": "a"}), 409, "episode_exists")


async def test_a_socket_resets_by_number_too(served: Served) -> None:
    async with served.socket() as socket:
        seen = await socket.say({"type": "reset", "data": {"split": "validation", "index": 2}})
        assert seen["data"]["metadata"]["task_id"] == "hard"
        refused = await socket.say({"type": "reset", "data": {"split": "validation", "index": 10**9}})
        assert (refused["data"]["code"], refused["data"]["problem"]["code"]) == ("EXECUTION_ERROR", "unknown_task")
