"""WIRE.md, "What is refused, what is an error": the 422 table, conflicts, and the one body of every error."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.e2e.playing import Episode, Json, accepted, assert_problem
from tests.profiles import smoke

PATCH_ENTRY: Json = {"file": "config.yaml", "field": "optimizer.momentum", "value": 0.9}

REJECTED: list[Json] = [
    {},
    {"action_type": None},
    {"action_type": 5},
    {"action_type": "delete_artifact"},
    {"action_type": "read_config", "artifact_name": "config.yaml"},
    {"action_type": "read_config", "log_filter": "loss"},
    {"action_type": "read_config", "colour": "blue"},
    {"action_type": "check_dataset_stats", "field_path": "rows"},
    {"action_type": "inspect_preprocessing", "artifact_name": "train.log"},
    {"action_type": "read_eval_results", "sanity_check_type": "class_balance"},
    {"action_type": "read_logs", "log_filter": 3},
    {"action_type": "read_logs", "log_filter": ["loss"]},
    {"action_type": "read_logs", "artifact_name": "train.log"},
    {"action_type": "read_artifact"},
    {"action_type": "read_artifact", "artifact_name": None},
    {"action_type": "read_artifact", "artifact_name": "secrets.txt"},
    {"action_type": "read_artifact", "artifact_name": "../config.yaml"},
    {"action_type": "read_artifact", "artifact_name": "config.yaml", "log_filter": "loss"},
    {"action_type": "read_artifact", "artifact_name": "config.yaml", "field_path": "a"},
    {"action_type": "query_artifact"},
    {"action_type": "query_artifact", "artifact_name": "config.yaml"},
    {"action_type": "query_artifact", "artifact_name": "config.yaml", "field_path": None},
    {"action_type": "query_artifact", "field_path": "optimizer.momentum"},
    {"action_type": "query_artifact", "artifact_name": "secrets.txt", "field_path": "a"},
    {"action_type": "query_artifact", "artifact_name": "config.yaml", "field_path": 3},
    {"action_type": "query_artifact", "artifact_name": "config.yaml", "field_path": ["optimizer", "momentum"]},
    {"action_type": "run_sanity_check"},
    {"action_type": "run_sanity_check", "sanity_check_type": None},
    {"action_type": "run_sanity_check", "sanity_check_type": "guess_the_fault"},
    {"action_type": "run_sanity_check", "sanity_check_type": "class_balance", "artifact_name": "train.log"},
    {"action_type": "submit_diagnosis", "failure_category": "bad_luck"},
    {"action_type": "submit_diagnosis", "failure_category": ["config_error"]},
    {"action_type": "submit_diagnosis", "root_cause_file": 3},
    {"action_type": "submit_diagnosis", "root_cause_file": "x" * 301},
    {"action_type": "submit_diagnosis", "root_cause_field": "x" * 301},
    {"action_type": "submit_diagnosis", "root_cause_field": ["optimizer.momentum"]},
    {"action_type": "submit_diagnosis", "diagnosis": "x" * 4001},
    {"action_type": "submit_diagnosis", "proposed_fix": "x" * 601},
    {"action_type": "submit_diagnosis", "confidence": -0.01},
    {"action_type": "submit_diagnosis", "confidence": 1.01},
    {"action_type": "submit_diagnosis", "confidence": "0.5"},
    {"action_type": "submit_diagnosis", "patch": PATCH_ENTRY},
    {"action_type": "submit_diagnosis", "patch": []},
    {"action_type": "submit_diagnosis", "patch": [PATCH_ENTRY] * 3},
    {"action_type": "submit_diagnosis", "patch": [{"file": "config.yaml", "field": "optimizer.momentum"}]},
    {"action_type": "submit_diagnosis", "patch": [{"file": "config.yaml", "value": 1}]},
    {"action_type": "submit_diagnosis", "patch": [{"field": "optimizer.momentum", "value": 1}]},
    {"action_type": "submit_diagnosis", "patch": [{**PATCH_ENTRY, "why": "x"}]},
    {"action_type": "submit_diagnosis", "patch": [{**PATCH_ENTRY, "value": [1]}]},
    {"action_type": "submit_diagnosis", "patch": [{**PATCH_ENTRY, "value": {"a": 1}}]},
    {"action_type": "submit_diagnosis", "patch": ["momentum = 0.9"]},
    {"action_type": "submit_diagnosis", "artifact_name": "config.yaml"},
    {"action_type": "submit_diagnosis", "score": 0.99},
    {"action_type": "read_config", "metadata": "text"},
    {"action_type": "read_config", "metadata": [1]},
]


NESTED = smoke(REJECTED, lambda action: REJECTED.index(action) % 11 == 0)
"""One in eleven; all of them are sent in this form once more below, and each in the flat form."""


def named(action: Json) -> str:
    return str(action)[:90]


@pytest.mark.parametrize("action", NESTED, ids=named)
def test_an_action_the_schema_rejects_is_invalid(http: httpx.Client, action: Json) -> None:
    problem = assert_problem(Episode(http, seed=5).post(action), 422, "invalid")
    assert problem["errors"]
    assert all({"loc", "msg", "type"} <= set(error) for error in problem["errors"])


@pytest.mark.parametrize("action", [action for action in REJECTED if action], ids=named)
def test_the_flat_form_rejects_what_the_nested_form_rejects(http: httpx.Client, action: Json) -> None:
    episode = Episode(http, seed=5)
    assert_problem(http.post("/step", json={"episode_id": episode.id, **action}), 422, "invalid")


def test_rejected_actions_are_no_event_and_no_step(http: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    for action in REJECTED:
        assert_problem(episode.post(action), 422, "invalid")
    assert [event["kind"] for event in episode.events()] == ["reset"]
    assert episode.state()["step_count"] == 0


def test_an_action_that_is_no_object_is_invalid(http: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    for action in ("read_config", ["read_config"], 5, None):
        body = {"episode_id": episode.id, "action": action}
        assert_problem(http.post("/step", json=body), 422, "invalid")


@pytest.mark.parametrize("path", ["/reset", "/step"])
@pytest.mark.parametrize("text", ["{", "reset me", '{"seed": 5,}'])
def test_a_body_that_is_no_json_is_invalid_json(http: httpx.Client, path: str, text: str) -> None:
    Episode(http, seed=5)
    response = http.post(path, content=text, headers={"content-type": "application/json"})
    assert_problem(response, 400, "invalid_json")


@pytest.mark.parametrize("path", ["/reset", "/step"])
@pytest.mark.parametrize("text", ["[]", '"reset"', "7", "true"])
def test_json_that_is_no_object_is_invalid(http: httpx.Client, path: str, text: str) -> None:
    Episode(http, seed=5)
    response = http.post(path, content=text, headers={"content-type": "application/json"})
    assert assert_problem(response, 422, "invalid")["errors"]


@pytest.mark.parametrize(
    "outer",
    [
        {"episode_id": "a b"},
        {"request_id": "a b"},
        {"request_id": ""},
        {"request_id": "x" * 129},
        {"request_id": 5},
        {"expected_version": "1"},
        {"expected_version": 1.5},
        {"expected_version": -1},
    ],
    ids=str,
)
def test_outer_keys_of_a_step_the_schema_rejects_are_invalid(http: httpx.Client, outer: Json) -> None:
    Episode(http, seed=5)
    assert_problem(http.post("/step", json={"action": {"action_type": "read_config"}, **outer}), 422, "invalid")


@pytest.mark.parametrize("path", ["/reset", "/step"])
def test_a_body_that_is_too_large_is_refused(http: httpx.Client, path: str) -> None:
    Episode(http, seed=5)
    assert_problem(http.post(path, json={"padding": "x" * 20_000_000}), 413, "body_too_large")


def test_the_right_expected_version_is_accepted(http: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    for version in (1, 2, 3):
        body = episode.play({"action_type": "read_config"}, expected_version=version)
        assert body["info"]["version"] == version + 1


@pytest.mark.parametrize("expected_version", [0, 1, 3])
def test_another_expected_version_is_a_conflict_with_the_actual_one(http: httpx.Client, expected_version: int) -> None:
    episode = Episode(http, seed=5)
    episode.step("read_config")
    response = episode.post({"action_type": "read_logs"}, expected_version=expected_version)
    assert assert_problem(response, 409, "wrong_expected_version")["actual_version"] == 2


def test_a_conflict_records_nothing(http: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    assert_problem(episode.post({"action_type": "read_logs"}, expected_version=5), 409, "wrong_expected_version")
    assert [event["kind"] for event in episode.events()] == ["reset"]


def test_of_many_writers_at_one_version_one_wins(http: httpx.Client) -> None:
    episode = Episode(http, seed=5)

    def write(_: int) -> int:
        return episode.post({"action_type": "read_config"}, expected_version=1).status_code

    with ThreadPoolExecutor(8) as writers:
        codes = sorted(writers.map(write, range(8)))
    assert codes == [200] + [409] * 7
    assert [event["kind"] for event in episode.events()] == ["reset", "read"]


def test_unversioned_steps_on_one_episode_run_one_after_another(http: httpx.Client) -> None:
    episode = Episode(http, seed=5)

    def write(_: int) -> Any:
        return episode.step("read_config")["info"]["version"]

    with ThreadPoolExecutor(8) as writers:
        versions = sorted(writers.map(write, range(16)))
    assert versions == list(range(2, 18))
    assert episode.state()["step_count"] == 16


def test_a_request_id_is_recorded(http: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    episode.play({"action_type": "read_config"}, request_id="r-2")
    assert [event["request_id"] for event in episode.events()] == [None, "r-2"]


def test_a_request_id_with_another_action_is_a_conflict(http: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    episode.play({"action_type": "read_config"}, request_id="r-2")
    assert_problem(episode.post({"action_type": "read_logs"}, request_id="r-2"), 409, "request_id_reused")
    assert episode.state()["step_count"] == 1


def test_a_request_id_is_looked_up_before_the_expected_version(http: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    episode.play({"action_type": "read_config"}, request_id="r-2", expected_version=1)
    again = episode.post({"action_type": "read_logs"}, request_id="r-2", expected_version=1)
    assert_problem(again, 409, "request_id_reused")


def test_a_request_id_belongs_to_its_episode(http: httpx.Client) -> None:
    for episode in (Episode(http, seed=5), Episode(http, seed=5)):
        assert episode.play({"action_type": "read_config"}, request_id="r-2")["info"]["step_count"] == 1


def test_an_action_that_was_rejected_may_be_sent_again_with_its_request_id(http: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    assert_problem(episode.post({"action_type": "read"}, request_id="r-2"), 422, "invalid")
    assert episode.play({"action_type": "read_config"}, request_id="r-2")["info"]["step_count"] == 1


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/no-such-page", 404), ("GET", "/step", 405), ("POST", "/state", 405)]
)
def test_errors_of_the_router_have_the_same_body(http: httpx.Client, method: str, path: str, status: int) -> None:
    response = http.request(method, path)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert {"type", "title", "status", "code", "detail"} <= set(response.json())


def test_the_detail_of_an_error_is_one_sentence(http: httpx.Client) -> None:
    problem = assert_problem(
        http.post("/step", json={"action": {"action_type": "read_config"}}), 400, "episode_unnamed"
    )
    assert problem["detail"].endswith(".")


def test_an_error_does_not_hurt_the_next_call(http: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    assert_problem(episode.post({"action_type": "read"}), 422, "invalid")
    assert accepted(episode.post({"action_type": "read_config"}))["info"]["step_count"] == 1
