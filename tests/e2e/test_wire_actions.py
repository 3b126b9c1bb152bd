"""WIRE.md, "Step": the shape of an answer, both forms of a step, sanity checks, and what every action accepts."""

from __future__ import annotations

import httpx
import pytest

from tests.e2e.playing import CHECKS, SHORT_READS, Episode, Json, accepted

NULL_PARAMETERS: Json = {
    "artifact_name": None,
    "log_filter": None,
    "field_path": None,
    "sanity_check_type": None,
    "failure_category": None,
    "root_cause_file": None,
    "root_cause_field": None,
    "diagnosis": None,
    "proposed_fix": None,
    "patch": None,
    "confidence": None,
}
COMPLETE_ACTIONS: list[Json] = [
    *({"action_type": action_type} for action_type in SHORT_READS),
    {"action_type": "read_artifact", "artifact_name": "config.yaml"},
    {"action_type": "query_artifact", "artifact_name": "config.yaml", "field_path": "optimizer.momentum"},
    {"action_type": "run_sanity_check", "sanity_check_type": "loss_trajectory"},
    {"action_type": "run_experiment"},
    {"action_type": "submit_diagnosis", "diagnosis": "unknown"},
]


def by_type(action: Json) -> str:
    return str(action["action_type"])


def test_a_step_answers_in_the_shape_of_a_reset(http: httpx.Client) -> None:
    body = Episode(http, task_id="medium", seed=5).step("read_config")
    assert set(body) == {"observation", "reward", "done", "info", "metadata"}
    assert body["metadata"] == body["info"]
    assert (type(body["reward"]), body["done"]) == (float, False)


def test_a_step_leaves_the_static_keys_out(http: httpx.Client) -> None:
    assert set(Episode(http, seed=5).step("read_config")["observation"]) == {
        "task_id",
        "last_action_result",
        "artifacts_read",
        "checks_run",
        "step_count",
        "max_steps",
        "experiments_left",
        "messages",
    }


def test_info_counts_the_step_and_the_version(http: httpx.Client) -> None:
    episode = Episode(http, task_id="medium", seed=5)
    episode.step("read_config")
    assert episode.step("read_logs")["info"] == {
        "episode_id": episode.id,
        "version": 3,
        "task_id": "medium",
        "step_count": 2,
        "max_steps": 30,
        "truncated": False,
    }


def test_the_etag_is_the_version(http: httpx.Client) -> None:
    response = Episode(http, seed=5).post({"action_type": "read_config"})
    assert response.headers["etag"].strip('"') == "2"


def test_the_observation_lists_what_was_read_and_run_in_order(http: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    episode.step("read_logs")
    episode.step("run_sanity_check", sanity_check_type="class_balance")
    episode.step("read_config")
    episode.step("read_logs")
    observation = episode.step("run_sanity_check", sanity_check_type="data_leakage")["observation"]
    assert observation["artifacts_read"] == ["train.log", "config.yaml"]
    assert observation["checks_run"] == ["class_balance", "data_leakage"]
    assert observation["step_count"] == 5


def test_an_experiment_trains_again_and_is_counted(http: httpx.Client) -> None:
    episode = Episode(http, task_id="medium", seed=5)
    entry = {"file": "config.yaml", "field": "training.epochs", "value": 9}
    observation = episode.step("run_experiment", patch=[entry])["observation"]
    result = observation["last_action_result"]
    assert set(result) == {"status", "experiment"}
    experiment = result["experiment"]
    assert set(experiment) == {"number", "patch", "status", "log_tail", "metrics"}
    assert (experiment["number"], experiment["patch"], experiment["status"]) == (1, [entry], "finished")
    assert [line for line in experiment["log_tail"] if line.startswith("[EPOCH 09]")]
    assert set(experiment["metrics"]) == {"train", "validation", "by_source"}
    assert observation["experiments_left"] == 1


def test_an_experiment_beyond_the_budget_is_refused(http: httpx.Client) -> None:
    episode = Episode(http, task_id="easy", seed=5)
    assert episode.result("run_experiment")["status"] == "ok"
    refused = episode.result("run_experiment", patch=[])
    assert (refused["status"], refused["reason"]) == ("refused", "no_experiments_left")
    assert episode.state()["experiments_left"] == 0


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"file": "config.yaml", "field": "no.such.field", "value": 1}, "unknown_field"),
        ({"file": "config.yaml", "field": "model.dropout", "value": 3}, "invalid_value"),
    ],
)
def test_a_patch_that_cannot_be_trained_with_is_refused(http: httpx.Client, entry: Json, reason: str) -> None:
    episode = Episode(http, task_id="easy", seed=5)
    observation = episode.step("run_experiment", patch=[entry])["observation"]
    assert (observation["last_action_result"]["status"], observation["last_action_result"]["reason"]) == (
        "refused",
        reason,
    )
    assert (observation["experiments_left"], observation["step_count"]) == (1, 1)


