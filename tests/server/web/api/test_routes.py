"""The REST side of WIRE.md."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.chain import Link, verify_chain
from server.web.schemas import EpisodeState, Observation, ResetObservation
from tests.hand_made import REPAIR
from tests.served import Served, assert_problem

READ = {"action_type": "read_config"}
REPAIRED = {
    "action_type": "submit_diagnosis",
    "failure_category": "data_leakage",
    "root_cause_file": "preprocessing.py",
    "root_cause_field": "StandardScaler.fit_transform",
    "patch": [REPAIR.model_dump()],
    "confidence": 0.8,
}


async def test_reset_answers_with_everything_and_sets_the_cookie(served: Served) -> None:
    response = await served.client.post(
        "/reset", json={"task_id": "medium", "seed": 7, "episode_id": "demo-1", "agent": "my-agent", "unknown": 1}
    )
    body = response.json()
    assert set(body) == {"observation", "reward", "done", "info", "metadata"}
    assert (
        body["info"]
        == body["metadata"]
        == {
            "episode_id": "demo-1",
            "version": 1,
            "task_id": "medium",
            "step_count": 0,
            "max_steps": 30,
            "truncated": False,
        }
    )
    ResetObservation.model_validate(
        {**body["observation"], **{key: body[key] for key in ("reward", "done", "metadata")}}
    )
    assert response.headers["etag"] == '"1"'
    cookie = response.headers["set-cookie"]
    assert cookie.startswith("mlops_debug_episode=demo-1;")
    assert {"HttpOnly", "Path=/", "SameSite=lax"} <= {part.strip() for part in cookie.split(";")}


@pytest.mark.parametrize("body", [b"", b"{}", b'{"task": "easy"}', b'{"task_id": null, "seed": null}'])
async def test_every_key_of_reset_is_optional(served: Served, body: bytes) -> None:
    response = await served.client.post("/reset", content=body)
    assert response.json()["info"]["task_id"] == "easy"


async def test_task_is_an_alias(served: Served) -> None:
    assert (await served.reset(task="hard"))["info"]["max_steps"] == 16


async def test_a_step_shows_its_result_and_the_version(served: Served) -> None:
    await served.reset(task_id="medium", episode_id="e")
    response = await served.client.post("/step", json={"episode_id": "e", "action": READ, "timeout_s": 3, "x": 1})
    body = response.json()
    Observation.model_validate({**body["observation"], **{key: body[key] for key in ("reward", "done", "metadata")}})
    assert (body["reward"], body["done"], body["info"]["version"]) == (0.02, False, 2)
    assert response.headers["etag"] == '"2"'


async def test_an_episode_can_be_named_in_four_ways(served: Served) -> None:
    await served.reset(episode_id="e")
    by_cookie = await served.client.post("/step", json={"action": READ})
    served.client.cookies.clear()
    by_path = await served.client.post("/episodes/e/step", json={"action": READ})
    by_query = await served.client.post("/step?episode_id=e", json={"action": READ})
    by_body = await served.client.post("/step", json={"action": READ, "episode_id": "e"})
    flat = await served.client.post("/step", json={**READ, "episode_id": "e", "request_id": "r", "timeout_s": 1})
    counts = [each.json()["info"]["step_count"] for each in (by_cookie, by_path, by_query, by_body, flat)]
    assert counts == [1, 2, 3, 4, 5]


async def test_nobody_is_given_another_clients_episode(served: Served) -> None:
    await served.reset(episode_id="e")
    served.client.cookies.clear()
    assert_problem(await served.client.post("/step", json={"action": READ}), 400, "episode_unnamed")
    assert_problem(await served.client.get("/state"), 400, "episode_unnamed")


async def test_two_names_are_ambiguous_and_the_cookie_is_looked_at_last(served: Served) -> None:
    await served.reset(episode_id="e")
    await served.reset(episode_id="f")
    response = await served.client.post("/step?episode_id=e", json={"action": READ, "episode_id": "f"})
    assert_problem(response, 400, "episode_ambiguous")
    assert (await served.client.get("/state?episode_id=e")).json()["episode_id"] == "e"
    assert (await served.client.get("/state")).json()["episode_id"] == "f"


async def test_an_unknown_episode_is_told(served: Served) -> None:
    for response in (
        await served.client.post("/step", json={"action": READ, "episode_id": "nobody"}),
        await served.client.get("/state?episode_id=nobody"),
        await served.client.get("/openenv/state?episode_id=nobody"),
        await served.client.get("/episodes/nobody/events"),
    ):
        assert_problem(response, 404, "unknown_episode")


async def test_a_repeated_reset_gives_the_stored_answer(served: Served) -> None:
    wanted: dict[str, Any] = {"task_id": "hard", "seed": 3, "episode_id": "e", "agent": "a"}
    assert await served.reset(**wanted) == await served.reset(**wanted)
    unseeded = {"episode_id": "u"}
    assert await served.reset(**unseeded) == await served.reset(**unseeded)


@pytest.mark.parametrize(
    "other",
    [{"task_id": "easy"}, {"seed": 4}, {"seed": None}, {"agent": "b"}, {"agent": None}, {"reward_mode": "sparse"}],
)
async def test_a_reset_with_other_parameters_is_refused(served: Served, other: dict[str, Any]) -> None:
    wanted: dict[str, Any] = {"task_id": "hard", "seed": 3, "episode_id": "e", "agent": "a"}
    await served.reset(**wanted)
    assert_problem(await served.client.post("/reset", json={**wanted, **other}), 409, "episode_exists")


async def test_a_reset_after_a_step_is_refused(served: Served) -> None:
    await served.reset(episode_id="e")
    await served.step("e", READ)
    assert_problem(await served.client.post("/reset", json={"episode_id": "e"}), 409, "episode_exists")


async def test_expected_version_is_enforced(served: Served) -> None:
    await served.reset(episode_id="e")
    await served.step("e", READ, expected_version=1)
    response = await served.client.post("/step", json={"episode_id": "e", "action": READ, "expected_version": 1})
    assert assert_problem(response, 409, "wrong_expected_version")["actual_version"] == 2
    assert (await served.step("e", READ, expected_version=2))["info"]["version"] == 3


async def test_submission_shows_grade_and_truth(served: Served) -> None:
    await served.reset(task_id="medium", seed=7, episode_id="e")
    body = await served.step("e", REPAIRED)
    info = body["info"]
    assert (body["reward"], body["done"]) == (0.99, True)
    assert body["observation"]["last_action_result"] == {"status": "submitted", "score": 0.99}
    assert (info["score"], info["brier"], info["seed"], info["truncated"]) == (0.99, 0.04, 7, False)
    assert set(info["breakdown"]) == {
        "failure_category",
        "root_cause_file",
        "root_cause_field",
        "proposed_fix",
        "penalties",
    }
    assert info["ground_truth"]["fault_id"] == "data_leakage_scaler"
    assert info["investigation"] == {
        "artifacts_read": [],
        "checks_run": [],
        "duplicate_reads": 0,
        "refused": 0,
        "steps": 1,
    }


async def test_after_the_end_every_step_is_answered_with_the_final_observation(served: Served) -> None:
    await served.reset(episode_id="e")
    final = await served.step("e", REPAIRED)
    again = await served.step("e", READ, expected_version=1)
    assert again == {**final, "reward": 0.0}
    assert len((await served.client.get("/episodes/e/events")).json()) == 2


async def test_the_step_that_reaches_the_limit_ends_the_episode(served: Served) -> None:
    await served.reset(episode_id="e", reward_mode="sparse")
    bodies = [await served.step("e", READ) for _ in range(20)]
    last = bodies[-1]
    assert [each["done"] for each in bodies] == [False] * 19 + [True]
    assert (last["reward"], last["info"]["truncated"], last["info"]["version"]) == (0.01, True, 22)
    assert (last["info"]["score"], last["info"]["brier"], last["info"]["breakdown"]) == (0.01, None, None)
    assert last["info"]["ground_truth"]["patch"] == [REPAIR.model_dump()]


async def test_the_truth_waits_for_the_end(served: Served) -> None:
    await served.reset(episode_id="e", seed=987654321)
    await served.step("e", READ)
    during = [(await served.client.get(path)).text for path in ("/state?episode_id=e", "/episodes/e/events")]
    assert "987654321" not in "".join(during)
    assert "data_leakage_scaler" not in "".join(during)
    await served.step("e", REPAIRED)
    assert (await served.client.get("/state?episode_id=e")).json()["ground_truth"]["fault_id"] == "data_leakage_scaler"
    assert (await served.client.get("/episodes/e/events")).json()[0]["payload"]["seed"] == 987654321


async def test_state_is_one_object_everywhere(served: Served) -> None:
    await served.reset(episode_id="e")
    await served.step("e", READ)
    answers = [
        (await served.client.get(path)).json()
        for path in ("/state?episode_id=e", "/openenv/state?episode_id=e", "/episodes/e/state", "/state")
    ]
    assert answers == [answers[0]] * 4
    EpisodeState.model_validate(answers[0])
    assert answers[0] == {
        "episode_id": "e",
        "step_count": 1,
        "task_id": "easy",
        "max_steps": 20,
        "experiments_left": 1,
        "done": False,
        "truncated": False,
        "total_reward": 0.02,
        "score": None,
        "artifacts_read": ["config.yaml"],
        "checks_run": [],
        "ground_truth": None,
    }


@pytest.mark.both_backends
async def test_openenv_state_without_a_name_gives_the_last_scores(served: Served) -> None:
    empty = {"scores": {"easy": None, "medium": None, "hard": None, "expert": None}, "open_episodes": 0}
    assert (await served.client.get("/openenv/state")).json() == empty
    for episode_id, action in (("a", REPAIRED), ("b", {"action_type": "submit_diagnosis"}), ("c", None)):
        await served.reset(task_id="medium", episode_id=episode_id)
        if action is not None:
            await served.step(episode_id, action)
    scores = (await served.client.get("/openenv/state")).json()
    assert scores == {"scores": {"easy": None, "medium": 0.01, "hard": None, "expert": None}, "open_episodes": 1}


@pytest.mark.both_backends
async def test_events_verify_for_whoever_reads_them(served: Served) -> None:
    await served.reset(episode_id="e")
    await served.step("e", READ, request_id="r-1")
    for wanted_kinds in (["reset", "read"], ["reset", "read", "submit"]):
        events = (await served.client.get("/episodes/e/events")).json()
        assert [each["kind"] for each in events] == wanted_kinds
        assert (events[0]["payload"] is None) == (len(wanted_kinds) == 2)
        assert verify_chain("e", [_link(each) for each in events]) == ()
        await served.step("e", REPAIRED)


def _link(each: dict[str, Any]) -> Link:
    payload = each.pop("payload")
    canonical = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return Link(
        **{
            **each,
            "payload": None if payload is None else canonical,
            "payload_digest": bytes.fromhex(each["payload_digest"]),
            "prev_hash": bytes.fromhex(each["prev_hash"]),
            "hash": bytes.fromhex(each["hash"]),
        }
    )


@pytest.mark.parametrize(
    "body",
    [
        {"action": {"action_type": "read_everything"}},
        {"action": None},
        {"action": {"action_type": "read_config", "log_filter": "x"}},
        {"action": {"action_type": "submit_diagnosis", "confidence": 2}},
        {"action_type": "read_config", "unknown": 1},
        {"action_type": "read_config", "request_id": "no spaces"},
        {"action": READ, "expected_version": -1},
        {"action": READ, "request_id": ""},
        {},
        [],
        "text",
    ],
)
async def test_what_the_schema_rejects_costs_nothing(served: Served, body: Any) -> None:
    await served.reset(episode_id="e")
    response = await served.client.post("/episodes/e/step", json=body)
    errors = assert_problem(response, 422, "invalid")["errors"]
    assert errors
    assert all(set(each) == {"loc", "msg", "type"} for each in errors)
    assert (await served.client.get("/state?episode_id=e")).json()["step_count"] == 0


@pytest.mark.parametrize(
    "body",
    [
        {"task_id": "impossible"},
        {"seed": -1},
        {"seed": 2**53},
        {"seed": 1.5},
        {"episode_id": "a/b"},
        {"reward_mode": "x"},
    ],
)
async def test_a_reset_that_does_not_fit_the_schema_is_refused(served: Served, body: dict[str, Any]) -> None:
    assert_problem(await served.client.post("/reset", json=body), 422, "invalid")


async def test_a_body_that_is_not_json_is_told_apart(served: Served) -> None:
    for path in ("/reset", "/step"):
        assert_problem(await served.client.post(path, content=b"{"), 400, "invalid_json")
    assert_problem(await served.client.post("/step", content=b""), 400, "invalid_json")


async def test_a_body_beyond_the_limit_is_refused(served: Served) -> None:
    limit = served.services.settings.body_limit_bytes
    assert_problem(await served.client.post("/reset", content=b" " * (limit + 1)), 413, "body_too_large")
    assert (await served.client.post("/reset", content=b"{}" + b" " * (limit - 2))).status_code == 200


async def test_what_is_not_served_is_a_problem_too(served: Served) -> None:
    assert_problem(await served.client.get("/nothing/here"), 404, "not_found")
    assert_problem(await served.client.get("/step"), 405, "method_not_allowed")


async def test_the_rest_of_the_wire(served: Served) -> None:
    health = (await served.client.get("/health")).json()
    assert health["status"] == "healthy"
    tasks = (await served.client.get("/tasks")).json()["tasks"]
    assert [set(task) for task in tasks] == [
        {"task_id", "name", "difficulty", "description", "max_steps", "max_experiments"}
    ] * 4
    metadata = (await served.client.get("/metadata")).json()
    assert set(metadata) == {"name", "description", "version", "author", "documentation_url"}
    schema = (await served.client.get("/schema")).json()
    assert set(schema) == {
        *("action", "observation", "reset_observation", "state"),
        *("fields", "declarations", "measurements"),
    }
    assert schema["fields"] == served.services.simulation.registry("single_table")
    assert {"reward", "done", "metadata"} <= set(schema["observation"]["properties"])
    assert health["version"] == metadata["version"]


async def test_an_unexpected_error_is_a_problem_without_details(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(served.services.episodes, "step", fail)
    response = await served.client.post("/step", json={"episode_id": "e", "action": READ})
    assert "secret" not in str(assert_problem(response, 500, "internal"))


async def test_a_method_that_is_not_allowed_names_those_that_are(served: Served) -> None:
    response = await served.client.get("/reset")
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
