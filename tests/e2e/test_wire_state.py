"""WIRE.md, "State and the rest": state, tasks, health, metadata and schema."""

from __future__ import annotations

import httpx
import jsonschema
import pytest

from server.web.openapi.operations import OPERATIONS
from tests.e2e.playing import (
    ARTIFACTS,
    CHECKS,
    MAX_EXPERIMENTS,
    MAX_STEPS,
    SHORT_READS,
    WRONG_DIAGNOSIS,
    Episode,
    Socket,
    accepted,
    diagnosis_from,
    open_client,
    truth_of,
)
from tests.e2e.running import ServerProcess


def test_the_state_is_the_documented_object(http: httpx.Client) -> None:
    episode = Episode(http, task_id="medium", seed=5)
    episode.step("read_config")
    episode.step("read_logs")
    assert episode.state() == {
        "episode_id": episode.id,
        "step_count": 2,
        "task_id": "medium",
        "max_steps": 30,
        "experiments_left": 2,
        "done": False,
        "truncated": False,
        "total_reward": 0.04,
        "score": None,
        "artifacts_read": ["config.yaml", "train.log"],
        "checks_run": [],
        "ground_truth": None,
    }


def test_the_state_of_a_new_episode_has_no_reward(http: httpx.Client) -> None:
    state = Episode(http, seed=5).state()
    assert (state["step_count"], state["total_reward"], state["done"]) == (0, 0.0, False)


def test_the_state_after_a_submission_shows_score_and_truth(http: httpx.Client) -> None:
    episode = Episode(http, task_id="medium", seed=5)
    info = episode.play(WRONG_DIAGNOSIS)["info"]
    state = episode.state()
    assert (state["done"], state["truncated"]) == (True, False)
    assert (state["score"], state["ground_truth"]) == (info["score"], info["ground_truth"])