def test_an_artifact_that_the_run_lacks_is_refused(http: httpx.Client) -> None:
    episode = Episode(http, task_id="easy", seed=5)
    listed = {each["name"] for each in episode.first["observation"]["available_artifacts"]}
    assert "changes.diff" not in listed
    for refused in (
        episode.result("read_artifact", artifact_name="changes.diff"),
        episode.result("query_artifact", artifact_name="changes.diff", field_path="x"),
    ):
        assert (refused["status"], refused["reason"]) == ("refused", "unknown_artifact")


def test_a_refused_action_is_an_event_and_a_step(http: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    body = episode.step("query_artifact", artifact_name="config.yaml", field_path="no.such.field")
    assert (body["info"]["step_count"], body["info"]["version"]) == (1, 2)
    assert [event["kind"] for event in episode.events()] == ["reset", "refuse"]


def test_a_refused_query_does_not_count_as_read(http: httpx.Client) -> None:
    body = Episode(http, seed=5).step("query_artifact", artifact_name="config.yaml", field_path="no.such.field")
    assert body["observation"]["artifacts_read"] == []


@pytest.mark.parametrize("check", CHECKS)
def test_a_sanity_check_measures_and_says_why_it_flags(http: httpx.Client, check: str) -> None:
    result = Episode(http, seed=5).result("run_sanity_check", sanity_check_type=check)
    assert set(result) == {"status", "sanity_check"}
    measured = result["sanity_check"]
    assert set(measured) == {"check", "flag", "reasons", "measured"}
    assert (result["status"], measured["check"]) == ("ok", check)
    assert measured["measured"]
    assert measured["flag"] is bool(measured["reasons"])


def test_a_sanity_check_gives_the_same_numbers_again(http: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    first, second = (episode.result("run_sanity_check", sanity_check_type="loss_trajectory") for _ in range(2))
    assert first == second


@pytest.mark.parametrize("action", COMPLETE_ACTIONS, ids=by_type)
def test_the_flat_form_does_what_the_nested_form_does(http: httpx.Client, action: Json) -> None:
    nested, flat = Episode(http, seed=5), Episode(http, seed=5)
    flat_body = accepted(http.post("/step", json={"episode_id": flat.id, **action}))
    nested_body = nested.play(action)
    assert (flat_body["observation"], flat_body["reward"]) == (nested_body["observation"], nested_body["reward"])


def test_the_flat_form_takes_off_the_four_outer_keys(http: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    outer = {"episode_id": episode.id, "request_id": "r-1", "expected_version": 1, "timeout_s": 30}
    accepted(http.post("/step", json={**outer, "action_type": "read_config"}))
    assert episode.events()[-1]["request_id"] == "r-1"


def test_other_outer_keys_of_the_nested_form_are_ignored(http: httpx.Client) -> None:
    body = Episode(http, seed=5).play({"action_type": "read_config"}, timeout_s=30, colour="blue")
    assert body["info"]["step_count"] == 1


@pytest.mark.parametrize("action", COMPLETE_ACTIONS, ids=by_type)
def test_every_action_accepts_metadata(http: httpx.Client, action: Json) -> None:
    plain, described = Episode(http, seed=5), Episode(http, seed=5)
    assert described.play({**action, "metadata": {"tag": "x"}})["observation"] == plain.play(action)["observation"]


@pytest.mark.parametrize("action", COMPLETE_ACTIONS, ids=by_type)
def test_parameters_of_other_actions_that_are_null_count_as_absent(http: httpx.Client, action: Json) -> None:
    plain, padded = Episode(http, seed=5), Episode(http, seed=5)
    assert padded.play({**NULL_PARAMETERS, **action})["observation"] == plain.play(action)["observation"]
