"""Sending a request again costs nothing: request ids, repeated and resuming resets."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from server.settings import Settings
from tests.hand_made import REPAIR
from tests.served import Served, assert_problem, serving

pytestmark = pytest.mark.both_backends
READ = {"action_type": "read_config"}
ACTIONS: list[dict[str, Any]] = [
    READ,
    {"action_type": "read_logs", "log_filter": "Epoch:1"},
    {"action_type": "query_artifact", "artifact_name": "config.yaml", "field_path": "optimizer.nope"},
    {"action_type": "query_artifact", "artifact_name": "config.yaml", "field_path": "optimizer.name"},
    {"action_type": "run_sanity_check", "sanity_check_type": "data_leakage"},
    {"action_type": "submit_diagnosis", "confidence": 1, "patch": [REPAIR.model_dump()]},
]


async def send(served: Served, action: dict[str, Any], **beside: Any) -> httpx.Response:
    return await served.client.post("/step", json={"episode_id": "e", "action": action, **beside})


async def count(served: Served) -> int:
    return len((await served.client.get("/episodes/e/events")).json())


async def test_a_known_request_id_is_answered_with_the_same_bytes_also_after_the_end(settings: Settings) -> None:
    async with serving(settings) as served:
        await served.reset(episode_id="e")
        first = [(await send(served, each, request_id=f"r-{n}")).content for n, each in enumerate(ACTIONS)]
        again = [(await send(served, each, request_id=f"r-{n}")).content for n, each in enumerate(ACTIONS)]
    async with serving(settings) as served:
        restarted = [(await send(served, each, request_id=f"r-{n}")).content for n, each in enumerate(ACTIONS)]
        assert await count(served) == 1 + len(ACTIONS)
    assert first == again == restarted


async def test_the_step_that_reached_the_limit_is_answered_with_its_end(served: Served) -> None:
    await served.reset(episode_id="e", reward_mode="sparse")
    answers = [await send(served, READ, request_id=f"r-{n}") for n in range(20)]
    for n in (0, 18, 19):
        again = await send(served, READ, request_id=f"r-{n}")
        assert (again.content, again.headers["etag"]) == (answers[n].content, answers[n].headers["etag"])


async def test_a_request_id_is_looked_up_before_the_version(served: Served) -> None:
    await served.reset(episode_id="e")
    first = await send(served, READ, request_id="r", expected_version=1)
    assert (await send(served, READ, request_id="r", expected_version=1)).content == first.content


@pytest.mark.parametrize(
    ("first", "other"),
    [
        (READ, {"action_type": "read_logs"}),
        ({"action_type": "read_logs", "log_filter": "warn"}, {"action_type": "read_logs", "log_filter": "info"}),
        (ACTIONS[2], ACTIONS[3]),
        ({"action_type": "submit_diagnosis", "confidence": 0.5}, {"action_type": "submit_diagnosis"}),
        *(
            (
                {"action_type": "submit_diagnosis", "patch": [{**REPAIR.model_dump(), "value": 1}]},
                {"action_type": "submit_diagnosis", "patch": [{**REPAIR.model_dump(), "value": value}]},
            )
            for value in (True, 1.0)
        ),
    ],
)
async def test_a_request_id_with_another_action_is_refused(
    served: Served, first: dict[str, Any], other: dict[str, Any]
) -> None:
    await served.reset(episode_id="e")
    await send(served, first, request_id="r")
    for expected_version in (None, 1):
        response = await send(served, other, request_id="r", expected_version=expected_version)
        assert_problem(response, 409, "request_id_reused")
    assert await count(served) == 2


async def test_the_request_id_of_the_reset_is_no_steps(served: Served) -> None:
    await served.reset(episode_id="e", request_id="r")
    assert_problem(await send(served, READ, request_id="r"), 409, "request_id_reused")


async def test_duplicates_at_once_are_one_step(served: Served) -> None:
    await served.reset(episode_id="e")
    answers = await asyncio.gather(*(send(served, READ, request_id="r", expected_version=1) for _ in range(20)))
    assert {each.content for each in answers} == {answers[0].content}
    assert answers[0].status_code == 200
    assert await count(served) == 2


async def test_duplicates_on_two_servers_are_one_step(settings: Settings) -> None:
    async with serving(settings) as here, serving(settings) as there:
        await here.reset(episode_id="e")
        for n, action in enumerate(ACTIONS):
            answers = await asyncio.gather(
                *(send(server, action, request_id=f"r-{n}") for server in (here, there, here, there))
            )
            assert {(each.status_code, each.content) for each in answers} == {(200, answers[0].content)}
        assert await count(here) == 1 + len(ACTIONS)


async def test_an_expected_version_holds_whatever_this_server_remembers(settings: Settings) -> None:
    async with serving(settings) as here, serving(settings) as there:
        await here.reset(episode_id="e")
        await send(there, READ)
        assert (await send(here, READ, expected_version=2)).json()["info"]["version"] == 3
        refused = assert_problem(await send(there, READ, expected_version=2), 409, "wrong_expected_version")
        assert refused["actual_version"] == 3


async def test_a_resuming_reset_shows_the_current_values_in_the_shape_of_a_reset(served: Served) -> None:
    begun = await served.reset(episode_id="e", task_id="hard", seed=4, agent="a")
    stepped = await served.step("e", READ)
    resumed = await served.reset(episode_id="e", resume=True, task_id="easy", seed=9)
    assert set(resumed["observation"]) == set(begun["observation"])
    for key in stepped["observation"]:
        assert resumed["observation"][key] == stepped["observation"][key]
    assert resumed["info"] == stepped["info"]
    assert resumed["reward"] == stepped["reward"]
    assert await count(served) == 2


async def test_a_resuming_reset_begins_what_does_not_exist(served: Served) -> None:
    begun = await served.reset(episode_id="e", resume=True, task_id="hard")
    assert (begun["info"]["version"], begun["info"]["task_id"]) == (1, "hard")


async def test_an_ended_episode_is_resumed_with_its_end(served: Served) -> None:
    await served.reset(episode_id="e")
    final = await served.step("e", ACTIONS[-1])
    resumed = await served.reset(episode_id="e", resume=True)
    assert (resumed["done"], resumed["info"]) == (True, final["info"])


async def test_resets_of_one_name_at_once_begin_one_episode(settings: Settings) -> None:
    async with serving(settings) as here, serving(settings) as there:
        body = {"episode_id": "e", "seed": 3, "request_id": "r"}
        answers = await asyncio.gather(*(server.client.post("/reset", json=body) for server in (here, there) * 5))
        assert {(each.status_code, each.content) for each in answers} == {(200, answers[0].content)}
        assert await count(here) == 1


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_an_older_database_gets_sessions_and_keeps_its_episodes(settings: Settings) -> None:
    from alembic import command
    from alembic.config import Config

    from server.storage.engines import create_write_engine, parse_url
    from server.storage.migrations import migrations_folder

    engine = create_write_engine(parse_url(settings.database_url))
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(migrations_folder()))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    async with serving(settings) as served:
        assert (await served.client.post("/sessions/k/reset", json={})).status_code == 200