def test_the_state_after_the_limit_shows_score_and_truth(http: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    info = episode.play_to_the_limit()["info"]
    state = episode.state()
    assert (state["done"], state["truncated"], state["score"]) == (True, True, 0.01)
    assert state["ground_truth"] == info["ground_truth"]


def test_the_cookie_names_the_episode_of_a_state(http: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    assert accepted(http.get("/state"))["episode_id"] == episode.id


def test_state_openenv_state_and_the_socket_show_one_object(http: httpx.Client, ws: Socket) -> None:
    episode_id = ws.observe("reset", task_id="medium", seed=5)["metadata"]["episode_id"]
    ws.observe("step", action_type="read_logs")
    named = {"episode_id": episode_id}
    states = [accepted(http.get(path, params=named)) for path in ("/state", "/openenv/state")]
    assert states == [ws.state(), ws.state()]


def test_asking_for_the_state_is_no_step(http: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    assert episode.state() == episode.state()
    assert len(episode.events()) == 1


def test_openenv_state_without_a_name_sums_up_the_server(own_server: ServerProcess) -> None:
    with open_client(own_server.url) as http:
        nothing = accepted(http.get("/openenv/state"))
        assert nothing == {"scores": {"easy": None, "medium": None, "hard": None, "expert": None}, "open_episodes": 0}

        Episode(http, task_id="hard", seed=5)
        first = Episode(http, task_id="easy", seed=5)
        right = diagnosis_from(truth_of(http, "easy", 5))
        score = first.play(right)["info"]["score"]
        assert accepted(http.get("/openenv/state")) == {
            "scores": {"easy": score, "medium": None, "hard": None, "expert": None},
            "open_episodes": 1,
        }


def test_openenv_state_shows_the_last_score_of_a_task(own_server: ServerProcess) -> None:
    with open_client(own_server.url) as http:
        right = diagnosis_from(truth_of(http, "easy", 5))
        scores = []
        for diagnosis in (right, WRONG_DIAGNOSIS):
            Episode(http, task_id="easy", seed=5).play(diagnosis)
            scores.append(accepted(http.get("/openenv/state"))["scores"]["easy"])
        assert scores[0] >= 0.95
        assert scores[1] == 0.01


def test_openenv_state_counts_an_episode_that_reached_the_limit(own_server: ServerProcess) -> None:
    with open_client(own_server.url) as http:
        Episode(http, task_id="easy", seed=5).play_to_the_limit()
        assert accepted(http.get("/openenv/state")) == {
            "scores": {"easy": 0.01, "medium": None, "hard": None, "expert": None},
            "open_episodes": 0,
        }


def test_tasks_lists_the_four_tasks(http: httpx.Client) -> None:
    body = accepted(http.get("/tasks"))
    assert set(body) == {"tasks", "failure_categories"}
    assert {task["task_id"]: task["max_steps"] for task in body["tasks"]} == {**MAX_STEPS, "expert": 16}
    experiments = {task["task_id"]: task["max_experiments"] for task in body["tasks"]}
    assert experiments == {**MAX_EXPERIMENTS, "expert": 3}
    for task in body["tasks"]:
        assert set(task) == {"task_id", "name", "difficulty", "description", "max_steps", "max_experiments"}
        assert task["difficulty"] == task["task_id"]
        assert task["name"]
        assert task["description"]


def test_health_says_healthy_and_the_version(http: httpx.Client) -> None:
    body = accepted(http.get("/health"))
    assert set(body) == {"status", "version"}
    assert body["status"] == "healthy"
    assert body["version"]


def test_metadata_describes_the_environment(http: httpx.Client) -> None:
    body = accepted(http.get("/metadata"))
    assert {"name", "description", "version", "author", "documentation_url"} <= set(body)
    assert body["version"] == accepted(http.get("/health"))["version"]


@pytest.mark.parametrize(
    "path", [each.path for each in OPERATIONS if each.method == "GET" and each.answer and "{" not in each.path]
)
def test_an_answer_of_the_server_is_what_its_openapi_schema_says(http: httpx.Client, path: str) -> None:
    document = accepted(http.get("/openapi.json"))
    schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    answer = http.get(path)
    if answer.status_code == 200:
        jsonschema.Draft202012Validator({**schema, "components": document["components"]}).validate(answer.json())


@pytest.mark.parametrize("task_id", [*MAX_STEPS, "expert"])
def test_the_first_observation_of_each_task_is_what_its_schema_says(http: httpx.Client, task_id: str) -> None:
    schema = accepted(http.get("/schema"))["reset_observation"]
    first = Episode(http, task_id=task_id, seed=5).first
    jsonschema.Draft202012Validator(schema).validate(
        {**first["observation"], "reward": first["reward"], "done": first["done"]}
    )


def test_schema_has_exactly_the_documented_keys(http: httpx.Client) -> None:
    body = accepted(http.get("/schema"))
    assert set(body) == {
        "action",
        "observation",
        "reset_observation",
        "state",
        "fields",
        "declarations",
        "measurements",
    }


@pytest.mark.parametrize("name", ["observation", "reset_observation"])
def test_each_observation_schema_has_reward_done_and_metadata(http: httpx.Client, name: str) -> None:
    properties = accepted(http.get("/schema"))[name]["properties"]
    assert {"reward", "done", "metadata"} <= set(properties)


def test_the_observation_schemas_name_the_keys_of_the_observations(http: httpx.Client) -> None:
    schema = accepted(http.get("/schema"))
    episode = Episode(http, seed=5)
    assert set(episode.first["observation"]) <= set(schema["reset_observation"]["properties"])
    assert set(episode.step("read_config")["observation"]) <= set(schema["observation"]["properties"])


def test_the_state_schema_names_the_keys_of_the_state(http: httpx.Client) -> None:
    schema = accepted(http.get("/schema"))
    assert set(schema["state"]["properties"]) == set(Episode(http, seed=5).state())


def test_the_action_schema_names_every_action_check_and_artifact(http: httpx.Client) -> None:
    text = str(accepted(http.get("/schema"))["action"])
    names = [
        *SHORT_READS,
        "read_artifact",
        "query_artifact",
        "run_sanity_check",
        "submit_diagnosis",
        *CHECKS,
        *ARTIFACTS,
    ]
    assert [name for name in names if f"'{name}'" not in text] == []


def test_the_fields_of_the_schema_are_the_registry(http: httpx.Client) -> None:
    registry = Episode(http, seed=5).first["observation"]["field_registry"]
    assert accepted(http.get("/schema"))["fields"] == registry
